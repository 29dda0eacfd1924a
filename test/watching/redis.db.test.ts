import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLog } from '../../src/platform/observability/log.ts'
import { metrics, type Metric } from '../../src/platform/observability/metrics.ts'
import { RedisTopics } from '../../src/platform/redis.ts'
import { openDevice, startApp, type TestApp } from '../kit.ts'
import { until } from '../process/processes.ts'
import { needsRedis, startRedis } from '../process/redis.ts'
import { cleanUp, cleanUpAll } from '../process/server.ts'
import { seriesIn, sumOf } from './promtool.ts'

/** What /metrics tells of a real Redis. */

const OPS_TOKEN = 'a token for tests only'

beforeEach(needsRedis)
afterEach(cleanUpAll)

/** An application of its own, as a machine beside others would be, over one database and one Redis. */
async function started(url: string, beside?: TestApp): Promise<TestApp> {
  const topics = new RedisTopics(url, createLog('silent'))
  const app = await startApp({ OPS_TOKEN, REDIS_URL: url }, { topics, ...(beside && { database: beside.database }) })
  cleanUp(async () => {
    await app.close()
    await topics.close()
  })
  return app
}

/** The value of a metric of an application now, over all of its series. */
async function valueOf(app: TestApp, metric: Metric, label?: string): Promise<number> {
  const headers = { authorization: `Bearer ${OPS_TOKEN}` }
  return sumOf(seriesIn((await app.call('GET', '/metrics', undefined, headers)).text), metric, label)
}

test('M3: words of changes by Redis: published, heard, and forgotten while it is away', async () => {
  const redis = await startRedis()
  const telling = await started(redis.url)
  const hearing = await started(redis.url, telling)
  for (const app of [telling, hearing]) await until(async () => (await valueOf(app, metrics.redisUp)) === 1)
  const r = await telling.restaurant()
  const device = await openDevice(hearing.base, `/realtime?restaurant_id=${r.id}&token=${r.token}`)
  const hearers = () => redis.command('pubsub', 'numsub', `qtable:changes:${r.id}`)
  await until(async () => String(await hearers()) === `qtable:changes:${r.id},1`)

  const published = await valueOf(telling, metrics.redisPublished)
  for (const name of ['Ada', 'Di', 'Flo']) await r.walkIn(name)
  await until(async () => (await valueOf(telling, metrics.redisPublished)) >= published + 3)
  await until(async () => (await valueOf(hearing, metrics.redisHeard)) >= 3)
  expect(await valueOf(telling, metrics.redisPublished)).toBe(published + 3)
  expect(await valueOf(telling, metrics.redisDuration, 'operation="publish"')).toBe(published + 3)
  expect(await valueOf(telling, metrics.redisForgotten)).toBe(0)
  expect(await valueOf(hearing, metrics.redisHeard)).toBe(3)
  expect(await valueOf(hearing, metrics.redisPublished)).toBe(0)

  await redis.stop()
  await until(async () => (await valueOf(telling, metrics.redisUp)) === 0)
  await r.walkIn('Bo')
  await until(async () => (await valueOf(telling, metrics.redisForgotten)) === 1)
  expect(await valueOf(telling, metrics.redisPublished)).toBe(published + 3)
  await redis.start()
  await until(async () => (await valueOf(telling, metrics.redisUp)) === 1)
  await r.walkIn('Mo')
  await until(async () => (await valueOf(telling, metrics.redisPublished)) === published + 4)
  expect(await valueOf(telling, metrics.redisForgotten)).toBe(1)
  await device.close()
})
