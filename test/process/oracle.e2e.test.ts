import { isDeepStrictEqual } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterEach, expect, test } from 'vitest'
import { doSomething, openTestDevice, shownFloor, storedFloor, type TestDevice } from '../devices.ts'
import { register, type Restaurant } from '../kit.ts'
import { randomFrom } from '../random.ts'
import { startPostgres } from './postgres-process.ts'
import { familyOf, isAlive, signal, until } from './processes.ts'
import { cleanUp, cleanUpAll, freePort, startServer, type ServerProcess } from './server.ts'
import { upTo } from '../patience.ts'

/**
 * Many devices with the real client do what hosts do, in random batches, while the server is restarted in every way there is. After each batch every device must come to show
 * exactly what a fresh SQL query says.
 */

// A short form in every run; ORACLE_BATCHES=1000 is the long one.
const batches = Number(process.env['ORACLE_BATCHES'] ?? 10)
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const isLong = batches >= 100
const RESTAURANTS = isLong ? 10 : 4
const DEVICES_EACH = isLong ? 10 : 5
/** One restart for so many batches, each kind in turn: 150 in 1,000. */
const BATCHES_A_RESTART = 6
const HEALED_MILLIS = 45_000

afterEach(cleanUpAll)

const restarts = ['graceful', 'killed', 'rolling'] as const

/** The server of two processes, which can be restarted in every way. */
class Server {
  readonly #env: Record<string, string>
  #running: ServerProcess | null = null

  constructor(env: Record<string, string>) {
    this.#env = env
  }

  async start(): Promise<string> {
    this.#running = await startServer(this.#env)
    return this.#running.base
  }

  async restart(how: (typeof restarts)[number]): Promise<void> {
    const running = this.#running!
    if (how === 'rolling') return this.#roll(running)
    const family = await familyOf(running.pid)
    await running.end(how === 'graceful' ? 'SIGTERM' : 'SIGKILL')
    // Those it had started leave when it is gone; killed with it here, as by a machine that stops.
    if (how === 'killed') for (const { pid } of family) signal(pid, 'SIGKILL')
    for (const { pid } of family) await until(async () => !(await isAlive(pid)))
    await this.start()
  }

  async #roll({ pid }: ServerProcess): Promise<void> {
    const before = new Set((await familyOf(pid)).map((each) => each.pid))
    signal(pid, 'SIGHUP')
    await until(async () => {
      const now = await familyOf(pid)
      return now.length === before.size && now.filter((each) => before.has(each.pid)).length === 1
    }, 60_000)
  }
}

interface House {
  readonly restaurant: Restaurant
  readonly devices: TestDevice[]
}

/** The devices of a house that don't show what SQL says yet. */
async function behind({ restaurant, devices }: House, sql: (text: string, values?: unknown[]) => Promise<never[]>) {
  const stored = await storedFloor({ database: { sql } }, restaurant)
  return devices.filter(
    ({ client }) =>
      client.pendingCount > 0 || !isDeepStrictEqual(shownFloor(client), stored) || client.status !== 'live',
  )
}

test(
  `F1, D1, L5: ${RESTAURANTS * DEVICES_EACH} devices, ${batches} random batches through graceful, killed and rolling restarts: each shows what SQL says (seed ${seed})`,
  { timeout: upTo(180_000 + batches * 20_000) },
  async () => {
    const random = randomFrom(seed)
    const postgres = await startPostgres(80)
    const server = new Server({
      DATABASE_URL: postgres.url,
      SECRET_KEY: 'the same after each restart',
      PORT: await freePort(),
      WEB_CONCURRENCY: '2',
      POOL_SIZE: '10',
      ACCESS_TOKEN_EXPIRE_MINUTES: '525600',
    })
    const base = await server.start()
    const login = new pg.Client({ connectionString: postgres.url })
    await login.connect()
    cleanUp(() => login.end())
    const sql = async (text: string, values: unknown[] = []) => (await login.query(text, values)).rows as never[]

    const houses: House[] = []
    for (let n = 0; n < RESTAURANTS; n++) {
      const restaurant = await register(base, `House ${n}`)
      for (let number = 1; number <= 6; number++) await restaurant.table(`${number}`)
      const devices: TestDevice[] = []
      for (let d = 0; d < DEVICES_EACH; d++) devices.push(await openTestDevice({ base }, restaurant, { random }))
      for (const { client } of devices) client.start()
      houses.push({ restaurant, devices })
    }
    cleanUp(async () => {
      await Promise.all(houses.flatMap(({ devices }) => devices.map(({ client }) => client.close())))
    })

    const figures = { done: 0, refused: 0, graceful: 0, killed: 0, rolling: 0, slowestMillis: 0 }
    for (let batch = 0; batch < batches; batch++) {
      const settled: Promise<{ readonly outcome: string }>[] = []
      const restart = batch % BATCHES_A_RESTART === BATCHES_A_RESTART - 1 ? restarts[figuresOf(batch)]! : null
      const healing = restart ? server.restart(restart) : Promise.resolve()
      if (restart) figures[restart]++
      for (const { devices } of houses)
        for (const device of devices) {
          if (random() > 0.4) continue
          // Some before the server goes, some while it is away, some after.
          if (restart && random() < 0.1) await sleep(random() * 50)
          settled.push(doSomething(device, random).settled)
        }
      await healing
      const healed = performance.now()
      // Whatever was asked is decided now: activity has resumed on every device that had something to say.
      for (const { outcome } of await Promise.all(settled)) {
        if (outcome === 'done') figures.done++
        else figures.refused++
      }
      for (const house of houses) {
        let late: TestDevice[] = []
        await until(async () => (late = await behind(house, sql)).length === 0, HEALED_MILLIS).catch(() => undefined)
        expect(late.map(({ client }) => `${client.status} ${client.confirmed.seq} ${client.pendingCount}`)).toEqual([])
      }
      figures.slowestMillis = Math.max(figures.slowestMillis, Math.round(performance.now() - healed))
    }
    const devices = RESTAURANTS * DEVICES_EACH
    process.stdout.write(`oracle: ${JSON.stringify({ seed, devices, batches, ...figures })}\n`)
    expect(figures.done).toBeGreaterThan(batches)
  },
)

const figuresOf = (batch: number): number => Math.floor(batch / BATCHES_A_RESTART) % restarts.length
