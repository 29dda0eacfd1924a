import { Db } from '../src/platform/database/db.ts'
import { newId } from '../src/platform/ids.ts'
import { systemClock } from '../src/platform/clock.ts'
import { execute } from '../src/changes/command/execute.ts'
import type { Change } from '../src/changes/log/log.ts'
import { updateGuest } from '../src/guests/update-guest.ts'
import { Process } from './process.ts'
import { asSuperuser, openPostgres } from './floor.ts'
import type { Heard, Kind } from './socket-clients.ts'
import { furnish, placeOf } from './socket-floor.ts'
import type { Manner, Measured, Order, Range, Told } from './socket-server.ts'

/** The processes of the benches of sockets: a database, what is measured, and devices. */

// The garbage of what was measured before is cleared away before the next.
const OPTIONS = ['--expose-gc']

/** Devices of a server, in two processes. */
export class Devices {
  readonly #processes: readonly Process[]
  readonly #count: number

  private constructor(processes: readonly Process[], count: number) {
    this.#processes = processes
    this.#count = count
  }

  /** Opens so many devices of each restaurant; resolves when each has been told that it hears. */
  static async open(port: number, kind: Kind, range: Range, devices: number, stamps: number): Promise<Devices> {
    const halves = [Math.ceil(devices / 2), Math.floor(devices / 2)].filter((count) => count > 0)
    const processes = await Promise.all(
      halves.map(async (count, half) => {
        const asked = Process.start('socket-clients', [], OPTIONS)
        await asked.ask({ ...range, port, kind, first: half * halves[0]!, devices: count, stamps })
        return asked
      }),
    )
    return new Devices(processes, range.restaurants * devices)
  }

  /** What they heard: all frames, and when the last of them had each change. Waits until each has heard `changes` of its restaurant. */
  async heard(changes: number): Promise<Heard> {
    const end = Date.now() + 20_000
    for (;;) {
      const all = await Promise.all(this.#processes.map((one) => one.ask<Heard>('heard')))
      const frames = all.reduce((sum, heard) => sum + heard.frames, 0)
      if (frames === changes * this.#count) {
        const last = all[0]!.last.map((first, n) => Math.max(first, all[1]?.last[n] ?? 0))
        return { frames, last }
      }
      if (Date.now() > end || frames > changes * this.#count)
        throw new Error(`${this.#count} devices heard ${frames} frames of ${changes} changes`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((one) => one.ask('close')))
    await Promise.all(this.#processes.map((one) => one.end()))
  }
}

/** A server in a process of its own: the whole application, or the limit. */
export class SocketServer {
  readonly port: number
  readonly #process: Process

  private constructor(port: number, server: Process) {
    this.port = port
    this.#process = server
  }

  static async open(mode: 'app' | 'raw', given: string): Promise<SocketServer> {
    const server = Process.start('socket-server', [mode, given], OPTIONS)
    return new SocketServer(await server.next<number>(), server)
  }

  prepare(range: Range, manner: Manner): Promise<number> {
    return this.#process.ask({ what: 'prepare', ...range, manner } satisfies Order)
  }

  told(order: Order & { what: 'tell' | 'run' }): Promise<Told> {
    return this.#process.ask(order)
  }

  measure(): Promise<Measured> {
    return this.#process.ask({ what: 'measure' } satisfies Order)
  }

  /** Resolves when it has so many devices. */
  async settle(count: number): Promise<void> {
    while ((await this.#process.ask<number>({ what: 'devices' } satisfies Order)) !== count)
      await new Promise((resolve) => setTimeout(resolve, 50))
  }

  end(): Promise<void> {
    return this.#process.end()
  }
}

/** A database with restaurants and devices that are signed in, and a change as they are. */
export interface Ground {
  readonly url: string
  readonly sample: string
  /** Puts the heads of these restaurants far ahead of what is in the log, so that changes can be told as if they had been committed. */
  raiseHeads(range: Range): Promise<void>
  close(): Promise<void>
}

export async function openGround(restaurants: number, devices: number): Promise<Ground> {
  const postgres = await openPostgres(false)
  const { url } = postgres
  const db = new Db({ url, poolSize: 2 })
  try {
    await furnish(url, db, restaurants + 1, devices)
    const { restaurantId, staffId, guestId } = placeOf(restaurants)
    const changes: Change[] = []
    const deps = { db, clock: systemClock(), newId, publish: (change: Change) => void changes.push(change) }
    const context = { restaurantId, actor: { staffId, role: 'owner' as const } }
    await execute(deps, updateGuest, context, { guestId, notes: 'by the window, 1' })
    return {
      url,
      sample: JSON.stringify(changes[0]),
      raiseHeads({ from, restaurants: count }) {
        const ids = Array.from({ length: count }, (_, n) => `'${placeOf(from + n).restaurantId}'`)
        return asSuperuser(url, `update heads set seq = seq + 1000000000 where restaurant_id in (${ids.join(',')})`)
      },
      close: () => postgres.close(),
    }
  } catch (error) {
    await postgres.close()
    throw error
  } finally {
    await db.close()
  }
}
