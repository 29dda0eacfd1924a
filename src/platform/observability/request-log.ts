import { pino } from 'pino'
import type { Logger } from './log.ts'

/** The content of a request's log line. `ms`: its duration; `facts`: other facts, without personal data. */
export interface RequestLine {
  /** Of letters, digits and `_.:-`. */
  readonly id: string
  readonly method: string
  readonly path: string
  readonly status: number
  readonly ms: number
  readonly facts: Readonly<Record<string, string | number>>
}

/**
 * Writes a line for each request, in the format of the other lines. It is assembled here and not by pino, which
 * searches each object for secrets. That took a third of the time of a small read, and these fields have none.
 */
export function requestLog(log: Logger): (line: RequestLine) => void {
  const out = (log as unknown as Record<symbol, { write(line: string): void }>)[pino.symbols.streamSym]!
  // Many requests end in one millisecond.
  let [millis, time] = [0, '']
  return ({ id, method, path, status, ms, facts }) => {
    if (!log.isLevelEnabled('info')) return
    let more = ''
    for (const name in facts) more += `,"${name}":${JSON.stringify(facts[name])}`
    const now = Date.now()
    if (now !== millis) [millis, time] = [now, new Date(now).toISOString()]
    out.write(
      `{"level":30,"time":"${time}","reqId":"${id}","method":"${method}","path":${JSON.stringify(path)},"status":${status},"ms":${ms}${more},"msg":"request"}\n`,
    )
  }
}

/** The parameters of pino's methods. */
type Said = [object: unknown, message?: string]

/**
 * The log of one request, which adds its id to each line. It is created for the first line; most requests have none.
 */
export class LazyLog {
  readonly #parent: Logger
  readonly #bindings: Record<string, unknown>
  #made: Logger | null = null

  constructor(parent: Logger, bindings: Record<string, unknown>) {
    this.#parent = parent
    this.#bindings = bindings
  }

  get #log(): Logger {
    return (this.#made ??= this.#parent.child(this.#bindings))
  }

  get level(): string {
    return this.#parent.level
  }

  // Methods, not getters: Fastify reads each of them for every request.
  silent(...said: Said): void {
    this.#log.silent(...said)
  }

  trace(...said: Said): void {
    this.#log.trace(...said)
  }

  debug(...said: Said): void {
    this.#log.debug(...said)
  }

  info(...said: Said): void {
    this.#log.info(...said)
  }

  warn(...said: Said): void {
    this.#log.warn(...said)
  }

  error(...said: Said): void {
    this.#log.error(...said)
  }

  fatal(...said: Said): void {
    this.#log.fatal(...said)
  }

  child(bindings: Record<string, unknown>): Logger {
    return this.#log.child(bindings)
  }
}
