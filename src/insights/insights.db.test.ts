import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { later, putVisits, sat, type PastVisit } from '../../test/visits.ts'
import { startApp, type Restaurant, type TestApp } from '../../test/kit.ts'
import { upTo } from '../../test/patience.ts'
import { clockOf, type Instant } from '../platform/clock.ts'

/** Insights through the door, by a clock of the test's own. */

let app: TestApp
let restaurant: Restaurant
let now = '2026-11-27T20:00:00.000000Z' as Instant

beforeAll(async () => {
  let micros = 0
  // Each time differs, as those of the system's clock do.
  const clock = clockOf(() => `${now.slice(0, 20)}${String(micros++ % 1_000_000).padStart(6, '0')}Z` as Instant)
  app = await startApp({ ACCESS_TOKEN_EXPIRE_MINUTES: '100000' }, { clock })
  await app.database.sql(`alter table qtable.restaurants alter day_start set default '04:00'`)
})
afterAll(() => app.close())
beforeEach(async () => {
  now = '2026-11-27T20:00:00.000000Z' as Instant
  restaurant = await app.restaurant()
})

type Row = Record<string, unknown>

async function ask(path: string): Promise<Row[]> {
  const answer = await restaurant.v2('GET', `/insights/${path}`)
  expect(answer.status, answer.text).toBe(200)
  return answer.body.result as Row[]
}

/** Counts until nothing is due. Gives how often it was asked. */
async function refresh(): Promise<number> {
  for (let times = 1; ; times++) {
    const answer = await restaurant.v2('POST', '/turns/refresh', {})
    expect(answer.status, answer.text).toBe(200)
    if (answer.body.result.isDone) return times
  }
}

const setClock = (zone: string, dayStart: string) =>
  app.database.sql(`update qtable.restaurants set time_zone = $2, day_start = $3 where restaurant_id = $1`, [
    restaurant.id,
    zone,
    dayStart,
  ])

const covers = (rows: readonly Row[]) => rows.reduce((sum, row) => sum + (row['covers'] as number), 0)
const at = (rows: readonly Row[], time: string) => rows.find((row) => row['time'] === time)!

// The clocks change in the night to Sunday: it belongs to Saturday where service days begin at four.
test.each([
  ['2026-03-28', '04:00', '2026-03-28T03:00:00Z', 23, 0],
  ['2026-10-24', '04:00', '2026-10-24T02:00:00Z', 25, 4],
  ['2026-03-29', '00:00', '2026-03-28T23:00:00Z', 23, 0],
  ['2026-10-25', '00:00', '2026-10-24T22:00:00Z', 25, 4],
] as const)(
  'Y3: a day on which the clocks change has every visit once: %s from %s',
  async (day, dayStart, begins, hours, twice) => {
    await setClock('Europe/Berlin', dayStart)
    // One party of one in each quarter of an hour, from two days before to three days after.
    const visits = Array.from({ length: 5 * 96 }, (_, n) => sat(later(begins, 15 * n - 2 * 1_440 + 5), 30, 1))
    await putVisits(app.database, restaurant.id, visits)
    now = `${later(begins, 3 * 1_440 + 120).slice(0, 19)}.000000Z` as Instant
    await refresh()
    const days = [-1, 0, 1].map((n) => later(`${day}T12:00:00Z`, n * 1_440).slice(0, 10))
    const counted = await Promise.all(days.map(async (each) => covers(await ask(`covers?day=${each}`))))
    expect(counted).toEqual([96, hours * 4, 96])
    const rows = await ask(`covers?day=${day}`)
    expect([rows.length, rows[0]!['time'], at(rows, '01:30')['covers']]).toEqual([48, dayStart, 2])
    // The half hour that the clocks leave out, or show twice.
    expect(at(rows, '02:30')['covers']).toBe(twice)
  },
)

