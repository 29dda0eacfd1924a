import { steadyPort } from './ports.ts'
import { startServer, type Exit, type ServerProcess } from './server.ts'

/** Several server processes over one database, as behind a load balancer. Each has its own port and keeps it. */

/** Server processes by index, from 0. */
export class Fleet {
  /** Where each serves, whether it runs or not: `http://127.0.0.1:11000`. */
  readonly bases: readonly string[]
  readonly #envs: readonly Record<string, string>[]
  readonly #ending = new Set<ServerProcess>()
  readonly #running: (ServerProcess | undefined)[] = []

  constructor(envs: readonly Record<string, string>[]) {
    this.#envs = envs
    this.bases = envs.map(({ PORT }) => `http://127.0.0.1:${PORT}`)
  }

  /** The process of an index. Throws when it does not run. */
  at(index: number): ServerProcess {
    const server = this.#running[index]
    if (!server) throw new Error(`server ${index} doesn't run`)
    return server
  }

  /** Which of them run. */
  get running(): number[] {
    return this.bases.flatMap((_, index) => (this.#running[index] ? [index] : []))
  }

  /** Starts one, at its port, and waits until it serves. `env`: settings of this start only. */
  async start(index: number, env: Record<string, string> = {}): Promise<ServerProcess> {
    if (this.#running[index]) throw new Error(`server ${index} runs already`)
    const server = await startServer({ ...this.#envs[index], ...env })
    this.#running[index] = server
    void server.exit.then((exit) => {
      if (this.#running[index] === server) this.#running[index] = undefined
      if (this.#ending.has(server)) return
      process.stdout.write(
        `server ${index} ended by itself: ${JSON.stringify(exit)}\n${server.output().slice(-2_000)}\n`,
      )
    })
    return server
  }

  /** Ends one as an operator does (SIGTERM), and tells how it ended. */
  stop(index: number): Promise<Exit> {
    return this.#end(index, 'SIGTERM')
  }

  /** kill -9 of one. */
  kill(index: number): Promise<Exit> {
    return this.#end(index, 'SIGKILL')
  }

  /** Ends one, with SIGTERM unless told otherwise, and starts it again at the same port. */
  async restart(index: number, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<ServerProcess> {
    await this.#end(index, signal)
    return this.start(index)
  }

  async #end(index: number, signal: NodeJS.Signals): Promise<Exit> {
    const server = this.at(index)
    this.#ending.add(server)
    const exit = await server.end(signal)
    this.#running[index] = undefined
    return exit
  }
}

/**
 * Starts so many servers at once over one database; they end with the test. `envOf`: the settings of each, like DATABASE_URL and REDIS_URL (through a proxy of its
 * own, say). SECRET_KEY is the same for all unless given.
 */
export async function startFleet(
  count: number,
  envOf: (index: number) => Record<string, string> | Promise<Record<string, string>>,
): Promise<Fleet> {
  const envs: Record<string, string>[] = []
  for (let index = 0; index < count; index++)
    envs.push({ SECRET_KEY: 'the same for a whole fleet', ...(await envOf(index)), PORT: `${await steadyPort()}` })
  const fleet = new Fleet(envs)
  await Promise.all(envs.map((_, index) => fleet.start(index)))
  return fleet
}
