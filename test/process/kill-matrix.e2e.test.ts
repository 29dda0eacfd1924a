import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { register } from '../kit.ts'
import { asLogin } from '../postgres.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { expectFollowed, openFollowers } from './followers.ts'
import type { StreamDevice } from './device.ts'
import { openFloor, type Floor } from './load.ts'
import { expectAcknowledged, expectWhole } from './oracle.ts'
import { startPostgres, type PostgresProcess } from './postgres-process.ts'
import { until } from './processes.ts'
import { needsRedis, startRedis, type RedisServer } from './redis.ts'
import { cleanUpAll } from './server.ts'
import { answeredOf, writing } from './writers.ts'
import { upTo, within } from '../patience.ts'
import { randomFrom } from '../random.ts'

// A short form in every run; KILL_MATRIX=100 is the long one.
const cycles = Number(process.env['KILL_MATRIX'] ?? 4)
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const DEVICES = 6
/** Cycles that one restaurant lives through: its whole log is read at the end of each. */
const CYCLES_EACH = 10

beforeEach((context) => needsRedis(context))
afterEach(cleanUpAll)

const takesConnections = (url: string): Promise<boolean> =>
  asLogin(url, 'select').then(
    () => true,
    () => false,
  )

interface House {
  readonly postgres: PostgresProcess
  readonly redis: RedisServer
  readonly fleet: Fleet
}

/** What can die. Each is away for a while, and what comes back is what was there. */
const victims: Record<string, (house: House, away: () => Promise<void>) => Promise<void>> = {
  async api({ fleet }, away) {
    await fleet.kill(0)
    await away()
    await fleet.start(0)
  },
  async 'other api'({ fleet }, away) {
    await fleet.kill(1)
    await away()
    await fleet.start(1)
  },
  async 'every api'({ fleet }, away) {
    await Promise.all([fleet.kill(0), fleet.kill(1)])
    await away()
    await Promise.all([fleet.start(0), fleet.start(1)])
  },
  async redis({ redis }, away) {
    await redis.kill()
    await away()
    await redis.start()
  },
  async postgres({ postgres }, away) {
    await postgres.kill()
    await away()
    await postgres.start()
  },
  async postmaster({ postgres }, away) {
    await postgres.killPostmaster()
    await away()
    await postgres.kill()
    await postgres.start()
  },
  async 'a session of postgres'({ postgres }, away) {
    await postgres.crash()
    await away()
  },
  async 'redis and an api'({ redis, fleet }, away) {
    await Promise.all([redis.kill(), fleet.kill(1)])
    await away()
    await Promise.all([redis.start(), fleet.start(1)])
  },
}

test(
  `P13, P14, L1, L2, L5, F1, H2: ${cycles} times an API process, Redis or PostgreSQL is killed -9 in mid load: nothing acknowledged is lost, nothing done twice (seed ${seed})`,
  { timeout: upTo(120_000 + cycles * 30_000) },
  async () => {
    const random = randomFrom(seed)
    const [postgres, redis] = await Promise.all([startPostgres(80), startRedis()])
    const fleet = await startFleet(2, () => ({ DATABASE_URL: postgres.url, REDIS_URL: redis.url, POOL_SIZE: '10' }))
    const house = { postgres, redis, fleet }
    const figures = { cycles, acknowledged: 0, unanswered: 0, doneUnanswered: 0, whileRedisWasDown: 0, slowest: 0 }
    const killed: Record<string, number> = {}
    let floor!: Floor
    let devices: StreamDevice[] = []
    for (let cycle = 0; cycle < cycles; cycle++) {
      if (cycle % CYCLES_EACH === 0) {
        for (const device of devices) device.stop()
        floor = await openFloor(await register(fleet.bases[0]!), 6)
        devices = await openFollowers(DEVICES, fleet.bases, floor.restaurant, random)
      }
      floor.sent.length = 0
      let stopped = false
      const writers = writing(floor, fleet.bases, random, () => stopped)
      await until(() => answeredOf(floor) > 8)
      await sleep(random() * 300)
      // Every victim in turn first, then by chance.
      const names = Object.keys(victims)
      const name = names[cycle < names.length ? cycle : Math.floor(random() * names.length)]!
      killed[name] = (killed[name] ?? 0) + 1
      await victims[name]!(house, async () => {
        const before = answeredOf(floor)
        await sleep(100 + random() * 900)
        if (name === 'redis') {
          figures.whileRedisWasDown += answeredOf(floor) - before
          expect(answeredOf(floor), 'writes go on without Redis').toBeGreaterThan(before)
        }
      })
      const back = performance.now()
      stopped = true
      await writers
      await until(async () => {
        const { status, body } = await floor.restaurant.v2('GET', '/snapshot')
        // The servers answer that from memory, while PostgreSQL may still be recovering from the death of a session.
        return (
          status === 200 &&
          (await takesConnections(postgres.url)) &&
          devices.every(({ seq, live }) => live && seq === body.seq)
        )
      }, 15_000)
      figures.slowest = Math.max(figures.slowest, Math.round(performance.now() - back))
      figures.acknowledged += answeredOf(floor)
      await expectWhole(postgres.url, floor.restaurant)
      const { unanswered, done } = await expectAcknowledged(postgres.url, floor)
      figures.unanswered += unanswered
      figures.doneUnanswered += done
      await expectFollowed(postgres.url, devices, floor.restaurant)
    }
    process.stdout.write(`kill matrix: ${JSON.stringify({ seed, ...figures, killed })}\n`)
    expect(figures.unanswered).toBeGreaterThan(0)
    expect(figures.slowest, 'milliseconds from the return of the process to the last device').toBeLessThan(
      within(5_000),
    )
  },
)
