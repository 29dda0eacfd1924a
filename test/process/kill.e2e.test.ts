import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { startEmbedded } from '../../src/platform/embedded/embedded.ts'
import { register } from '../kit.ts'
import { cards } from './cards.ts'
import { openFloor, write, type Floor } from './load.ts'
import { expectAcknowledged, expectWhole } from './oracle.ts'
import { until } from './processes.ts'
import { cleanUp, cleanUpAll, embeddedUrl, folder, freePort, killPostgres, spawnServer, startServer } from './server.ts'
import { upTo } from '../patience.ts'
import { randomFrom } from '../random.ts'

// A short form in every run; KILL_CYCLES=20 is the long one. KILL_SEED repeats the choices of a run, though not its timing.
const cycles = Number(process.env['KILL_CYCLES'] ?? 2)
const seed = Number(process.env['KILL_SEED'] ?? Date.now() % 1_000_000)
const CYCLE_MILLIS = 40_000
const WRITERS = 8

afterEach(cleanUpAll)

/** A place where servers are started by one command again and again. `where`: the url of its database, once it is up. */
interface Place {
  readonly env: Record<string, string>
  readonly where: () => Promise<string>
  /** kill -9 of the database, where that is part of the game. */
  readonly killDatabase: (() => Promise<void>) | null
}

async function killAgainAndAgain({ env, where, killDatabase }: Place): Promise<void> {
  const random = randomFrom(seed)
  const figures = { cycles, writers: WRITERS, writes: 0, unanswered: 0, doneUnanswered: 0, startsKilled: 0, seed }
  let server = await startServer(env)
  const floors: Floor[] = []
  for (const name of ['Cedar', 'Maple']) floors.push(await openFloor(await register(server.base, name), 6))
  for (let cycle = 1; cycle <= cycles; cycle++) {
    for (const { sent } of floors) sent.length = 0
    let stopped = false
    const writers = Array.from({ length: WRITERS }, (_, n) => write(floors[n % 2]!, random, () => stopped))
    // So many that each kind of write was among them.
    const answered = ({ sent }: Floor) => sent.filter(({ answer }) => answer !== null).length
    await until(() => floors.every((floor) => answered(floor) > cards.length))
    await sleep(100 + random() * 700)
    await server.end('SIGKILL')
    stopped = true
    await Promise.all(writers)
    if (cycle % 2 === 0) await killDatabase?.()
    if (random() < 0.3) {
      // Whoever restarts it may be impatient too.
      const impatient = await spawnServer(env)
      await sleep(random() * 800)
      await impatient.end('SIGKILL')
      figures.startsKilled++
    }
    server = await startServer(env)
    const url = await where()
    for (const floor of floors) {
      await expectWhole(url, floor.restaurant)
      figures.writes += floor.sent.filter(({ answer }) => answer !== null).length
      const { unanswered, done } = await expectAcknowledged(url, floor)
      figures.unanswered += unanswered
      figures.doneUnanswered += done
      await expectWhole(url, floor.restaurant)
    }
  }
  console.log(JSON.stringify(figures))
  // The kill came while something was under way, or nothing was shown.
  expect(figures.unanswered).toBeGreaterThan(0)
  expect((await server.end('SIGTERM')).code).toBe(0)
}

test(
  `P13, L1, L2, L5, G14: ${cycles} times kill -9 under load, half of them of PostgreSQL too, lose nothing (seed ${seed})`,
  { timeout: upTo(60_000 + cycles * CYCLE_MILLIS) },
  async () => {
    const dataDir = join(await folder(), 'data')
    await killAgainAndAgain({
      env: { QTABLE_DATA: dataDir, PORT: await freePort() },
      where: () => embeddedUrl(dataDir),
      killDatabase: () => killPostgres(dataDir),
    })
  },
)

test(
  `P13, L1, L2, L5, G14: ${cycles} times kill -9 under load beside a PostgreSQL of DATABASE_URL lose nothing (seed ${seed})`,
  { timeout: upTo(60_000 + cycles * CYCLE_MILLIS) },
  async () => {
    const dataDir = join(await folder(), 'data')
    const postgres = await startEmbedded({ dataDir, maxConnections: 60, say: () => undefined })
    cleanUp(() => postgres.stop())
    // An address has a host; the socket's folder in its query counts.
    const url = postgres.url
    await killAgainAndAgain({
      env: { DATABASE_URL: url, SECRET_KEY: 'kept by the operator, in any test', PORT: await freePort() },
      where: async () => url,
      killDatabase: null,
    })
  },
)
