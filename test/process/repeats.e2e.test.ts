import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { register } from '../kit.ts'
import { expectOneEffect, expectRefusalRemembered, playMany } from './five-times.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { expectFollowed, openFollowers } from './followers.ts'
import { openFloor } from './load.ts'
import { startPostgres } from './postgres-process.ts'
import { cleanUpAll } from './server.ts'
import { upTo } from '../patience.ts'
import { randomFrom } from '../random.ts'

// A short form in every run; REPEATS=5000 is the long one.
const repeats = Number(process.env['REPEATS'] ?? 80)
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const KILLS = 3

afterEach(cleanUpAll)

/** Kills one of two servers, now and then both, and brings back what it killed, until it is told to stop. */
async function killOften(fleet: Fleet, random: () => number, figures: { kills: number }, stopped: () => boolean) {
  while (!stopped()) {
    await sleep(50 + random() * 400)
    const one = random() < 0.5 ? 0 : 1
    const victims = random() < 0.2 ? [0, 1] : [one]
    await Promise.all(victims.map((index) => fleet.kill(index)))
    await sleep(random() * 200)
    await Promise.all(victims.map((index) => fleet.start(index)))
    figures.kills += victims.length
  }
}

test(
  `L5, L6, P13, F1: ${repeats} mutations, each five times at once to two servers that are killed -9 over and over: one effect, one answer (seed ${seed})`,
  { timeout: upTo(120_000 + repeats * 500) },
  async () => {
    const random = randomFrom(seed)
    const postgres = await startPostgres(60)
    const fleet = await startFleet(2, () => ({ DATABASE_URL: postgres.url, POOL_SIZE: '8' }))
    const restaurant = await register(fleet.bases[0]!)
    const floor = await openFloor(restaurant, 4)
    const target = { bases: fleet.bases, restaurant }
    const devices = await openFollowers(4, fleet.bases, restaurant, random)
    const figures = { kills: 0 }
    let stopped = false
    const killing = killOften(fleet, random, figures, () => stopped)
    const enough = () => figures.kills >= KILLS
    const played = await playMany(target, floor, { count: repeats, random, enough }).finally(() => (stopped = true))
    await killing

    await expectOneEffect(postgres.url, restaurant, played)
    await expectRefusalRemembered(target, () => restaurant.table('one more'))
    await expectFollowed(postgres.url, devices, restaurant)
    const answers = played.flatMap((each) => each.answers)
    const of = (wanted: (status: number) => boolean) => answers.filter(({ status }) => wanted(status)).length
    const lost = played.reduce((sum, each) => sum + each.lost, 0)
    const replayed = answers.filter(({ headers }) => headers.get('idempotency-replayed') === 'true').length
    const line = {
      seed,
      mutations: played.length,
      sendings: answers.length + lost,
      lost,
      ...figures,
      done: of((status) => status < 300),
      replayed,
      refused: of((status) => status >= 400 && status !== 422),
      reused: of((status) => status === 422),
      resumes: devices.reduce((sum, { counts }) => sum + counts.resumes, 0),
    }
    process.stdout.write(`repeats: ${JSON.stringify(line)}\n`)
    for (const figure of [lost, line.refused, line.reused, line.resumes]) expect(figure).toBeGreaterThan(0)
  },
)
