import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { limits } from '../../src/platform/limits.ts'
import { register } from '../kit.ts'
import { startFleet } from './fleet.ts'
import { expectFollowed, openFollowers } from './followers.ts'
import { openFloor, type Floor } from './load.ts'
import { expectAcknowledged, expectWhole } from './oracle.ts'
import { startPostgres } from './postgres-process.ts'
import { until } from './processes.ts'
import type { Toxics } from './proxy-flow.ts'
import { openProxyTo, type Proxy } from './proxy.ts'
import { needsRedis, startRedis } from './redis.ts'
import { cleanUpAll } from './server.ts'
import { answeredOf, writing } from './writers.ts'
import { upTo } from '../patience.ts'
import { randomFrom } from '../random.ts'

// A short form in every run: each link with some of the toxics; TOXIC_ROUNDS=3 is the long one: each with all of them, so often.
const rounds = Number(process.env['TOXIC_ROUNDS'] ?? 0)
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const DEVICES = 4
/** A request waits for a connection to the database, then for its transaction. */
const DEADLINE_MILLIS = limits.poolWaitMillis + limits.transactionMillis

beforeEach((context) => needsRedis(context))
afterEach(cleanUpAll)

/** The seven of Toxiproxy. */
const toxics: Record<string, Toxics> = {
  latency: { latency: { millis: 120, jitterMillis: 80 } },
  bandwidth: { bandwidth: { kilobytesPerSecond: 24 } },
  'slow close': { slowClose: { millis: 800 } },
  timeout: { timeout: { millis: 600 } },
  silence: { timeout: { millis: 0 } },
  reset: { reset: { millis: 150 } },
  slicer: { slicer: { bytes: 40, delayMillis: 2 } },
  'cut-off': { limitData: { bytes: 5_000 } },
}
const LINKS = ['client', 'postgres', 'redis'] as const

/** Which toxic on which link, in turn. */
const plan = (random: () => number): [(typeof LINKS)[number], string][] => {
  const all = LINKS.flatMap((link) => Object.keys(toxics).map((name): [(typeof LINKS)[number], string] => [link, name]))
  if (rounds > 0) return Array.from({ length: rounds }, () => all).flat()
  return LINKS.flatMap((link) => {
    const own = all.filter(([each]) => each === link)
    const from = Math.floor(random() * own.length)
    return [own[from]!, own[(from + 3) % own.length]!]
  })
}

const cases = rounds > 0 ? rounds * LINKS.length * Object.keys(toxics).length : 6

test(
  `P14, P16, L1, L2, L5, F1, H2: ${cases} times something is wrong with the wire to clients, PostgreSQL or Redis: nothing lost, nothing twice, no request beyond its deadline (seed ${seed})`,
  { timeout: upTo(120_000 + cases * 60_000) },
  async () => {
    const random = randomFrom(seed)
    const [postgres, redis] = await Promise.all([startPostgres(80), startRedis()])
    const database = await openProxyTo(postgres.url, random)
    const topics = await openProxyTo(redis.url, random)
    const env = { DATABASE_URL: database.url, REDIS_URL: topics.url, POOL_SIZE: '8' }
    const fleet = await startFleet(2, () => env)
    const doors = await Promise.all(fleet.bases.map((base) => openProxyTo(base, random)))
    const bases = doors.map(({ url }) => url)
    const links: Record<(typeof LINKS)[number], readonly Proxy[]> = {
      client: doors.map(({ proxy }) => proxy),
      postgres: [database.proxy],
      redis: [topics.proxy],
    }
    const restaurant = await register(fleet.bases[0]!)
    const floor: Floor = await openFloor(restaurant, 6)
    const devices = await openFollowers(DEVICES, bases, restaurant, random)
    const figures = { cases, acknowledged: 0, unanswered: 0, slowestRequest: 0, slowestReturn: 0 }
    const done: string[] = []
    for (const [link, name] of plan(random)) {
      floor.sent.length = 0
      let stopped = false
      const times: number[] = []
      const writers = writing(
        floor,
        bases,
        random,
        () => stopped,
        (millis) => times.push(millis),
      )
      await until(() => answeredOf(floor) > 8)
      for (const proxy of links[link]) {
        proxy.set('toServer', toxics[name]!)
        proxy.set('toClient', toxics[name]!)
      }
      await sleep(1_500 + random() * 1_500)
      for (const proxy of links[link]) proxy.clear()
      const back = performance.now()
      stopped = true
      await writers
      await until(async () => {
        const { status, body } = await restaurant.v2('GET', '/snapshot')
        return status === 200 && devices.every(({ seq, live }) => live && seq === body.seq)
      }, DEADLINE_MILLIS + 10_000)
      figures.slowestReturn = Math.max(figures.slowestReturn, Math.round(performance.now() - back))
      figures.slowestRequest = Math.max(figures.slowestRequest, ...times.map(Math.round))
      figures.acknowledged += answeredOf(floor)
      await expectWhole(postgres.url, restaurant)
      figures.unanswered += (await expectAcknowledged(postgres.url, floor)).unanswered
      await expectFollowed(postgres.url, devices, restaurant)
      done.push(`${link}: ${name}`)
    }
    process.stdout.write(`toxics: ${JSON.stringify({ seed, ...figures, done })}\n`)
    expect(figures.slowestRequest).toBeLessThan(DEADLINE_MILLIS + 2_000)
  },
)
