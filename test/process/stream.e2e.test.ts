import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { openDatabase, register, request, startApp, TEST_SECRET, type Restaurant } from '../kit.ts'
import { StreamDevice } from './device.ts'
import { randomFrom } from '../random.ts'
import { until } from './processes.ts'
import { redisAvailable, startRedis } from './redis.ts'
import { cleanUp, cleanUpAll } from './server.ts'
import type { Done, Orders } from './writer-process.ts'
import { upTo } from '../patience.ts'

// A short form in every run; MANY_COMMANDS=1000000 is the long one.
const commands = Number(process.env['MANY_COMMANDS'] ?? 3_000)
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const RESTAURANTS = 6
const PROCESSES = 2
const WRITERS = 8
const TABLES = 12

afterEach(cleanUpAll)

/** A process of test/process/writer-process.ts. */
class WriterProcess {
  readonly #child: ChildProcess
  readonly base: Promise<string>

  constructor(env: Record<string, string>) {
    const script = new URL('./writer-process.ts', import.meta.url)
    const { PATH } = process.env
    this.#child = fork(script, { execArgv: ['--import', 'tsx'], env: { PATH, SECRET_KEY: TEST_SECRET, ...env } })
    cleanUp(async () => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
      this.#child.kill('SIGKILL')
      await once(this.#child, 'exit')
    })
    this.base = this.#word('serving')
  }

  async obey(orders: Orders): Promise<Done> {
    const done = this.#word<Done>('done')
    this.#child.send(orders)
    return done
  }

  async #word<T = string>(name: string): Promise<T> {
    const exit = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`a writer process ended with ${String(code)}`)
    })
    exit.catch(() => undefined)
    const [message] = (await Promise.race([once(this.#child, 'message'), exit])) as [Record<string, T>]
    if (!(name in message)) throw new Error(`expected ${name}, heard ${JSON.stringify(message)}`)
    return message[name]!
  }
}

test(
  `L1, L2, L4, L5, F1: ${commands} commands of ${WRITERS * PROCESSES} writers a restaurant in ${PROCESSES} processes: every device hears every change once, in order (seed ${seed})`,
  { timeout: upTo(120_000 + commands * 10) },
  async () => {
    const database = await openDatabase()
    cleanUp(() => database.close())
    const env: Record<string, string> = { DATABASE_URL: database.url, POOL_SIZE: '20' }
    if (redisAvailable()) env['REDIS_URL'] = (await startRedis()).url
    const processes = Array.from({ length: PROCESSES }, () => new WriterProcess(env))
    const bases = await Promise.all(processes.map(({ base }) => base))

    const restaurants: Restaurant[] = []
    const orders: { id: string; staffId: string; tables: string[] }[] = []
    for (let n = 0; n < RESTAURANTS; n++) {
      const restaurant = await register(bases[0]!, `R${n}`)
      const tables: string[] = []
      for (let number = 1; number <= TABLES; number++) tables.push(await restaurant.table(`${number}`))
      restaurants.push(restaurant)
      orders.push({ id: restaurant.id, staffId: restaurant.staffId, tables })
    }
    const random = randomFrom(seed)
    const devices = restaurants.flatMap(({ id, token }) =>
      bases.map((base) => new StreamDevice({ bases: () => [base], restaurantId: id, token, random }).start()),
    )
    cleanUp(async () => devices.forEach((device) => device.stop()))
    await until(() => devices.every(({ live }) => live))
    expect(new Set(devices.map((device) => device.seq))).toEqual(new Set([TABLES]))

    const began = performance.now()
    const done = await Promise.all(
      processes.map((each, n) =>
        each.obey({ restaurants: orders, commands: commands / PROCESSES, writers: WRITERS, seed: seed + n }),
      ),
    )
    const seconds = (performance.now() - began) / 1000

    // A process that wrote nothing says what is in the tables.
    const fresh = await startApp({}, { database })
    cleanUp(() => fresh.close())
    const faults = { missed: 0, twice: 0, outOfOrder: 0, wrongHashes: 0 }
    let total = 0
    for (const [n, { id, token }] of restaurants.entries()) {
      const path = `/v2/restaurants/${id}/snapshot`
      const { body } = await request(fresh.base, 'GET', path, undefined, { authorization: `Bearer ${token}` })
      const mine = devices.slice(n * PROCESSES, (n + 1) * PROCESSES)
      await until(() => mine.every(({ seq }) => seq === body.seq), 60_000)
      const [log] = await database.sql<{ n: string; last: string; mutations: string }>(
        `select count(*) as n, max(seq) as last, count(distinct mutation_id) as mutations from qtable.changes where restaurant_id = $1`,
        [id],
      )
      const made = done.reduce((sum, { changes }) => sum + (changes[id] ?? 0), 0)
      expect(log).toEqual({ n: `${body.seq}`, last: `${body.seq}`, mutations: `${made}` })
      expect(made).toBe(body.seq - TABLES)
      total += made
      for (const { counts, hash } of mine) {
        faults.missed += made - counts.changes
        faults.twice += counts.twice
        faults.outOfOrder += counts.gaps
        faults.wrongHashes += counts.wrongHashes + (hash === body.hash ? 0 : 1)
        expect(counts.snapshots).toBe(1)
      }
    }
    const refused = done.reduce((sum, each) => sum + each.refused, 0)
    const repeated = done.reduce((sum, each) => sum + each.repeated, 0)
    const hashes = devices.reduce((sum, { counts }) => sum + counts.hashes, 0)
    const figures = { seed, commands, changes: total, refused, repeated, devices: devices.length, hashes, ...faults }
    process.stdout.write(`${JSON.stringify({ ...figures, perSecond: Math.round(commands / seconds) })}\n`)
    expect(faults).toEqual({ missed: 0, twice: 0, outOfOrder: 0, wrongHashes: 0 })
  },
)