test('Y3: covers stand beside the last four same weekdays', async () => {
  await setClock('America/New_York', '04:00')
  now = '2026-11-28T02:00:00.000000Z' as Instant
  // 18:40 in New York, on Friday the 27th and on three Fridays before: one of them in summer time.
  const evening = '2026-11-27T23:40:00Z'
  const of = (weeks: number, sizes: number[]) => sizes.map((size) => sat(later(evening, -weeks * 7 * 1_440), 40, size))
  const summer = [4, 4, 2].map((size) => sat('2026-10-30T22:40:00Z', 40, size))
  await putVisits(app.database, restaurant.id, [...of(0, [2, 5]), ...of(1, [2]), ...of(2, [3]), ...summer])
  await putVisits(app.database, restaurant.id, [
    { ...sat(evening, 40, 6), status: 'seated', finishedTime: null, endedAt: null },
  ])
  const weeks = { weekAgo: 2, twoWeeksAgo: 3, threeWeeksAgo: 0, fourWeeksAgo: 10, usual: 5 }
  await refresh()
  const expected = { time: '18:30', parties: 3, covers: 13, ...weeks }
  expect(at(await ask('covers?day=2026-11-27'), '18:30')).toEqual(expected)
  expect(at(await ask('covers'), '18:30')).toEqual(expected)
  expect(covers(await ask('covers?day=2026-11-26'))).toBe(0)
})

const minute = fc.integer({ min: 0, max: 3 * 1_440 - 1 })
const visit: fc.Arbitrary<PastVisit> = fc
  // Stays about which there is no doubt whether they can be true, whichever others are counted with them.
  .record({ minute, stay: fc.integer({ min: 40, max: 60 }), size: fc.integer({ min: 2, max: 4 }), kind: fc.nat(9) })
  .map(({ minute: n, stay, size, kind }) => {
    const from = later('2026-11-24T09:00:00Z', n)
    const times = { checkInTime: later(from, -stay), reservationTime: kind % 2 === 0 ? from : null }
    if (kind === 0) return { partySize: size, status: 'no_show', reservationTime: from, endedAt: later(from, 60) }
    if (kind === 1) return { partySize: size, status: 'cancelled', ...times, endedAt: later(from, 5) }
    if (kind === 2) return sat(from, 1_000, size, times)
    return sat(from, stay, size, times)
  })

test(
  'Y1: a visit is counted once: insights are the same before and after any refresh',
  { timeout: upTo(60_000) },
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(visit, { minLength: 1, maxLength: 60 }),
        fc.array(minute, { maxLength: 4 }),
        async (visits, times) => {
          now = '2026-11-27T08:30:00.000000Z' as Instant
          restaurant = await app.restaurant()
          await putVisits(app.database, restaurant.id, visits)
          const all = async () => [
            await ask('covers?day=2026-11-25'),
            (await ask('turn-times?from=2026-11-20&to=2026-11-28')).map((row) => ({ ...row, expectedMinutes: 0 })),
            await ask('no-shows?from=2026-11-20&to=2026-11-28'),
          ]
          const before = await all()
          for (const each of times.toSorted((a, b) => a - b)) {
            now = `${later('2026-11-24T09:00:00Z', each).slice(0, 19)}.000000Z` as Instant
            await refresh()
          }
          now = '2026-11-27T08:30:00.000000Z' as Instant
          expect(await all()).toEqual(before)
          await refresh()
          await refresh()
          expect(await all()).toEqual(before)
        },
      ),
      { numRuns: 12, interruptAfterTimeLimit: upTo(20_000), markInterruptAsFailure: false },
    )
  },
)

test('Y4: turn times by size and part of the day, without tables that nobody cleared', async () => {
  const evening = '2026-11-26T18:10:00Z'
  const minutes = [40, 50, 50, 60, 900]
  await putVisits(
    app.database,
    restaurant.id,
    minutes.map((each) => sat(evening, each)),
  )
  const rows = await ask('turn-times?from=2026-11-26&to=2026-11-26')
  const published = (45.5 + 47 + 47.8 + 47.5 + 47.9 + 47.4 + 46.4) / 7
  expect(rows).toEqual([
    {
      size: 2,
      period: 'evening',
      stays: 4,
      meanMinutes: 50,
      typicalMinutes: 49.5,
      oddStays: 1,
      expectedMinutes: Math.round(published * 10) / 10,
    },
  ])
})

