import { setMaxListeners } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { textOf } from '../../src/platform/observability/exposition.ts'
import { goneAt } from '../../src/platform/http/client-gone.ts'
import { limits } from '../../src/platform/limits.ts'
import { metrics, type Metric } from '../../src/platform/observability/metrics.ts'
import { openDevice, startApp, TEST_SECRET, type Restaurant, type TestApp } from '../kit.ts'
import { Tokens } from '../../src/platform/tokens.ts'
import { until } from '../process/processes.ts'
import { needsPromtool, objectionsTo, seriesIn, sumOf } from './promtool.ts'
import { upTo } from '../patience.ts'

const OPS_TOKEN = 'a token for tests only'

let app: TestApp
let r: Restaurant
beforeAll(async () => {
  app = await startApp({ OPS_TOKEN, SLOW_STATEMENT_MILLIS: '150', POOL_SIZE: '4' })
  r = await app.restaurant()
})
afterAll(() => app.close())

const scrape = (of = app) => of.call('GET', '/metrics', undefined, { authorization: `Bearer ${OPS_TOKEN}` })

/** How much each metric, over all of its series, moved meanwhile. A histogram by its count. */
async function moved(what: () => Promise<unknown>): Promise<(metric: Metric, labels?: string) => number> {
  const before = seriesIn((await scrape()).text)
  await what()
  const after = seriesIn((await scrape()).text)
  return (metric, labels) => sumOf(after, metric, labels) - sumOf(before, metric, labels)
}

const device = async () => {
  const opened = await openDevice(app.base, `/v2/restaurants/${r.id}/stream`, { wait: false })
  opened.ws.send(JSON.stringify({ type: 'hello', token: r.token }))
  await opened.until((heard) => heard.length === 2)
  return opened
}

