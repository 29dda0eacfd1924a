import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { buildApp, type App } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import type { Db } from '../src/platform/db.ts'
import { createLog } from '../src/platform/log.ts'
import { newId } from '../src/platform/ids.ts'
import { systemClock } from '../src/platform/clock.ts'
import { execute, type ChangeDeps, type Command, type Context } from '../src/changes/command.ts'
import { addGuest } from '../src/guests/add-guest.ts'
import { clearTable } from '../src/guests/clear-table.ts'
import { setGuestStatus } from '../src/guests/set-guest-status.ts'
import { seatGuest } from '../src/guests/seat-guest.ts'
import { drive, type Timed } from './figures.ts'
import { pairOf, type Pair } from './floor.ts'
import type { Where } from './floor.ts'

/** The commands that are measured, in the order that each round runs them in: what is seated is then cleared. */
export const WHATS = ['walk-in', 'status', 'seat', 'clear'] as const
export type What = (typeof WHATS)[number]

const walkIn = { firstName: 'Walk', lastName: 'In', partySize: 2, phone: '+1 555 0100', notes: 'by the window' }

interface Measured {
  readonly command: Command
  input(pair: Pair): unknown
  request(pair: Pair): { method: string; path: string; body?: object }
}

const measured: Record<What, Measured> = {
  'walk-in': {
    command: addGuest,
    input: () => walkIn,
    request: () => ({
      method: 'POST',
      path: '/guests',
      body: { first_name: 'Walk', last_name: 'In', party_size: 2, phone: walkIn.phone, notes: walkIn.notes },
    }),
  },
  status: {
    command: setGuestStatus,
    input: ({ pairId }) => ({ guestId: pairId, status: 'arrived' }),
    request: ({ pairId }) => ({ method: 'PUT', path: `/guests/${pairId}`, body: { status: 'Arrived' } }),
  },
  seat: {
    command: seatGuest,
    input: ({ pairId }) => ({ guestId: pairId, tableId: pairId }),
    request: ({ pairId }) => ({
      method: 'PUT',
      path: `/guests/${pairId}`,
      body: { status: 'Seated', table_id: pairId },
    }),
  },
  clear: {
    command: clearTable,
    input: ({ pairId }) => ({ tableId: pairId }),
    request: ({ pairId }) => ({ method: 'PUT', path: `/tables/${pairId}/clear` }),
  },
}

const contextOf = ({ restaurantId, staffId }: Pair): Context => ({ restaurantId, actor: { staffId, role: 'owner' } })

/** Runs one command for a pair, as the doors do. */
export const runOne = (deps: ChangeDeps, what: What, pair: Pair): Promise<{ readonly result: unknown }> =>
  execute(deps, measured[what].command, contextOf(pair), measured[what].input(pair))

/** What commands need, with nobody to tell. */
export const quiet = (db: Db): ChangeDeps => ({ db, clock: systemClock(), newId, publish: () => undefined })

/** Runs a command `count` times through `execute`, in this process. */
export const inProcess = (deps: ChangeDeps, what: What, where: Where, count: number, atOnce: number): Promise<Timed> =>
  drive(count, atOnce, (index) => runOne(deps, what, pairOf(where, index)))

/** The whole application on a port of loopback, and the process that puts load on it. */
export class Door {
  readonly app: App
  /** Commands in this process whose changes go to the application's hub. */
  readonly deps: ChangeDeps
  readonly #load: ChildProcess
  readonly #port: number

  private constructor(app: App, deps: ChangeDeps, port: number, load: ChildProcess) {
    this.app = app
    this.deps = deps
    this.#port = port
    this.#load = load
  }

  /** `isMeasured`: false leaves out the figures of /metrics and all that belongs to them. */
  static async open(db: Db, isMeasured = true): Promise<Door> {
    const read = readConfig({ SECRET_KEY: 'a secret key for the bench only', LOG_LEVEL: 'silent' })
    if ('problems' in read) throw new Error(read.problems.join('; '))
    const { config } = read
    const clock = systemClock()
    const log = createLog(config.LOG_LEVEL)
    const app = await buildApp({ config, secretKey: config.SECRET_KEY!, db, clock, log, isMeasured })
    await app.server.listen({ host: '127.0.0.1', port: 0 })
    const address = app.server.server.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const execArgv = process.execArgv.filter((arg) => !/prof/.test(arg))
    const load = fork(new URL('./load.ts', import.meta.url), { execArgv })
    const publish = app.hub.publish.bind(app.hub)
    return new Door(app, { db, clock, newId, publish }, port, load)
  }

  /** Runs a command `count` times through the iPad's contract, as fast as can be or so many a second. */
  async run(what: What, where: Where, count: number, connections: number, perSecond?: number): Promise<Timed> {
    const exp = Math.floor(Date.now() / 1000) + 3_600
    const requests = Array.from({ length: count }, (_, index) => {
      const pair = pairOf(where, index)
      const { method, path, body } = measured[what].request(pair)
      const text = body ? JSON.stringify(body) : ''
      const type = body ? 'content-type: application/json\r\n' : ''
      return (
        `${method} /restaurants/${pair.restaurantId}${path} HTTP/1.1\r\nhost: bench\r\n${type}` +
        `authorization: Bearer ${this.app.tokens.sign({ sub: pair.staffId, exp })}\r\ncontent-length: ${text.length}\r\n\r\n${text}`
      )
    })
    return this.send(requests, connections, `${what}, ${where}`, perSecond)
  }

  /** Reads the iPad's dashboard `count` times. */
  async read(count: number, connections: number): Promise<Timed> {
    const exp = Math.floor(Date.now() / 1000) + 3_600
    const requests = Array.from({ length: count }, (_, index) => {
      const { restaurantId, staffId } = pairOf('many', index % 10)
      return (
        `GET /restaurants/${restaurantId}/dashboard-data HTTP/1.1\r\nhost: bench\r\n` +
        `authorization: Bearer ${this.app.tokens.sign({ sub: staffId, exp })}\r\n\r\n`
      )
    })
    return this.send(requests, connections, 'dashboard')
  }

  /** Sends requests as they stand. Throws when one is not answered 200. */
  async send(requests: readonly string[], connections: number, what: string, perSecond?: number): Promise<Timed> {
    this.#load.send({ port: this.#port, connections, requests, perSecond })
    const [answer] = (await once(this.#load, 'message')) as [Timed & { failed: number }]
    if (answer.failed > 0) throw new Error(`${answer.failed} of ${requests.length} (${what}) were not answered 200`)
    return answer
  }

  async close(): Promise<void> {
    this.#load.disconnect()
    await this.app.close()
  }
}
