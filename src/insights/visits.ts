import { statement, type Tx } from '../platform/database/db.ts'
import { limits } from '../platform/limits.ts'
import type { Instant } from '../platform/clock.ts'
import { countedStays, findTurns, type StaySums, type TurnEstimate } from '../turns/turns.ts'
import { CELLS, cellOf, periodOf, weekdayOf } from '../turns/rules.ts'
import { daysBetween, slotsOf, type Slot, type Visit } from './rules.ts'

/** Reads visits, and reads and stores what is counted of them. */

/** The clock of the restaurant `$1`, in SQL: its `zone`, and when its service day begins, as `start`. */
export const CLOCK = `(select r.time_zone as zone, r.day_start::interval as start from restaurants r where r.restaurant_id = $1)`

/** The service day of an instant, in SQL, where `CLOCK` is at hand. */
export const dayOf = (at: string): string => `((${at}) at time zone zone - start)::date`

/** When a service day begins, in SQL, where `CLOCK` is at hand. */
export const startOf = (day: string): string => `((${day}) + start) at time zone zone`

/** When a visit ended, as the indexes of guests and reservations have it. */
export const ENDED = `case when ended_at is null then 'infinity' else ended_at end`
const FACTS = `party_size, status, reservation_time, check_in_time, seated_time, finished_time, created_at`
const QUOTES = `quoted_from, quoted_to, quoted_at, first_quoted_to, end_reason`
// Reservations are not quoted.
const UNQUOTED = `null::int, null::int, null::timestamptz, null::int, null`

// A reservation that belongs to a guest is the guest's visit.
const visitsThat = (condition: string): string => `
  select ${dayOf('began')}::text as day, slot, party_size as "partySize", status,
    reservation_time is not null as "hasReserved", seated_time is not null as "hasSat", check_in_time is not null as "hasCome",
    case when status = 'finished' then extract(epoch from finished_time - seated_time)::float8 / 60 end as stay,
    extract(epoch from seated_time - check_in_time)::float8 / 60 as wait, quoted_from as "quotedFrom",
    quoted_to as "quotedTo", extract(epoch from seated_time - quoted_at)::float8 / 60 as "waitAfterQuote",
    first_quoted_to as "firstQuotedTo", end_reason as "endReason"
  from (
    select ${FACTS}, ${QUOTES} from guests where restaurant_id = $1 and ${condition}
    union all
    select ${FACTS}, ${UNQUOTED} from reservations where restaurant_id = $1 and guest_id is null and ${condition}) visit,
    lateral (select coalesce(seated_time, reservation_time, check_in_time, created_at) as began) a, ${CLOCK} clock,
    lateral (select extract(hour from began at time zone zone)::int * 2
      + extract(minute from began at time zone zone)::int / 30 as slot) b`

const readEnded = statement('ended-visits', visitsThat(`${ENDED} >= $2 and ${ENDED} < $3`))

// All that go on too. What ended long ago was counted, unless housekeeping does not run.
const readCurrent = statement(
  'uncounted-visits',
  visitsThat(
    // In a query of its own: PostgreSQL would not look up in an index what is compared with an expression like this.
    `${ENDED} >= (select greatest($2::timestamptz - interval '${limits.insightDays.uncounted} days', max(c.until))
       from counted_visits c where c.restaurant_id = $1)`,
  ),
)

const COLUMNS = {
  day: 'date',
  slot: 'smallint',
  size: 'smallint',
  parties: 'integer',
  covers: 'bigint',
  reserved: 'integer',
  stays: 'integer',
  stayMinutes: 'float8',
  stayLogs: 'float8',
  staySquares: 'float8',
  oddStays: 'integer',
  waits: 'integer',
  waitMinutes: 'float8',
  quotes: 'integer',
  quoteMinutes: 'float8',
  quoteWaits: 'float8',
  quoteErrors: 'float8',
  early: 'integer',
  late: 'integer',
  brokenPromises: 'integer',
  noShows: 'integer',
  walkAways: 'integer',
  cancelled: 'integer',
} as const satisfies Record<keyof Slot, string>
const KEY = ['day', 'slot', 'size']
const columnOf = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
const names = Object.keys(COLUMNS)
const counts = names.filter((name) => !KEY.includes(name))
const selected = (name: string) => (name === 'day' ? 'day::text as day' : `${columnOf(name)} as "${name}"`)

