import { pino, type Logger } from 'pino'
import { limits } from './limits.ts'

export type { Logger } from 'pino'

const SECRET = [
  'password',
  'password_hash',
  'passwordHash',
  'token',
  'access_token',
  'accessToken',
  'refreshToken',
  'authorization',
  'cookie',
  'secret',
  'phone',
  'email',
]

/**
 * Structured log on standard output, one JSON object a line. Passwords, tokens, phone numbers and e-mail addresses are replaced wherever
 * they stand in the first three levels of an object; addresses of requests are logged without their query (see `pathOf`).
 */
export function createLog(level: string, destination?: { write(line: string): void }): Logger {
  const paths = SECRET.flatMap((key) => [key, `*.${key}`, `*.*.${key}`])
  const options = {
    level,
    redact: { paths, censor: '[redacted]' },
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
  }
  return pino(options, destination ?? standardOutput())
}

/** Lines go out some kilobytes at a time, and after a moment in any case: a write for each costs more than a small read. What is left is written at exit. */
function standardOutput(): { write(line: string): void } {
  const out = pino.destination({ fd: 1, sync: false, minLength: limits.logBufferBytes })
  let timer: NodeJS.Timeout | null = null
  const flush = () => {
    timer = null
    out.flush()
  }
  return {
    write(line) {
      out.write(line)
      timer ??= setTimeout(flush, limits.logFlushMillis).unref()
    },
  }
}

/** The path of a request without its query, where tokens may stand. */
export const pathOf = (url: string): string => {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}