test('M1: /metrics opens with the token alone', async () => {
  expect((await scrape()).status).toBe(200)
  expect((await scrape()).headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  expect((await app.call('GET', '/metrics')).status).toBe(401)
  const asOwner = await app.call('GET', '/metrics', undefined, { authorization: `Bearer ${r.token}` })
  expect([asOwner.status, asOwner.text.includes('qtable_')]).toEqual([401, false])
  const closed = await startApp({}, { database: app.database })
  expect((await scrape(closed)).status).toBe(404)
  await closed.close()
})

test('M3: Prometheus has nothing to object', async (context) => {
  needsPromtool(context)
  await r.walkIn()
  const objections = objectionsTo((await scrape()).text)
    .split('\n')
    // A gauge with the name that OpenTelemetry gives it.
    .filter((line) => line !== '' && !line.startsWith('db_client_connection_count '))
  expect(objections).toEqual([])
})

test('M3: requests, refusals and bugs', async () => {
  const by = await moved(async () => {
    await r.call('GET', '/guests')
    await r.call('GET', `/guests/${r.id}`)
    await r.v2('POST', '/guests', {})
    await app.call('GET', '/no/such/path')
  })
  expect(by(metrics.httpDuration, 'http_route="/restaurants/:restaurantId/guests"')).toBe(1)
  expect(by(metrics.httpDuration, 'http_response_status_code="404"')).toBe(2)
  expect(by(metrics.httpDuration, 'http_route="none"')).toBe(1)
  expect(by(metrics.httpErrors, 'code="invalid-input"')).toBe(1)
  expect(by(metrics.httpErrors)).toBe(3)
  await app.database.sql('alter table qtable.guests rename to guests_away')
  const bug = await moved(() => r.call('GET', '/guests?limit=3'))
  await app.database.sql('alter table qtable.guests_away rename to guests')
  expect(bug(metrics.httpErrors, 'code="bug"')).toBe(1)
  expect(bug(metrics.statementErrors, 'sqlstate_class="42"')).toBe(1)
  expect(seriesIn((await scrape()).text).get('http_server_active_requests')).toBe(1)
})

test('M3, M6: statements, their rows and those that are slow; the pool and who waits for it', async () => {
  const by = await moved(async () => {
    await r.walkIn()
    await r.call('GET', '/guests')
  })
  expect(by(metrics.statementDuration, 'db_query_summary="append-change"')).toBe(1)
  expect(by(metrics.statementDuration, 'db_query_summary="commit"')).toBeGreaterThanOrEqual(2)
  expect(by(metrics.statementRows)).toBeGreaterThan(3)
  expect(by(metrics.poolWait)).toBeGreaterThanOrEqual(2)
  expect(by(metrics.changes, 'command="add-guest"')).toBe(1)
  const slow = await moved(() =>
    app.database.sql(
      `do $$ begin
         lock table qtable.tables in access exclusive mode;
         perform pg_sleep(0.1);
       end $$`,
    ),
  )
  expect(slow(metrics.slowStatements)).toBe(0)
  const waits = moved(async () => {
    const locked = app.database.sql(
      `do $$ begin
         lock table qtable.tables in access exclusive mode;
         perform pg_sleep(0.6);
       end $$`,
    )
    const isLocked = async () =>
      (
        await app.database.sql(
          `select 1 from pg_locks where mode = 'AccessExclusiveLock' and relation = 'qtable.tables'::regclass and granted`,
        )
      ).length > 0
    while (!(await isLocked()));
    const reads = Array.from({ length: 6 }, () => r.v2('GET', '/tables'))
    while (app.database.db.figures.waiting === 0) await new Promise((resolve) => setImmediate(resolve))
    const during = seriesIn(here())
    expect(during.get('db_client_connection_pending_requests')).toBeGreaterThan(0)
    expect(during.get('db_client_connection_count{state="used"}')).toBe(4)
    await Promise.all([locked, ...reads])
  })
  const by2 = await waits
  expect(by2(metrics.slowStatements)).toBeGreaterThanOrEqual(4)
  expect(seriesIn((await scrape()).text).get('db_client_connection_max')).toBe(4)
  expect(seriesIn((await scrape()).text).get('qtable_db_up')).toBe(1)
})

/** What is told now, without a question to the database. */
const here = (): string => textOf(Object.values<Metric>(metrics), app.app.ops.readHere())

test(
  'M3: who gets no connection in time, and who comes when too many wait already',
  async () => {
    const { db } = app.database
    let release = () => undefined as void
    const held = new Promise<void>((resolve) => (release = resolve))
    const over = new AbortController()
    setMaxListeners(limits.poolWaiting, over.signal)
    const by = await moved(async () => {
      const holders = Array.from({ length: 4 }, () => db.transaction({ watched: [] }, () => held))
      await until(() => db.figures.used === 4)
      const late = r.v2('GET', '/tables')
      await until(() => db.figures.waiting > 0)
      const waiters: Promise<unknown>[] = []
      while (db.figures.waiting < limits.poolWaiting)
        waiters.push(db.until(goneAt(over.signal)).transaction({ watched: [] }, async () => undefined))
      const oneTooMany = await r.v2('GET', '/tables')
      expect([oneTooMany.status, oneTooMany.body.code]).toEqual([503, 'busy'])
      over.abort()
      const ended = await Promise.allSettled(waiters)
      expect(ended.filter(({ status }) => status === 'fulfilled')).toEqual([])
      const tooLate = await late
      expect([tooLate.status, tooLate.body.code]).toEqual([503, 'busy'])
      release()
      await Promise.all(holders)
    })
    // What the server does on its own waits too.
    expect(by(metrics.poolTimeouts, 'reason="queue-full"')).toBeGreaterThanOrEqual(1)
    expect(by(metrics.poolTimeouts, 'reason="deadline"')).toBeGreaterThanOrEqual(1)
    expect(by(metrics.httpErrors, 'code="busy"')).toBe(2)
  },
  upTo(60_000),
)

test('M3: sockets, what they hear, how long it takes, and what a device acknowledges', async () => {
  let late = 0
  const by = await moved(async () => {
    const [ipad, other, ours] = [await r.device(), await r.device('/ws/restaurant/sync'), await device()]
    const open = seriesIn((await scrape()).text)
    for (const kind of ['stream', 'realtime', 'sync']) expect(open.get(`qtable_sockets_open{kind="${kind}"}`)).toBe(1)
    expect(open.get(`qtable_restaurant_sockets_open{restaurant="${r.id}"}`)).toBe(3)
    expect(open.get('qtable_restaurants_watched')).toBe(1)
    expect(open.get('qtable_floors{state="held"}')).toBe(1)
    expect(open.get('qtable_floor_characters')).toBeGreaterThan(10)
    await r.walkIn('Di')
    await ours.until((heard) => heard.some(({ type }) => type === 'changes'))
    const { seq } = ours.messages.find(({ type }) => type === 'changes')!['changes'][0]
    for (const said of [seq, seq, seq + 7]) ours.ws.send(JSON.stringify({ type: 'applied', seq: said }))
    ours.ws.send('{"type":"ping"}')
    await ours.until((heard) => heard.some(({ type }) => type === 'pong'))
    late = seq
    await ipad.until((heard) => heard.length > 1)
    await Promise.all([ipad.close(), other.close(), ours.close()])
    while (app.app.sockets.figures.sockets + app.app.stream.figures.sockets > 0)
      await new Promise((resolve) => setImmediate(resolve))
  })
  expect(late).toBeGreaterThan(0)
  expect(by(metrics.socketsOpened)).toBe(3)
  expect(by(metrics.socketsClosed, 'code="100')).toBe(3)
  expect(by(metrics.socketFrames, 'kind="stream"')).toBeGreaterThanOrEqual(4)
  expect(by(metrics.socketWrites)).toBeGreaterThanOrEqual(6)
  for (const kind of ['stream', 'realtime', 'sync']) expect(by(metrics.delivered, `kind="${kind}"`), kind).toBe(1)
  expect(by(metrics.applied)).toBe(1)
  const text = (await scrape()).text
  expect(seriesIn(text).get('qtable_change_log_lag_changes')).toBe(0)
  // A millisecond or a few on this machine, not the time of day.
  expect(seriesIn(text).get('qtable_commit_to_delivered_seconds_sum{kind="stream"}')).toBeLessThan(5)
})

test('M3: refused handshakes are counted by their status', async () => {
  const by = await moved(async () => {
    for (const path of ['/no/such/socket', '/realtime?restaurant_id=1&token=x', `/v2/restaurants/${r.id}/stream`])
      await expect(
        openDevice(app.base, path, { wait: false, headers: { authorization: 'Bearer wrong' } }),
      ).rejects.toThrow('refused')
  })
  expect(by(metrics.handshakesRefused, 'http_response_status_code="403"')).toBe(2)
  expect(by(metrics.handshakesRefused, 'http_response_status_code="401"')).toBe(1)
})

test('M3: the process itself', async () => {
  globalThis.gc?.()
  const figures = seriesIn((await scrape()).text)
  const version = [...figures.keys()].find((key) => key.startsWith('qtable_build_info'))
  expect(version).toContain(`node="${process.version}"`)
  expect(figures.get('process_cpu_seconds_total')).toBeGreaterThan(0.1)
  expect(figures.get('process_resident_memory_bytes')).toBeGreaterThan(1e7)
  expect(figures.get('v8js_memory_heap_used_bytes')).toBeLessThan(figures.get('v8js_memory_heap_limit_bytes')!)
  expect(figures.get('process_start_time_seconds')).toBeLessThan(Date.now() / 1000)
  expect(figures.get('process_open_fds')).toBeGreaterThan(5)
})

test('M3: /metrics has every metric of the table but those of Redis and of the cache, and no other', async () => {
  const { text } = await scrape()
  const there = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
  const names = Object.values<Metric>(metrics).map(({ name }) => name)
  expect(there.filter((name) => !names.includes(name!))).toEqual([])
  const missing = names.filter((name) => !there.includes(name) && !/_redis_|_cache_/.test(name))
  // No socket is open now.
  expect(missing).toEqual(['qtable_restaurant_sockets_open'])
})

test(
  'M3: with 1,000 restaurants there are no more series than with one, but for their sockets',
  async () => {
    const tokens = new Tokens(TEST_SECRET)
    const count = 1_000
    await app.database.sql(
      `insert into qtable.restaurants (restaurant_id, slug, name, created_at, updated_at)
       select gen_random_uuid(), 'many-' || n, 'Many ' || n, now(), now() from generate_series(1, ${count}) n`,
    )
    await app.database.sql(
      `insert into qtable.heads select (made.row).* from (
       select jsonb_populate_record(h, jsonb_build_object('restaurant_id', m.restaurant_id, 'epoch', gen_random_uuid())) as row
       from qtable.heads h, qtable.restaurants m where h.restaurant_id = $1 and m.name like 'Many %') made`,
      [r.id],
    )
    const staff = await app.database.sql<{ id: string; restaurant_id: string }>(
      `insert into qtable.staff select (made.row).* from (
       select jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid(), 'restaurant_id', m.restaurant_id,
         'email', m.slug || '@many.example', 'email_key', m.slug || '@many.example')) as row
       from qtable.staff s, qtable.restaurants m where s.id = $1 and m.name like 'Many %') made
     returning id, restaurant_id`,
      [r.staffId],
    )
    const ask = async ({ id, restaurant_id }: { id: string; restaurant_id: string }, index: number) => {
      const authorization = `Bearer ${tokens.sign({ sub: id, exp: Date.now() / 1000 + 600 })}`
      const base = `/restaurants/${restaurant_id}`
      const read = await app.call('GET', `${base}/guests`, undefined, { authorization })
      expect(read.status, read.text).toBe(200)
      if (index % 10 > 0) return
      await app.call('POST', `${base}/guests`, { first_name: 'Ada', party_size: 2 }, { authorization })
      await app.call('GET', `/v2${base}/snapshot`, undefined, { authorization })
    }
    await ask(staff[0]!, 0)
    const series = async () => [...seriesIn((await scrape()).text).keys()].filter((key) => !key.includes('restaurant='))
    await scrape()
    const before = await series()
    for (let from = 1; from < count; from += 20)
      await Promise.all(staff.slice(from, from + 20).map((one, n) => ask(one, from + n)))
    const after = await series()
    expect(
      after.filter((key) => !before.includes(key)).filter((key) => !/sqlstate|gc_type|redis|slow_statements/.test(key)),
    ).toEqual([])
    expect(after.length).toBeLessThan(limits.seriesPerMetric * 2)
    expect((await scrape()).text.includes(staff[7]!.restaurant_id)).toBe(false)
  },
  upTo(120_000),
)
