import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { count } from '../../test/budgets/count.ts'
import { startApp, type Restaurant, type TestApp } from '../../test/kit.ts'
import { upTo } from '../../test/patience.ts'
import { later, putVisits, sat } from '../../test/visits.ts'
import { declaredStatements } from '../platform/database/db.ts'
import { clockOf, type Instant } from '../platform/clock.ts'
import { newId } from '../platform/ids.ts'
import { createLog } from '../platform/observability/log.ts'
import { keepTurns } from './keep-turns.ts'

let app: TestApp
let now = '2026-11-27T20:00:00.000000Z' as Instant
let micros = 0
const clock = clockOf(() => `${now.slice(0, 20)}${String(micros++ % 1_000_000).padStart(6, '0')}Z` as Instant)

beforeAll(async () => {
  app = await startApp({ ACCESS_TOKEN_EXPIRE_MINUTES: '100000' }, { clock })
  await app.database.sql(`alter table qtable.restaurants alter day_start set default '04:00'`)
})
afterAll(() => app.close())

const refresh = async (of: Restaurant) => {
  const answer = await of.v2('POST', '/turns/refresh', {})
  expect(answer.status, answer.text).toBe(200)
  return answer.body as { result: { isDone: boolean; countedUntil: string }; seq: number | null }
}

async function refreshAll(of: Restaurant): Promise<number> {
  for (let times = 1; ; times++) if ((await refresh(of)).result.isDone) return times
}

interface TurnValue {
  readonly visits: number[]
  readonly logMeans: number[]
}

const turnOf = async (of: Restaurant): Promise<TurnValue | undefined> => {
  const { entities } = (await of.v2('GET', '/snapshot')).body as { entities: { kind: string; value: TurnValue }[] }
  return entities.find(({ kind }) => kind === 'turn')?.value
}

test('Q2: a refresh tells devices of turn times once a day is over, and only then', async () => {
  const of = await app.restaurant()
  await putVisits(app.database, of.id, [sat('2026-11-27T18:00:00Z', 60)])
  expect(await refresh(of)).toMatchObject({ result: { isDone: true }, seq: null })
  expect(await turnOf(of)).toBeUndefined()
  now = '2026-11-28T04:30:00.000000Z' as Instant
  // Hosts have an hour to correct what they did.
  expect((await refresh(of)).seq).toBeNull()
  now = '2026-11-28T05:00:00.000000Z' as Instant
  const told = await refresh(of)
  expect(told).toMatchObject({ result: { isDone: true, countedUntil: '2026-11-28T04:00:00.000000Z' } })
  expect(told.seq).not.toBeNull()
  const turn = (await turnOf(of))!
  expect(turn.visits.reduce((sum, n) => sum + n)).toBe(1)
  // Nothing new: no change, and nothing is counted twice.
  expect((await refresh(of)).seq).toBeNull()
  expect(await turnOf(of)).toEqual(turn)
})

test('Q4: refreshes at once count every visit once', async () => {
  const of = await app.restaurant()
  now = '2026-11-28T05:00:00.000000Z' as Instant
  await putVisits(
    app.database,
    of.id,
    Array.from({ length: 50 }, (_, n) => sat(`2026-11-27T18:00:${10 + (n % 50)}Z`, 60)),
  )
  await Promise.all(Array.from({ length: 4 }, () => refresh(of)))
  const [row] = await app.database.sql<{ parties: number }>(
    'select sum(parties)::int as parties from qtable.visit_slots where restaurant_id = $1',
    [of.id],
  )
  expect(row!.parties).toBe(50)
})

test('Q4: a refresh takes as many statements for a thousand visits as for ten', async () => {
  now = '2026-11-28T05:00:00.000000Z' as Instant
  const costs = []
  for (const visits of [10, 1_000]) {
    const of = await app.restaurant()
    await putVisits(
      app.database,
      of.id,
      Array.from({ length: visits }, (_, n) => sat(later('2026-11-20T09:00:00Z', n * 6), 45)),
    )
    await refresh(await app.restaurant())
    app.app.identities.forget(of.staffId)
    await of.v2('GET', '/tables')
    const { statements, trips } = await count(() => refresh(of))
    // What the hub asks by itself now and then, where the logs end, is one trip of four statements.
    costs.push(trips > 4 ? { statements: statements - 4 * (trips - 4), trips: 4 } : { statements, trips })
  }
  expect(costs[1]).toEqual(costs[0])
  expect(costs[0]).toEqual({ statements: 13, trips: 4 })
})

test('Q4: housekeeping refreshes restaurants whose day is over, each once, and says that the server did it', async () => {
  now = '2026-11-28T05:00:00.000000Z' as Instant
  const [busy, quiet] = [await app.restaurant(), await app.restaurant()]
  await putVisits(app.database, busy.id, [sat('2026-11-27T18:00:00Z', 60), sat('2026-10-01T18:00:00Z', 60)])
  const counted = new Map<string, Instant>()
  const deps = { db: app.database.db, clock, newId, log: createLog('silent') }
  const keep = () => keepTurns(deps, counted, new AbortController().signal)
  expect(await keep()).toEqual({ refreshed: counted.size, busy: false })
  expect(counted.get(busy.id)).toBe('2026-11-28T04:00:00.000000Z')
  expect(counted.get(quiet.id)).toBe('2026-11-28T04:00:00.000000Z')
  expect(await keep()).toEqual({ refreshed: 0, busy: false })
  const changes = await app.database.sql(
    `select command, actor_kind from qtable.changes where restaurant_id = $1 order by seq desc limit 1`,
    [busy.id],
  )
  expect(changes).toEqual([{ command: 'refresh-turns', actor_kind: 'server' }])
  // A day later only the restaurants where something has happened are due.
  now = '2026-11-29T05:00:00.000000Z' as Instant
  await keep()
  await busy.walkIn()
  now = '2026-11-30T05:00:00.000000Z' as Instant
  expect(await keep()).toEqual({ refreshed: 1, busy: false })
})

