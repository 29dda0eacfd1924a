import { afterEach, expect, test } from 'vitest'
import { createLog } from '../../src/platform/observability/log.ts'
import { RedisTopics } from '../../src/platform/redis.ts'
import { limits } from '../../src/platform/limits.ts'
import { openDatabase, startApp, type TestApp } from '../kit.ts'
import { upTo } from '../patience.ts'

const apps: TestApp[] = []
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close()
})

const started = async (...given: Parameters<typeof startApp>): Promise<TestApp> => {
  const app = await startApp(...given)
  apps.push(app)
  return app
}

const ready = (app: TestApp) => app.call('GET', '/health/ready')

test('M2: all is well, and it says what was looked at', async () => {
  const app = await started()
  const answer = await ready(app)
  expect(answer.status).toBe(200)
  expect(answer.body).toEqual({
    status: 'ready',
    checks: {
      server: { status: 'ok' },
      database: { status: 'ok', ms: expect.any(Number) },
      log: { status: 'ok', lagChanges: 0, lagSeconds: 0 },
    },
  })
  expect((await app.call('GET', '/health')).body).toEqual({ status: 'healthy', service: 'qtable-api' })
})

test('M2: a database that answers nobody makes it unready in time, and alive all the same', async () => {
  const app = await started({ POOL_SIZE: '1' })
  const { db } = app.database
  let release = () => undefined as void
  const held = new Promise<void>((resolve) => (release = resolve))
  const busy = db.transaction({ watched: [] }, () => held)
  const began = performance.now()
  const answer = await ready(app)
  expect([answer.status, answer.body.status, answer.body.checks.database.status]).toEqual([503, 'not ready', 'failed'])
  expect(answer.headers.get('retry-after')).toBe('1')
  expect(performance.now() - began).toBeLessThan(limits.healthCheckMillis + 1_500)
  expect((await app.call('GET', '/health/live')).status).toBe(200)
  release()
  await busy
  while ((await ready(app)).status !== 200);
})

test('M2: Redis that is away only slows', async () => {
  const database = await openDatabase()
  const topics = new RedisTopics('redis://127.0.0.1:9', createLog('silent'))
  const app = await started({ REDIS_URL: 'redis://127.0.0.1:9' }, { database, topics })
  const answer = await ready(app)
  expect([answer.status, answer.body.checks.redis]).toEqual([200, { status: 'degraded' }])
  await topics.close()
  await app.close()
  apps.pop()
  await database.close()
})

test('M2: who asks often has the database asked once a second', async () => {
  const app = await started()
  let asked = 0
  const seen = () => app.app.ops.readHere()['db_client_operation_duration_seconds'] ?? []
  const asks = () =>
    seen()
      .find(({ labels }) => labels[0] === 'check-health')
      ?.counts?.reduce((a, b) => a + b, 0) ?? 0
  const began = performance.now()
  for (let n = 0; n < 10; n++) await Promise.all(Array.from({ length: 30 }, () => ready(app)))
  asked = asks()
  expect(asked).toBeGreaterThan(0)
  expect(asked).toBeLessThanOrEqual(1 + Math.ceil((performance.now() - began) / limits.healthMillis))
})

test('M2: a server that stops is not ready', async () => {
  const app = await started()
  app.app.ops.drain()
  const answer = await ready(app)
  expect([answer.status, answer.body.checks.server]).toEqual([503, { status: 'failed' }])
})

test(
  'M2: a server that does not come after its logs is not ready',
  async () => {
    const app = await started()
    const r = await app.restaurant()
    const device = await r.device()
    await app.database.sql('revoke select on qtable.changes from qtable_app')
    // Word of a change that can't be read.
    const [{ epoch }] = (await app.database.sql<{ epoch: string }>(
      'select epoch from qtable.heads where restaurant_id = $1',
      [r.id],
    )) as [{ epoch: string }]
    app.app.hub.hint(r.id, epoch, 10)
    expect(app.app.hub.lag.changes).toBe(10)
    // That so much time passes is what makes it unready.
    const lagMillis = () => app.app.hub.lag.seconds * 1000
    await expect
      .poll(lagMillis, { timeout: upTo(limits.readyLagMillis + 5_000) })
      .toBeGreaterThan(limits.readyLagMillis)
    await expect.poll(async () => (await ready(app)).status, { timeout: upTo(limits.healthMillis + 5_000) }).toBe(503)
    const answer = await ready(app)
    expect(answer.body.checks.log).toMatchObject({ status: 'failed', lagChanges: 10 })
    await device.close()
  },
  upTo(40_000),
)
