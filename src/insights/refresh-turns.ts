import { z } from 'zod'
import { statement } from '../platform/database/db.ts'
import { sentInstant } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'
import { microsOf, type Instant } from '../platform/clock.ts'
import { command } from '../changes/command/command.ts'
import { lockTurns, saveTurns } from '../turns/turns.ts'
import { slotsOf, tableDaysOf } from './rules.ts'
import { addTableDays, readTableMoments } from './table-use.ts'
import {
  addVisitSlots,
  CLOCK,
  dayOf,
  ENDED,
  readEndedVisits,
  readStaySums,
  startOf,
  whoseStayCounts,
} from './visits.ts'

// The row that one refresh after the other locks.
const lockCount = statement(
  'lock-counted-visits',
  `insert into counted_visits (restaurant_id, until) values ($1, '1970-01-01 00:00:00+00')
   on conflict (restaurant_id) do update set until = counted_visits.until returning until`,
)

// When the first visit ended that ended at a time or later; infinity if none did.
const firstEnded = (from: string): string =>
  `least(${['guests', 'reservations']
    .map(
      (table) =>
        `(select ${ENDED} from ${table} where restaurant_id = $1 and ${ENDED} >= ${from} order by ${ENDED} limit 1)`,
    )
    .join(', ')}, 'infinity')`

// Some service days that are over for an hour, since hosts correct what they did, from the first visit that is not
// counted. All days if no visit is left after these.
const findDue = statement(
  'due-visits',
  `select until as "from", case when ${firstEnded('fortnight')} < cut then fortnight else cut end as "to", cut
   from counted_visits, ${CLOCK} clock,
     lateral (select ${startOf(dayOf(`$2::timestamptz - interval '1 hour'`))} as cut) c,
     lateral (select ${startOf(`${dayOf(`least(${firstEnded('until')}, cut)`)} + ${limits.insightDays.counted}`)} as fortnight) f
   where restaurant_id = $1`,
)

const setCount = statement('set-counted-visits', `update counted_visits set until = $2 where restaurant_id = $1`)

/** Which visits are due, and up to when all will have been counted. */
interface Due {
  readonly from: Instant
  readonly to: Instant
  readonly cut: Instant
}

/**
 * Counts the visits and the table use of days that are over, a fortnight at most, and makes turn times of what is counted
 * of the last year. It reads no visit twice, however many there are. `isDone`: nothing more is due. Spec: Q2, Q4, Y1.
 */
export const refreshTurns = command({
  name: 'refresh-turns',
  summary: 'Count the days that are over, and refresh the turn times. Housekeeping does it too',
  method: 'POST',
  path: '/turns/refresh',
  role: 'manager',
  inBatch: false,
  budget: [6, 2],
  input: z.strictObject({}),
  answer: z.object({ countedUntil: sentInstant, isDone: z.boolean() }),
  async run(w): Promise<{ countedUntil: Instant; isDone: boolean }> {
    const { tx, restaurantId, now } = w
    tx.send(lockCount, [restaurantId])
    const [turns, { from, to, cut }] = await Promise.all([lockTurns(w), tx.one<Due>(findDue, [restaurantId, now])])
    const isDone = to >= cut
    if (from >= to) return { countedUntil: from, isDone }
    const [visits, moments] = await Promise.all([
      readEndedVisits(tx, restaurantId, from, to),
      readTableMoments(tx, restaurantId, from, to),
    ])
    const slots = slotsOf(visits, whoseStayCounts(visits, turns))
    if (slots.length > 0) addVisitSlots(tx, restaurantId, slots)
    if (moments.length > 0) addTableDays(tx, restaurantId, tableDaysOf(moments, microsOf(to) / 1000))
    tx.send(setCount, [restaurantId, to])
    // Without a new visit the estimate stays, though what it is made of is older.
    if (isDone && slots.some(({ stays }) => stays > 0)) saveTurns(w, turns, await readStaySums(tx, restaurantId, now))
    return { countedUntil: to, isDone }
  },
})
