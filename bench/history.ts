import { newEpoch } from '../src/platform/ids.ts'
import { systemClock } from '../src/platform/clock.ts'
import { Db } from '../src/platform/database/db.ts'
import { createLog } from '../src/platform/observability/log.ts'
import type { Context } from '../src/changes/command/command.ts'
import { execute } from '../src/changes/command/execute.ts'
import { Hub } from '../src/changes/hub/hub.ts'
import { LiveFloors } from '../src/changes/floor/live-floors.ts'
import { startLog } from '../src/changes/log/log.ts'
import { ask } from '../src/changes/query.ts'
import { clearTable } from '../src/floor/clear-table.ts'
import { getFloor } from '../src/floor/get-floor.ts'
import { guestsOnFloor } from '../src/guests/guests.ts'
import { listGuests } from '../src/guests/list-guests.ts'
import { seatGuest } from '../src/guests/seat-guest.ts'
import { setGuestStatus } from '../src/guests/set-guest-status.ts'
import { reservationsOnFloor } from '../src/reservations/reservations.ts'
import { storeRestaurant } from '../src/restaurants/restaurants.ts'
import { storeStaff } from '../src/staff/staff.ts'
import { tablesOnFloor } from '../src/tables/tables.ts'
import { by } from './effort.ts'
import { layOut, median } from './figures.ts'
import { asSuperuser, openPostgres } from './floor.ts'
import { idOf } from './pairs.ts'
import { quiet } from './ours.ts'
import { atMost, curve, row, type Curve } from './report.ts'

/**
 * What the past costs: restaurants with 1,000 to 1,000,000 guests of past weeks, all with the same evening. They take turns. About three minutes; `--quick` has
 * 100,000 at most and takes half a minute.
 */

const PAST = by({
  full: [1_000, 10_000, 100_000, 1_000_000],
  quick: [1_000, 10_000, 100_000],
  short: [1_000, 10_000],
})
const ROUNDS = by({ full: 200, quick: 60, short: 20 })
/** A seat, a clear and a dashboard with the most cost so many times what they cost with the fewest, at most. */
const FLAT = 1.2
const GUESTS = 300
const TABLES = 40

const say = (line: string): void => void process.stdout.write(`${line}\n`)
/** By its place in `PAST`. */
type House = number
const houses = PAST.map((_, n) => ({ restaurantId: idOf(n + 1), first: (n + 1) * 10_000_000 }))
const staffOf = (house: House): string => idOf(houses[house]!.first - 1)

async function furnish(url: string, db: Db): Promise<void> {
  const clock = systemClock()
  for (const house of PAST.keys()) {
    const { restaurantId, first } = houses[house]!
    await db.transaction({ restaurantId }, async (tx) => {
      await storeRestaurant(tx, restaurantId, `House ${house}`, clock.now())
      await startLog(tx, restaurantId, newEpoch(), clock.now())
      const account = { email: `owner-${house}@bench.example`, passwordHash: 'none', firstName: null, lastName: null }
      await storeStaff(tx, { restaurantId, id: staffOf(house), role: 'owner', ...account }, clock.now())
    })
    const id = (offset: number) => `lpad((${first + offset} + i)::text, 32, '0')::uuid`
    await asSuperuser(
      url,
      `insert into tables (restaurant_id, id, number, capacity, x, y, shape, status, created_at, updated_at)
       select '${restaurantId}', ${id(0)}, i::text, 4, 0.5, 0.5, 'round', 'available', now(), now() from generate_series(1, ${TABLES}) i`,
      `insert into guests (restaurant_id, id, first_name, last_name, party_size, status, check_in_time, created_at, updated_at)
       select '${restaurantId}', ${id(0)}, 'Ada', 'Lovelace', 2, 'waitlist', now(), now() - i * interval '1 second', now() from generate_series(1, ${GUESTS}) i`,
      // Evenings of the past years: the youngest ended two weeks ago.
      `insert into guests (restaurant_id, id, first_name, last_name, party_size, status, check_in_time, finished_time, ended_at, created_at, updated_at)
       select '${restaurantId}', ${id(1_000_000)}, 'Guest', i::text, 2, 'finished', at, at + interval '1 hour', at + interval '1 hour', at, at
       from (select i, now() - interval '14 days' - i * interval '1 minute' as at from generate_series(1, ${PAST[house]}) i) past`,
    )
  }
  await asSuperuser(url, 'vacuum (analyze)', 'checkpoint')
}