test('Y5: no-shows among those who had reserved, walk-aways among those who had not', async () => {
  const t = '2026-11-26T18:00:00Z'
  const ended = { endedAt: later(t, 50) }
  await putVisits(app.database, restaurant.id, [
    ...Array.from({ length: 3 }, () => sat(t, 50, 2, { reservationTime: t })),
    ...Array.from({ length: 4 }, () => sat(t, 50, 3)),
    { partySize: 2, status: 'no_show', reservationTime: t, ...ended },
    { partySize: 2, status: 'cancelled', checkInTime: t, ...ended },
    { partySize: 2, status: 'cancelled', reservationTime: t, ...ended },
  ])
  await app.database.sql(
    `insert into qtable.reservations (restaurant_id, id, guest_name, party_size, status, reservation_time, ended_at, created_at, updated_at)
     select $1, gen_random_uuid(), 'Bo', 2, 'no_show', $2, $2, $2, $2`,
    [restaurant.id, t],
  )
  expect(await ask('no-shows?from=2026-11-26&to=2026-11-26')).toEqual([
    {
      day: '2026-11-26',
      parties: 7,
      covers: 18,
      reserved: 3,
      noShows: 2,
      noShowShare: 0.4,
      walkAways: 1,
      walkAwayShare: 0.2,
      cancelled: 1,
    },
  ])
})

test('Y6: the use of a table is what the log says: parties, moves, and nobody who sat all night', async () => {
  const [a, b] = [await restaurant.table('1', 2), await restaurant.table('2', 4)]
  const seat = async (guestId: string, tableId: string) =>
    expect((await restaurant.v2('POST', `/guests/${guestId}/seat`, { tableId })).status).toBe(200)
  const go = (minutes: number) => (now = `${later(now, minutes).slice(0, 19)}.000000Z` as Instant)
  const [ada, bo, cy] = [await restaurant.walkIn(), await restaurant.walkIn('Bo'), await restaurant.walkIn('Cy')]
  await seat(ada, a)
  go(30)
  await restaurant.v2('POST', `/guests/${ada}/move`, { tableId: b })
  await seat(bo, a)
  go(20)
  await restaurant.v2('POST', `/tables/${b}/clear`, {})
  await restaurant.v2('PATCH', `/tables/${b}`, { x: 0.7 })
  await seat(cy, b)
  const expected = [
    {
      tableId: a,
      number: '1',
      seats: 2,
      section: null,
      days: 1,
      parties: 2,
      minutes: 270,
      minutesPerParty: 135,
      partiesPerDay: 2,
    },
    {
      tableId: b,
      number: '2',
      seats: 4,
      section: null,
      days: 1,
      parties: 2,
      minutes: 260,
      minutesPerParty: 130,
      partiesPerDay: 2,
    },
  ]
  go(12 * 60)
  expect(await ask('tables?from=2026-11-27&to=2026-11-27')).toEqual(expected)
  await refresh()
  expect(await ask('tables?from=2026-11-27&to=2026-11-27')).toEqual(expected)
})

test('Y2: each insight is CSV too, with the columns of its rows', async () => {
  await restaurant.table('=1+1', 2)
  const ada = await restaurant.walkIn()
  const [{ id }] = (await restaurant.v2('GET', '/tables')).body.result
  await restaurant.v2('POST', `/guests/${ada}/seat`, { tableId: id })
  const answer = await restaurant.v2('GET', '/insights/tables?format=csv')
  expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present')
  expect(answer.text.split('\r\n').slice(0, 2)).toEqual([
    'tableId,number,seats,section,days,parties,minutes,minutesPerParty,partiesPerDay',
    `${id},'=1+1,2,,1,1,0,0,1`,
  ])
  for (const path of ['covers', 'turn-times', 'no-shows', 'tables', 'waits']) {
    const csv = await restaurant.v2('GET', `/insights/${path}?format=csv`)
    expect(csv.status).toBe(200)
    const [header] = csv.text.split('\r\n')
    const [row] = await ask(path)
    if (row) expect(header).toBe(Object.keys(row).join(','))
  }
})

test('Y1: days out of order, and more than a year, are refused', async () => {
  for (const [query, code] of [
    ['from=2026-11-02&to=2026-11-01', 'wrong-detail'],
    ['from=2025-01-01&to=2026-11-01', 'wrong-detail'],
    ['to=2026-02-30', 'invalid-input'],
  ] as const) {
    const answer = await restaurant.v2('GET', `/insights/no-shows?${query}`)
    expect([answer.status, answer.body.code]).toEqual([422, code])
  }
})
