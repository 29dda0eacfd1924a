import { pino, type Logger } from 'pino'
import { limits } from '../limits.ts'

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
 * Structured log on standard output, one JSON object per line. Passwords, tokens, phone numbers and e-mail addresses
 * are replaced in the first three levels of an object. URLs are logged without their query (see `pathOf`).
 */
export function createLog(level: string, destination?: { write(line: string): void }): Logger {
  const paths = SECRET.flatMap((key) => [key, `*.${key}`, `*.*.${key}`])
  const options = { ...FORM, level, redact: { paths, censor: '[redacted]' } }
  return pino(options, destination ?? (output ??= standardOutput()))
}

const FORM = { base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: toldOf } }

/**
 * The properties of an error that are logged besides its message. PostgreSQL's `detail` and `where` quote rows and
 * are left out. So are attached objects: pg attaches the whole connection, with its secret key.
 */
const TOLD = [
  'code',
  'status',
  'severity',
  'schema',
  'table',
  'column',
  'constraint',
  'routine',
  'syscall',
  'address',
  'port',
]

/** The logged form of an error, with up to three causes. */
function toldOf(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error
  const known = Object.entries(error).filter(([key, value]) => TOLD.includes(key) && typeof value !== 'object')
  const cause = error.cause !== undefined && depth < 3 ? { cause: toldOf(error.cause, depth + 1) } : {}
  return { type: error.name, message: error.message, stack: error.stack, ...Object.fromEntries(known), ...cause }
}

let output: { write(line: string): void } | undefined

/**
 * The log of the process. It writes some kilobytes at a time, and after a moment in any case: a write per line costs
 * more than a small read. Lines are assembled as bytes. A string that grows by a line at a time keeps all of its
 * lines until it is written, and the garbage collector copies them. The rest is written at exit. When nobody reads,
 * lines beyond the limit are dropped, and counted in a line once there is room.
 */
function standardOutput(): { write(line: string): void } {
  // It starts writing on request. At exit it writes the rest synchronously.
  const out = pino.destination({
    fd: 1,
    sync: false,
    minLength: 4 * limits.logBufferBytes,
    maxWrite: 8 * limits.logBufferBytes,
    maxLength: limits.logBacklogBytes,
  })
  let dropped = 0
  out.on('drop', (lines: string) => (dropped += lines.split('\n').length - 1))
  const told = pino(FORM, out)
  out.on('drain', () => {
    if (dropped === 0) return
    const lines = dropped
    dropped = 0
    told.warn({ dropped: lines }, 'lines of the log were dropped: standard output is not read as fast as they come')
    out.flush()
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
      // A character has at most three bytes.
      const most = 3 * line.length
      if (length + most > held.length) flush()
      if (most > held.length) out.write(line)
      else length += held.write(line, length)
      timer ??= setTimeout(flush, limits.logFlushMillis).unref()
    },
  }
}

// A token of a guest link has 43 characters. No id and no word of an address is so long.
const SECRET_PART = /[\w%-]{43,}/g

/** A path as the log has it: without tokens. */
export const loggedPathOf = (url: string): string => pathOf(url).replace(SECRET_PART, '-')

/** The path of a request without its query, which may contain tokens. */
export const pathOf = (url: string): string => {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}