/** What is measured: each once for a house, as the numbered time. */
function measures(db: Db): Readonly<Record<string, (house: House, n: number) => Promise<unknown>>> {
  const deps = quiet(db)
  const log = createLog('silent')
  const kinds = [tablesOnFloor, reservationsOnFloor, guestsOnFloor]
  const context = (house: House): Context => ({
    restaurantId: houses[house]!.restaurantId,
    actor: { staffId: staffOf(house), role: 'owner' },
  })
  const pair = (house: House, n: number) => idOf(houses[house]!.first + 1 + (n % TABLES))
  return {
    'dashboard, its floor read anew': async (house) => {
      const hub = new Hub(db, log)
      const floors = new LiveFloors({ db, hub, clock: deps.clock, log, kinds, historyDays: 7 })
      ;(await floors.hold(houses[house]!.restaurantId)).release()
      floors.close()
      hub.close()
    },
    'dashboard, asked of the database': (house) => ask(deps, getFloor, context(house), { historyDays: 7 }),
    'list of guests, a page of 50': (house) => ask(deps, listGuests, context(house), { historyDays: 7, limit: 50 }),
    'all guests ever, a page of 50': (house) => ask(deps, listGuests, context(house), { historyDays: 0, limit: 50 }),
    seat: (house, n) => {
      const id = pair(house, n)
      return execute(deps, seatGuest, context(house), { guestId: id, tableId: id })
    },
    clear: (house, n) => execute(deps, clearTable, context(house), { tableId: pair(house, n) }),
    'status, back to the waitlist': (house, n) =>
      execute(deps, setGuestStatus, context(house), { guestId: pair(house, n), status: 'waitlist', force: true }),
  }
}

function report(took: ReadonlyMap<string, readonly (readonly number[])[]>): void {
  const shown = PAST.map((past) => past.toLocaleString('en'))
  const rows = [['what, ms', ...shown, 'ratio']]
  const series: Curve['series'][number][] = []
  for (const [name, houses] of took) {
    const medians = houses.map(median)
    const [few, many] = [medians[0]!, medians.at(-1)!]
    const cells = medians.map((millis) => millis.toFixed(2))
    rows.push([name, ...cells, (many / few).toFixed(2)])
    series.push({ name, points: medians.map((millis, n) => [PAST[n]!, millis] as const) })
    const what = `${name}, ${shown.at(-1)} past guests, ${shown[0]} of them`
    row(what, `${cells.at(-1)} ms`, `${cells[0]} ms`, many / few, atMost(FLAT))
  }
  curve({ title: 'What the past costs', x: 'past guests of the restaurant', y: 'milliseconds', series })
  say(
    `What the past costs: medians of ${ROUNDS} rounds, an evening of ${GUESTS} guests and ${TABLES} tables\n\n${layOut(rows)}`,
  )
}

async function main(): Promise<void> {
  const postgres = await openPostgres(false)
  const db = new Db({ url: postgres.url, poolSize: 2 })
  try {
    await furnish(postgres.url, db)
    const took = new Map<string, number[][]>()
    for (let round = -10; round < ROUNDS; round++)
      for (const [name, measure] of Object.entries(measures(db)))
        for (const house of round % 2 === 0 ? PAST.keys() : [...PAST.keys()].toReversed()) {
          const began = performance.now()
          await measure(house, round + 10)
          const millis = performance.now() - began
          if (!took.has(name))
            took.set(
              name,
              PAST.map(() => []),
            )
          if (round >= 0) took.get(name)![house]!.push(millis)
        }
    report(took)
  } finally {
    await db.close()
    await postgres.close()
  }
}

await main()
