import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { register } from '../kit.ts'
import { StreamDevice } from './device.ts'
import { startFleet } from './fleet.ts'
import { expectHeld } from './held.ts'
import { openFloor, write, type Floor } from './load.ts'
import { expectAcknowledged, expectWhole } from './oracle.ts'
import { startPostgres } from './postgres-process.ts'
import { until } from './processes.ts'
import { cleanUp, cleanUpAll } from './server.ts'
import { upTo, within } from '../patience.ts'
import { randomFrom } from '../random.ts'

/** A process dies and its devices all come to the one that is left. A short form in every run; FAILOVER_SOCKETS=2000 is the long one. */

const sockets = Number(process.env['FAILOVER_SOCKETS'] ?? 200)
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const RESTAURANTS = Math.min(100, sockets / 10)
const WRITERS = 4
const RESUMED_MILLIS = within(6_000)

afterEach(cleanUpAll)

/** The value that so many of a hundred are not above. */
function percentile(values: readonly number[], of: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * of) / 100))] ?? 0)
}

test(
  `H5: kill -9 of a process with ${sockets} devices: all resume on the other within ${RESUMED_MILLIS / 1_000} s and miss nothing (seed ${seed})`,
  { timeout: upTo(240_000) },
  async () => {
    const random = randomFrom(seed)
    const postgres = await startPostgres()
    const fleet = await startFleet(2, () => ({ DATABASE_URL: postgres.url }))
    const [dying, left] = fleet.bases as [string, string]
    const floors: Floor[] = []
    const open = async () => {
      while (floors.length < RESTAURANTS) {
        const place = floors.push(null!) - 1
        floors[place] = await openFloor(await register(left, `Cedar ${place}`), 4)
      }
    }
    await Promise.all([open(), open(), open(), open()])

    let bases = [dying]
    const devices = Array.from({ length: sockets }, (_, n) => {
      const { id, token } = floors[n % RESTAURANTS]!.restaurant
      // Told two places, it tries one after the other.
      let tries = n
      return new StreamDevice({ bases: () => [bases[tries++ % bases.length]!], restaurantId: id, token, random })
    })
    cleanUp(async () => devices.forEach((device) => device.stop()))
    for (const [n, device] of devices.entries()) {
      device.start()
      if (n % 50 === 49) await sleep(50)
    }
    await until(() => devices.every(({ live }) => live), 60_000)

    const now = { stopped: false, phase: 'before' }
    const millis: Record<string, number[]> = { before: [], after: [] }
    const writer = async () => {
      while (!now.stopped) {
        const floor = floors[Math.floor(random() * RESTAURANTS)]!
        const [began, during] = [performance.now(), millis[now.phase]!]
        let asked = 0
        await write(floor, random, () => asked++ > 0)
        during.push(performance.now() - began)
        await sleep(20)
      }
    }
    const writers = Array.from({ length: WRITERS }, writer)
    await sleep(3_000)
    bases = [dying, left]
    now.phase = 'after'
    const killedAt = performance.now()
    await fleet.kill(0)
    await until(() => devices.every(({ live, counts }) => live && counts.resumes > 0), 60_000)
    await sleep(1_000)
    now.stopped = true
    await Promise.all(writers)

    const back = devices.map(({ liveAt }) => liveAt - killedAt)
    // Without the time until a device came to try: a thousand of them in one process keep each other waiting.
    const served = devices.map(({ liveAt, triedAt }) => liveAt - triedAt)
    const sent = floors.flatMap(({ sent }) => sent)
    const figures = {
      sockets,
      restaurants: RESTAURANTS,
      backMillis: { p50: percentile(back, 50), p99: percentile(back, 99), last: percentile(back, 100) },
      servedMillis: { p50: percentile(served, 50), p99: percentile(served, 99), last: percentile(served, 100) },
      writes: sent.length,
      writeMillis: Object.fromEntries(
        Object.entries(millis).map(([name, all]) => [name, { p50: percentile(all, 50), p99: percentile(all, 99) }]),
      ),
      connects: devices.reduce((sum, { counts }) => sum + counts.connects, 0),
      refused: devices.reduce((sum, { counts }) => sum + counts.refused, 0),
      seed,
    }
    console.log(JSON.stringify(figures))
    expect(sent.filter(({ answer }) => answer === null || answer.status >= 500)).toEqual([])
    for (const [n, floor] of floors.entries()) {
      await expectHeld(
        floor.restaurant,
        devices.filter((_, each) => each % RESTAURANTS === n),
      )
      if (n >= 5) continue
      await expectAcknowledged(postgres.url, floor)
      await expectWhole(postgres.url, floor.restaurant)
    }
    for (const { counts } of devices) expect(counts).toMatchObject({ snapshots: 1, twice: 0, gaps: 0, wrongHashes: 0 })
    expect(Math.max(...back)).toBeLessThan(RESUMED_MILLIS)
  },
)
