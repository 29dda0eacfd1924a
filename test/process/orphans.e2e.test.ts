import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { openDatabase, register } from '../kit.ts'
import { within } from '../patience.ts'
import { StreamDevice } from './device.ts'
import { openFloor, write } from './load.ts'
import { familyOf, isAlive, signal, until } from './processes.ts'
import { cleanUp, cleanUpAll, spawnServer, startServer, type ServerProcess } from './server.ts'
import { randomFrom } from '../random.ts'

/** The first process of several dies without a word (kill -9): those that it started leave at once, and complain of nothing. */

const GONE_MILLIS = within(2_000)
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

afterEach(cleanUpAll)

async function settings(): Promise<Record<string, string>> {
  const database = await openDatabase(1)
  cleanUp(() => database.close())
  return {
    DATABASE_URL: database.url,
    SECRET_KEY: 'the same for all of them',
    WEB_CONCURRENCY: '2',
    LOG_LEVEL: 'error',
  }
}

/** kill -9 of the first process alone; the others must be gone soon, and no stack trace be written. */
async function expectNoOrphans(server: Omit<ServerProcess, 'base'>): Promise<void> {
  // Held first, so that it starts none that we don't see.
  signal(server.pid, 'SIGSTOP')
  const left = (await familyOf(server.pid)).filter(({ pid }) => pid !== server.pid)
  cleanUp(async () => left.forEach(({ pid }) => signal(pid, 'SIGKILL')))
  signal(server.pid, 'SIGKILL')
  const alive = async () => (await Promise.all(left.map(({ pid }) => isAlive(pid)))).filter(Boolean).length
  await until(async () => (await alive()) === 0, GONE_MILLIS)
  await server.exit
  // Node itself says "online" before a line of ours runs: what it writes of a first process that was gone by then is its own.
  const output = server.output()
  if (!output.includes('_setupWorker')) expect(output).not.toMatch(/^\s+at |EPIPE|ERR_/m)
}

test(
  `H7: the first process is killed while all are at work: the others leave without a stack trace (seed ${seed})`,
  { timeout: within(60_000) },
  async () => {
    const random = randomFrom(seed)
    const server = await startServer(await settings())
    const floor = await openFloor(await register(server.base), 4)
    const { id: restaurantId, token } = floor.restaurant
    const devices = Array.from({ length: 6 }, () =>
      new StreamDevice({ bases: () => [server.base], restaurantId, token, random }).start(),
    )
    cleanUp(async () => devices.forEach((device) => device.stop()))
    await until(() => devices.every(({ live }) => live))
    // Each change is told to the other process: the line is never at rest.
    const writers = Array.from({ length: 6 }, () => write(floor, random, () => false))
    await until(() => floor.sent.length > 100)
    await expectNoOrphans(server)
    await Promise.all(writers)
  },
)

test(
  'H7: the first process is killed while the others start: none of them outlives it',
  { timeout: within(90_000) },
  async () => {
    const env = await settings()
    for (const millis of [0, 300, 1_000]) {
      const server = await spawnServer({ ...env, PORT: '0' })
      await until(async () => (await familyOf(server.pid)).length > 1)
      await sleep(within(millis))
      await expectNoOrphans(server)
    }
  },
)
