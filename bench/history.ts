import { Db } from '../src/platform/database/db.ts'
import { createLog } from '../src/platform/observability/log.ts'
import type { Context } from '../src/changes/command/command.ts'
import { execute } from '../src/changes/command/execute.ts'
import { Hub } from '../src/changes/hub/hub.ts'
import { LiveFloors } from '../src/changes/floor/live-floors.ts'
import { ask } from '../src/changes/query.ts'
import { clearTable } from '../src/floor/clear-table.ts'
import { getFloor } from '../src/floor/get-floor.ts'
import { guestsOnFloor } from '../src/guests/guests.ts'
import { listGuests } from '../src/guests/list-guests.ts'
import { seatGuest } from '../src/guests/seat-guest.ts'
import { setGuestStatus } from '../src/guests/set-guest-status.ts'
import { reservationsOnFloor } from '../src/reservations/reservations.ts'
import { tablesOnFloor } from '../src/tables/tables.ts'
import { median } from './figures.ts'
import { addRestaurant, asSuperuser, openPostgres, partiesAndTables } from './floor.ts'
import { idIn, idOf } from './pairs.ts'
import { quiet } from './ours.ts'
import { atMost, by, row } from './report.ts'

/**
 * What the past costs: two restaurants with the same evening, one with few guests of past weeks and one with many. They take
 * turns. About three minutes; `--quick` takes half a one.
 */

const PAST = by({ full: [1_000, 1_000_000], quick: [1_000, 100_000], short: [1_000, 10_000] })
const ROUNDS = by({ full: 200, quick: 60, short: 20 })
const WARM_UP = 10
/** What may be so many times dearer with many than with few, at most. */
const FLAT = 1.2
const GUESTS = 300
const TABLES = 40

/** A restaurant by its place in `PAST`. */
const houses = PAST.map((past, n) => {
  const first = (n + 1) * 10_000_000
  const [restaurantId, staffId] = [idOf(n + 1), idOf(first - 1)]
  return { past, first, context: { restaurantId, actor: { staffId, role: 'owner' } } satisfies Context }
})
type House = (typeof houses)[number]

async function furnish(url: string, db: Db): Promise<void> {
  for (const [n, { past, first, context }] of houses.entries()) {
    await addRestaurant(db, context.restaurantId, context.actor.staffId)
    await asSuperuser(
      url,
      ...partiesAndTables(`${n + 1}`, first, GUESTS, TABLES),
      // Evenings of the past years: the youngest ended two weeks ago.
      `insert into guests (restaurant_id, id, first_name, last_name, party_size, status, check_in_time, finished_time, ended_at, created_at, updated_at)
       select '${context.restaurantId}', ${idIn(`${first + 1_000_000} + i`)}, 'Guest', i::text, 2, 'finished', at, at + interval '1 hour', at + interval '1 hour', at, at
       from (select i, now() - interval '14 days' - i * interval '1 minute' as at from generate_series(1, ${past}) i) past`,
    )
  }
  await asSuperuser(url, 'vacuum (analyze)', 'checkpoint')
}

/** What is measured: each once for a house, as the numbered time. */
function measures(db: Db): Readonly<Record<string, (house: House, n: number) => Promise<unknown>>> {
  const deps = quiet(db)
  const log = createLog('silent')
  const kinds = [tablesOnFloor, reservationsOnFloor, guestsOnFloor]
  const pair = ({ first }: House, n: number) => idOf(first + (n % TABLES))
  return {
    'dashboard, its floor read anew': async ({ context }) => {
      const hub = new Hub(db, log)
      const floors = new LiveFloors({ db, hub, clock: deps.clock, log, kinds, historyDays: 7 })
      ;(await floors.hold(context.restaurantId)).release()
      floors.close()
      hub.close()
    },
    'dashboard, asked of the database': ({ context }) => ask(deps, getFloor, context, { historyDays: 7 }),
    'list of guests, a page of 50': ({ context }) => ask(deps, listGuests, context, { historyDays: 7, limit: 50 }),
    'all guests ever, a page of 50': ({ context }) => ask(deps, listGuests, context, { historyDays: 0, limit: 50 }),
    seat: (house, n) => {
      const id = pair(house, n)
      return execute(deps, seatGuest, house.context, { guestId: id, tableId: id })
    },
    clear: (house, n) => execute(deps, clearTable, house.context, { tableId: pair(house, n) }),
    'status, back to the waitlist': (house, n) =>
      execute(deps, setGuestStatus, house.context, { guestId: pair(house, n), status: 'waitlist', force: true }),
  }
}

const postgres = await openPostgres(false)
const db = new Db({ url: postgres.url, poolSize: 2 })
try {
  await furnish(postgres.url, db)
  const all = Object.entries(measures(db)).map(([name, measure]) => ({
    name,
    measure,
    took: new Map<House, number[]>(),
  }))
  for (let round = 0; round < WARM_UP + ROUNDS; round++)
    for (const { measure, took } of all)
      for (const house of round % 2 === 0 ? houses : houses.toReversed()) {
        const began = performance.now()
        await measure(house, round)
        if (round >= WARM_UP) took.set(house, [...(took.get(house) ?? []), performance.now() - began])
      }
  const [few, many] = houses.map(({ past }) => past.toLocaleString('en'))
  for (const { name, took } of all) {
    const [less, more] = houses.map((house) => median(took.get(house)!)) as [number, number]
    const what = `${name}, ${many} past guests, ${few} of them`
    row(what, `${more.toFixed(2)} ms`, `${less.toFixed(2)} ms`, more / less, atMost(FLAT))
  }
} finally {
  await db.close()
  await postgres.close()
}
