import { createClient } from 'redis'
import { afterEach, expect, test } from 'vitest'
import { request } from 'node:http'
import { gunzipSync, brotliDecompressSync } from 'node:zlib'
import { clockOf, fullHour, systemClock, plusMillis } from '../../src/platform/clock.ts'
import { createLog } from '../../src/platform/observability/log.ts'
import { RedisTopics } from '../../src/platform/redis.ts'
import { startApp, type TestApp } from '../kit.ts'
import { interleave, pathsOf, read } from './interleave.ts'
import { randomFrom } from '../random.ts'
import { until } from '../process/processes.ts'
import { needsRedis, startRedis } from '../process/redis.ts'
import { cleanUp, cleanUpAll } from '../process/server.ts'
import { upTo } from '../patience.ts'

/** Answers that are kept: never stale, whichever process wrote, and letter for letter what the database would give. */

// A short form in every run; INTERLEAVINGS=100000 is the long one.
const interleavings = Number(process.env['INTERLEAVINGS'] ?? 200)
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
afterEach(cleanUpAll)

async function open(...args: Parameters<typeof startApp>): Promise<TestApp> {
  const app = await startApp(...args)
  cleanUp(() => app.close())
  return app
}

test(
  `K1: ${interleavings} times something is written on one of two processes and read on both: never stale, and what the database says (seed ${seed})`,
  { timeout: upTo(60_000 + interleavings * 100) },
  async () => {
    const first = await open()
    const second = await open({}, { database: first.database })
    // Its floor doesn't reach back so far: each of its answers is the database's own.
    const control = await open({ HISTORY_DAYS: '8' }, { database: first.database })
    const apps = [first, second]
    const figures = await interleave(apps, control, randomFrom(seed), interleavings)
    const hits = apps.reduce((sum, { app }) => sum + app.answers.figures.found.hit, 0)
    process.stdout.write(`${JSON.stringify({ seed, ...figures, hits })}\n`)
    expect(figures).toMatchObject({ stale: 0, different: 0 })
    expect(Math.min(figures.compared, hits)).toBeGreaterThan(0)
  },
)

test(
  `K1, K7: the same ${interleavings} times on a process that is alone, whose repeated reads go past the router (seed ${seed})`,
  { timeout: upTo(60_000 + interleavings * 100) },
  async () => {
    const alone = await open({}, { isSole: true })
    const control = await open({ HISTORY_DAYS: '8' }, { database: alone.database })
    // Asked twice each time: the second answer is a repeated one.
    const figures = await interleave([alone, alone], control, randomFrom(seed), interleavings)
    const { taken } = alone.app.repeated.figures
    process.stdout.write(`${JSON.stringify({ seed, ...figures, taken })}\n`)
    expect(figures).toMatchObject({ stale: 0, different: 0 })
    expect(Math.min(figures.compared, taken)).toBeGreaterThan(0)
  },
)

test(
  'K1: two processes of which each takes itself for the only one are found out',
  { timeout: upTo(60_000) },
  async () => {
    const first = await open({}, { isSole: true })
    const second = await open({}, { isSole: true, database: first.database })
    const control = await open({ HISTORY_DAYS: '8' }, { database: first.database })
    expect((await interleave([first, second], control, randomFrom(seed), 300)).stale).toBeGreaterThan(0)
  },
)

test('K2: what is written once is given to all who ask meanwhile, and a process alone on its database asks nothing of it again', async () => {
  const app = await open({}, { isSole: true })
  const restaurant = await app.restaurant()
  await restaurant.walkIn()
  const path = `/restaurants/${restaurant.id}/guests`
  const found = () => app.app.answers.figures.found
  await Promise.all(Array.from({ length: 50 }, () => read(app, restaurant, path)))
  expect(found().made).toBeGreaterThan(0)
  const shared = new Set((await Promise.all([1, 2, 3].map(() => read(app, restaurant, path)))).map(({ text }) => text))
  expect(shared.size).toBe(1)
  expect(app.app.answers.figures.entries).toBe(1)
  const asked = app.app.heads.figures.asked
  const before = found()
  const walkIn = await restaurant.walkIn('Bea')
  const { text } = await read(app, restaurant, path)
  expect(text).toContain(walkIn)
  for (let n = 0; n < 20; n++) expect((await read(app, restaurant, path)).text).toBe(text)
  expect(found()).toMatchObject({ made: before.made + 1, hit: before.hit + 20 })
  expect(app.app.heads.figures.asked).toBe(asked)
})

test('K3: who has an answer is told so, until something or the minute changes', async () => {
  let past = 0
  const clock = systemClock()
  const app = await open({}, { isSole: true, clock: clockOf(() => plusMillis(clock.now(), past)) })
  const restaurant = await app.restaurant()
  const id = await restaurant.walkIn()
  for (const path of pathsOf(restaurant.id)) {
    const { etag, headers } = await read(app, restaurant, path)
    expect(headers.get('cache-control')).toBe('private, no-cache')
    const again = await read(app, restaurant, path, { 'if-none-match': `"other", ${etag}` })
    expect([again.status, again.text, again.etag]).toEqual([304, '', etag])
    await restaurant.call('PUT', `/guests/${id}`, { notes: path.slice(-10) })
    const { status, etag: next } = await read(app, restaurant, path, { 'if-none-match': etag })
    expect(status).toBe(200)
    expect(next).not.toBe(etag)
  }
  const full = `/api/sync/full?restaurant_id=${restaurant.id}`
  const before = await read(app, restaurant, full)
  expect(before.body.guests[0].waitTime).toBe(0)
  past = 61_000
  const after = await read(app, restaurant, full, { 'if-none-match': before.etag })
  expect([after.status, after.body.guests[0].waitTime, after.seq]).toEqual([200, 1, before.seq])
})

