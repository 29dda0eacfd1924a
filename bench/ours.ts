import type { App } from '../src/app.ts'
import type { Db } from '../src/platform/database/db.ts'
import { newId } from '../src/platform/ids.ts'
import { systemClock } from '../src/platform/clock.ts'
import type { ChangeDeps, Command, Context } from '../src/changes/command/command.ts'
import { execute } from '../src/changes/command/execute.ts'
import { addGuest } from '../src/guests/add-guest.ts'
import { clearTable } from '../src/floor/clear-table.ts'
import { setGuestStatus } from '../src/guests/set-guest-status.ts'
import { seatGuest } from '../src/guests/seat-guest.ts'
import { openApp } from './app.ts'
import { drive, type Figures, type Timed } from './figures.ts'
import type { Done, Job } from './load.ts'
import { Process } from './process.ts'
import { pairOf, type Pair, type Where } from './pairs.ts'
import { WALK_IN, type Asked, type What } from './requests.ts'

interface Measured {
  readonly command: Command
  input(pair: Pair): Readonly<Record<string, unknown>>
}

const measured: Record<What, Measured> = {
  'walk-in': { command: addGuest, input: () => WALK_IN },
  status: { command: setGuestStatus, input: ({ pairId }) => ({ guestId: pairId, status: 'arrived' }) },
  seat: { command: seatGuest, input: ({ pairId }) => ({ guestId: pairId, tableId: pairId }) },
  clear: { command: clearTable, input: ({ pairId }) => ({ tableId: pairId }) },
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
  readonly #load = Process.start('load')
  readonly #port: number

  private constructor(app: App, port: number, db: Db) {
    this.app = app
    this.#port = port
    this.deps = { ...quiet(db), publish: app.hub.publish.bind(app.hub) }
  }

  /** `isSole`: as the only process of its database. */
  static async open(db: Db, isSole = false): Promise<Door> {
    const { app, port } = await openApp(db, isSole)
    return new Door(app, port, db)
  }

  /**
   * Asks `count` times through the iPad's contract, as fast as can be or so many a second. Throws when one is not answered
   * 200. The process that sends the requests writes them and sums up the answers: here they would be garbage beside what
   * is measured.
   */
  async run(what: Asked, where: Where, count: number, connections: number, perSecond?: number): Promise<Figures> {
    const job: Job = { port: this.#port, what, where, count, connections, perSecond }
    const { failed, figures } = await this.#load.ask<Done>(job)
    if (failed > 0) throw new Error(`${failed} of ${count} (${what}, ${where}) were not answered 200`)
    return figures
  }

  async close(): Promise<void> {
    await this.#load.end()
    await this.app.close()
  }
}