const addSlots = statement(
  'add-visit-slots',
  `insert into visit_slots (restaurant_id, ${names.map(columnOf).join(', ')})
   select $1, ${names.map((name) => `"${name}"`).join(', ')}
   from json_to_recordset($2) as s (${Object.entries(COLUMNS)
     .map(([name, type]) => `"${name}" ${type}`)
     .join(', ')})
   on conflict (restaurant_id, day, slot, size) do update
   set ${counts
     .map(columnOf)
     .map((column) => `${column} = visit_slots.${column} + excluded.${column}`)
     .join(', ')}`,
)

const readSlots = statement(
  'visit-slots',
  `select ${names.map(selected).join(', ')} from visit_slots where restaurant_id = $1 and day between $2 and $3
     and ($3::date - day) % $4 = 0`,
)

// In a query of its own, so that the index finds the days.
const TODAY = `(select ${dayOf('$2::timestamptz')} from ${CLOCK} clock)`

// Restaurants change: what is a quarter old counts half.
const readSums = statement(
  'stay-sums',
  `select size, weekday, hour, sum(weight * stays) as n, sum(weight * stay_logs) as logs, sum(weight * stay_squares) as squares
   from (
     select size, extract(dow from day)::int as weekday, slot / 2 as hour, stays, stay_logs, stay_squares,
       power(0.5, (${TODAY} - day) / 91.0)::float8 as weight
     from visit_slots
     where restaurant_id = $1 and day > ${TODAY} - ${limits.insightDays.ofTurns} and day <= ${TODAY}) slots
   group by size, weekday, hour having sum(stays) > 0`,
)

/** Visits that ended from `from` until `to`. */
export const readEndedVisits = (tx: Tx, restaurantId: string, from: Instant, to: Instant): Promise<Visit[]> =>
  tx.all<Visit>(readEnded, [restaurantId, from, to])

/** Adds to what is counted. */
export function addVisitSlots(tx: Tx, restaurantId: string, slots: readonly Slot[]): void {
  tx.send(addSlots, [restaurantId, JSON.stringify(slots)])
}

/** Of each visit whether its stay can be true, as far as `turns` tells. */
export function whoseStayCounts(visits: readonly Visit[], turns: TurnEstimate | undefined): boolean[] {
  const sat = visits.filter(({ stay }) => stay !== null)
  const isCounted = countedStays(
    sat.map(({ day, slot, partySize, stay }) => ({
      of: { size: partySize, weekday: weekdayOf(day), period: periodOf(Math.floor(slot / 2)) },
      minutes: stay!,
    })),
    turns,
  )
  const counted = new Set(sat.filter((_, index) => isCounted[index]))
  return visits.map((visit) => counted.has(visit))
}

/**
 * What is counted of the days from `first` to `last`, with the visits that no refresh has counted yet: those of today,
 * which go on too. `step`: only every so many days, back from the last. It costs three statements, and reads no visit of a
 * day that is counted.
 */
export async function readHistory(
  tx: Tx,
  restaurantId: string,
  { first, last, step = 1 }: Days,
  now: Instant,
): Promise<Slot[]> {
  const [slots, { visits, isCounted }] = await Promise.all([
    tx.all<Slot>(readSlots, [restaurantId, first, last, step]),
    readUncounted(tx, restaurantId, now),
  ])
  const isMeant = ({ day }: Slot) => day >= first && day <= last && daysBetween(day, last) % step === 0
  return [...slots, ...slotsOf(visits, isCounted).filter(isMeant)]
}

/** The visits that no refresh has counted yet, and whose stay can be true. It costs two statements. */
export async function readUncounted(
  tx: Tx,
  restaurantId: string,
  now: Instant,
): Promise<{ visits: Visit[]; isCounted: boolean[] }> {
  const [visits, turns] = await Promise.all([
    tx.all<Visit>(readCurrent, [restaurantId, now]),
    findTurns(tx, restaurantId),
  ])
  return { visits, isCounted: whoseStayCounts(visits, turns) }
}

/** Service days, both ends included. `step`: only every so many days, back from the last. */
export interface Days {
  readonly first: string
  readonly last: string
  readonly step?: number
}

/** The stays of the last year by cell, the older ones with less weight. */
export async function readStaySums(tx: Tx, restaurantId: string, now: Instant): Promise<StaySums[]> {
  const rows = await tx.all<StaySums & { size: number; weekday: number; hour: number }>(readSums, [restaurantId, now])
  const sums = Array.from({ length: CELLS }, () => ({ n: 0, logs: 0, squares: 0 }))
  for (const { size, weekday, hour, n, logs, squares } of rows) {
    const cell = cellOf({ size, weekday, period: periodOf(hour) })
    const { n: before, logs: logsBefore, squares: squaresBefore } = sums[cell]!
    sums[cell] = { n: before + n, logs: logsBefore + logs, squares: squaresBefore + squares }
  }
  return sums
}