test('K4: a client that takes br or gzip gets what it weighs most, compressed once', async () => {
  const app = await open({}, { isSole: true })
  const restaurant = await app.restaurant()
  for (let n = 0; n < 10; n++) await restaurant.walkIn(`Guest ${n}`)
  const path = `${app.base}/restaurants/${restaurant.id}/guests`
  const plain = (await read(app, restaurant, new URL(path).pathname)).text
  const bytes = (accepted: string) =>
    new Promise<{ coding: string | undefined; vary: string | undefined; body: Buffer }>((resolve, reject) => {
      const headers = { authorization: `Bearer ${restaurant.token}`, 'accept-encoding': accepted }
      request(path, { headers }, (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        const { 'content-encoding': coding, vary } = response.headers
        response.on('end', () => resolve({ coding, vary, body: Buffer.concat(parts) }))
      })
        .on('error', reject)
        .end()
    })
  for (const [accepted, coding] of [
    ['gzip, deflate, br', 'br'],
    ['br;q=0.5, gzip', 'gzip'],
    ['gzip;q=0, br;q=0', undefined],
    ['identity', undefined],
  ] as const) {
    const answer = await bytes(accepted)
    expect([answer.coding, answer.vary]).toEqual([coding, 'accept-encoding'])
    const read = { br: brotliDecompressSync, gzip: gunzipSync, none: (body: Buffer) => body }[coding ?? 'none']
    expect(read(answer.body).toString('utf8')).toBe(plain)
  }
  const { bytes: held } = app.app.answers.figures
  await bytes('br')
  expect(app.app.answers.figures.bytes).toBe(held)
})

test('K5: answers take no more memory than the setting says; what was not asked for longest goes', async () => {
  const app = await open({ CACHE_MEGABYTES: '1' }, { isSole: true })
  const restaurant = await app.restaurant()
  for (let n = 0; n < 40; n++) await restaurant.walkIn(`Guest ${n}`.padEnd(90, 'x'))
  for (let limit = 0; limit < 120; limit++) {
    await read(app, restaurant, `/restaurants/${restaurant.id}/guests?limit=${1_000 + limit}`)
    expect(app.app.answers.figures.bytes).toBeLessThanOrEqual(1e6)
  }
  expect(app.app.answers.figures.evictions).toBeGreaterThan(50)
  app.app.answers.close()
  expect(app.app.answers.figures).toMatchObject({ bytes: 0, entries: 0 })
})

test('K5: what has been asked for since is kept before what has not, to the second', async () => {
  // From the full hour on, so that none ends within the test.
  const start = fullHour(systemClock().now())
  const began = performance.now()
  let ahead = 0
  const clock = clockOf(() => plusMillis(start, Math.round(performance.now() - began) + ahead))
  const app = await open({ CACHE_MEGABYTES: '1' }, { isSole: true, clock })
  const restaurant = await app.restaurant()
  for (let n = 0; n < 40; n++) await restaurant.walkIn(`Guest ${n}`.padEnd(90, 'x'))
  const ask = async (limit: number) => {
    const { hit } = app.app.answers.figures.found
    await read(app, restaurant, `/restaurants/${restaurant.id}/guests?limit=${limit}`)
    return app.app.answers.figures.found.hit > hit ? 'hit' : 'made'
  }
  const [used, unused] = [1_000, 1_001]
  for (const limit of [used, unused]) expect(await ask(limit)).toBe('made')
  ahead = 2_000
  expect(await ask(used)).toBe('hit')
  for (let limit = 2_000; app.app.answers.figures.evictions === 0; limit++) await ask(limit)
  expect(await ask(used)).toBe('hit')
  expect(await ask(unused)).toBe('made')
})

test('K6: another process finds answers in Redis; what somebody else put there, or no Redis at all, is never wrong', async (context) => {
  needsRedis(context)
  const redis = await startRedis()
  const log = createLog('silent')
  const connect = async () => {
    const topics = new RedisTopics(redis.url, log)
    cleanUp(() => topics.close())
    await until(() => topics.figures.connected)
    return topics
  }
  const store = await connect()
  const first = await open({}, { store })
  const restaurant = await first.restaurant()
  await restaurant.walkIn()
  const path = `/restaurants/${restaurant.id}/guests`
  const { text } = await read(first, restaurant, path)
  const client = createClient({ url: redis.url })
  client.on('error', () => undefined)
  await client.connect()
  cleanUp(async () => client.destroy())
  await until(async () => (await client.keys('qtable:answer:*')).length === 1)
  const cold = async () => {
    const app = await open({}, { database: first.database, store })
    const answer = await read(app, restaurant, path)
    expect(answer.text).toBe(text)
    return app.app.answers.figures.found
  }
  expect(await cold()).toMatchObject({ redis: 1, made: 0 })
  const [name] = await client.keys('qtable:answer:*')
  await client.set(name!, `${'x'.repeat(16)}{"until":null,"mark":""}\n[]`)
  expect(await cold()).toMatchObject({ redis: 0, made: 1 })
  await redis.kill()
  expect(await cold()).toMatchObject({ redis: 0, made: 1 })
})