// TURNS_VISITS=1000000 is the long form; it takes some minutes.
const VISITS = Number(process.env['TURNS_VISITS'] ?? 20_000)
const PER_DAY = 300

const past = `insert into qtable.guests (restaurant_id, id, first_name, last_name, party_size, status, check_in_time,
    seated_time, finished_time, ended_at, created_at, updated_at)
  select $1, gen_random_uuid(), 'Ada', '', 1 + g % 6, 'finished', at - interval '9 minutes', at, until, until, at, at
  from generate_series(1, $2::int) g,
    lateral (select $3::timestamptz - (g / ${PER_DAY}) * interval '1 day' - (g % ${PER_DAY}) * interval '2 minutes' as at) a,
    lateral (select at + (30 + g % 50) * interval '1 minute' as until) u`

test(
  `Q4: after ${VISITS} visits a refresh reads the visits of the new day only`,
  { timeout: upTo(VISITS * 2 + 30_000) },
  async () => {
    now = '2026-11-28T05:00:00.000000Z' as Instant
    const of = await app.restaurant()
    await app.database.sql(past, [of.id, VISITS, '2026-11-27T22:00:00Z'])
    await app.database.sql('vacuum (analyze) qtable.guests')
    const began = performance.now()
    const times = await refreshAll(of)
    const first = performance.now() - began
    // Years before, which no estimate reads.
    await app.database.sql(
      `insert into qtable.visit_slots select $1, '2025-11-01'::date - g / 20, g % 20, 2, 1, 2, 0, 1, 45, 3.8, 14.4, 0, 0, 0, 0, 0, 0
       from generate_series(1, 20000) g on conflict do nothing`,
      [of.id],
    )
    await app.database.sql('vacuum (analyze) qtable.visit_slots')
    const [year] = await app.database.sql<{ slots: number }>(
      `select count(*)::int as slots from qtable.visit_slots where restaurant_id = $1 and day > '2025-11-30'`,
      [of.id],
    )
    now = '2026-11-29T05:00:00.000000Z' as Instant
    await app.database.sql(past, [of.id, PER_DAY - 1, '2026-11-28T22:00:00Z'])
    const values = { from: '2026-11-28T04:00:00Z', to: '2026-11-29T04:00:00Z' }
    const read = {
      due: await rowsRead('due-visits', of.id, `'${of.id}', '${now}'`),
      visits: await rowsRead('ended-visits', of.id, `'${of.id}', '${values.from}', '${values.to}'`),
      log: await rowsRead('table-moments', of.id, `'${of.id}', '${values.from}', '${values.to}'`),
      slots: await rowsRead('stay-sums', of.id, `'${of.id}', '${now}'`),
    }
    const beganDay = performance.now()
    expect((await refresh(of)).result.isDone).toBe(true)
    const millis = performance.now() - beganDay
    console.log(
      `${VISITS} visits counted in ${times} refreshes, ${Math.round(first)} ms; the next day in ${Math.round(millis)} ms, rows read: ${JSON.stringify(read)}`,
    )
    expect(read.due).toBeLessThanOrEqual(20)
    expect(read.visits).toBeLessThanOrEqual(PER_DAY + 5)
    expect(read.log).toBeLessThanOrEqual(5)
    expect(read.slots).toBeLessThanOrEqual(year!.slots + 10)
  },
)

interface Plan {
  readonly 'Relation Name'?: string
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly Plans?: readonly Plan[]
}

const rowsOf = (plan: Plan): number =>
  (plan['Relation Name'] === undefined
    ? 0
    : (plan['Actual Rows'] + (plan['Rows Removed by Filter'] ?? 0)) * plan['Actual Loops']) +
  (plan.Plans ?? []).reduce((sum, each) => sum + rowsOf(each), 0)

/** The rows of tables that a statement reads, as the server runs it for a restaurant. */
async function rowsRead(name: string, restaurantId: string, values: string): Promise<number> {
  const { text } = declaredStatements().find((each) => each.name === name)!
  const client = new pg.Client({ connectionString: app.database.url })
  await client.connect()
  try {
    await client.query('begin')
    await client.query('set local role qtable_app')
    await client.query(
      `select set_config('search_path', 'qtable, pg_temp', true), set_config('timezone', 'UTC', true),
       set_config('qtable.restaurant_id', '${restaurantId}', true), set_config('plan_cache_mode', 'force_generic_plan', true)`,
    )
    await client.query(`prepare counted as ${text}`)
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
      `explain (analyze, format json) execute counted (${values})`,
    )
    return rowsOf(rows[0]!['QUERY PLAN'][0].Plan)
  } finally {
    await client.end()
  }
}
