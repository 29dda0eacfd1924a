import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../platform/errors.ts'
import { limits } from '../platform/limits.ts'
import type { ErrorExample } from './figures.ts'
import { isServed } from './samples.ts'

/** The name of the question for a process's latest errors. */
export const ERRORS = 'errors'

/** The latest requests of this process that failed by the server's fault (5xx). */
export class ErrorExamples {
  readonly #kept: ErrorExample[] = []

  /** Newest first. */
  get latest(): readonly ErrorExample[] {
    return this.#kept.toReversed()
  }

  /** Keeps an error. Beyond `limits.opsErrors`, the oldest goes. */
  add(example: ErrorExample): void {
    this.#kept.push(example)
    while (this.#kept.length > limits.opsErrors) this.#kept.shift()
  }
}

/**
 * Returns a function that adds an example to `examples`. It is called with every answer of 500 and above that a
 * device got.
 */
export function watchErrors(
  server: FastifyInstance,
  examples: ErrorExamples,
  nowMillis: () => number,
): (request: FastifyRequest, reply: FastifyReply) => void {
  const thrown = new WeakMap<object, Error>()
  server.addHook('onError', async (request, _, error) => void thrown.set(request, error))
  return (request, reply) => {
    const route = request.routeOptions.url ?? 'none'
    if (!isServed(route)) return
    const error = thrown.get(request)
    examples.add({
      at: Math.round(nowMillis()),
      method: request.method,
      route,
      status: reply.statusCode,
      code: request.trail.code ?? (error instanceof AppError ? error.code : 'bug'),
      message: withoutValues(error?.message ?? 'the answer could not be sent'),
      place: error === undefined || error instanceof AppError ? null : placeOf(error),
      requestId: request.id,
    })
  }
}

/**
 * A message without anything that people may have entered: text in quotes or brackets or after an equals sign, e-mail
 * addresses, ids and long numbers. The wording of the code and of PostgreSQL stays. Names of columns and tables are
 * in quotes too, and are removed.
 */
export function withoutValues(message: string): string {
  return (
    message
      .slice(0, 2_000)
      // An unclosed quote or bracket extends to the end, so each expression passes over the text once.
      .replace(/"[^"]*(?:"|$)|“[^”]*(?:”|$)|(?<!\w)'[^']*(?:'|$)/g, '"…"')
      .replace(/\([^)]*(?:\)|$)/g, '(…)')
      .replace(/=\s*\S+/g, '=…')
      .replace(/\S+/g, (word) => (word.includes('@') ? '…' : word))
      .replace(/[0-9a-f]{8}-[0-9a-f-]{20,}/gi, '…')
      .replace(/\+?\d[\d\s-]{4,}\d/g, '…')
      .replace(/\s+/g, ' ')
      .slice(0, limits.opsErrorCharacters)
  )
}

/** The place in our code that threw: `guests/seating.ts:42`. */
function placeOf({ stack }: Error): string | null {
  for (const line of (stack ?? '').split('\n').slice(1)) {
    const [ending, from] = [
      /\.[jt]s:\d+/.exec(line),
      Math.max(line.lastIndexOf('/src/') + 5, line.lastIndexOf('/dist/') + 6),
    ]
    const place = ending && from > 5 ? line.slice(from, ending.index + ending[0].length) : ''
    if (/^[\w/.-]+:\d+$/.test(place)) return place
  }
  return null
}
