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
  return pino(options, destination ?? (output ??= standardOutput()))
}

let output: { write(line: string): void } | undefined

/**
 * One for the process. Lines go out some kilobytes at a time, and after a moment in any case: a write for each costs more than a small read. They are put together as bytes, because a string that grows by a line at a time
 * is all of its lines until it is written, and the garbage collector carries them about. What is left is written at exit.
 */
function standardOutput(): { write(line: string): void } {
  // It begins to write when it is told to, and at exit writes what it was given without waiting.
  const out = pino.destination({
    fd: 1,
    sync: false,
    minLength: 4 * limits.logBufferBytes,
    maxWrite: 8 * limits.logBufferBytes,
  })
  const held = Buffer.allocUnsafeSlow(limits.logBufferBytes)
  let [length, timer]: [number, NodeJS.Timeout | null] = [0, null]
  const handOn = () => {
    if (length > 0) out.write(held.toString('utf8', 0, length))
    length = 0
  }
  const flush = () => {
    if (timer) clearTimeout(timer)
    timer = null
    handOn()
    out.flush()
  }
  process.prependListener('exit', handOn)
  return {
    write(line) {
      // A character takes three bytes at most.
      const most = 3 * line.length
      if (length + most > held.length) flush()
      if (most > held.length) out.write(line)
      else length += held.write(line, length)
      timer ??= setTimeout(flush, limits.logFlushMillis).unref()
    },
  }
}

/** The path of a request without its query, where tokens may stand. */
export const pathOf = (url: string): string => {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}
