import pg from 'pg'
import { AppError } from '../errors.ts'

/** The meaning of database errors. */

/** Whether the database reported a failed statement. Otherwise the connection broke and nobody knows what it did. */
export const isFailure = (error: unknown): boolean => !isGone(sqlState(error) ?? '08000')

const isGone = (state: string): boolean => state.startsWith('08') || state.startsWith('57P')

/** The connection broke while committing. */
export const outcomeUnknown = (): AppError =>
  new AppError('outcome-unknown', 503, 'The database went away while storing; look before trying again')

export const isOutcomeUnknown = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'outcome-unknown'

/** The answer "try again later". */
export const busy = (message: string): AppError => new AppError('busy', 503, message)

/** A newer version of the server has brought the log forward (migrations/0014). */
export const outdated = (): AppError =>
  new AppError('outdated', 503, 'A newer version of this server has taken over; ask again')

/** The SQLSTATE of a database error, or undefined for anything else. */
export const sqlState = (error: unknown): string | undefined =>
  error instanceof pg.DatabaseError ? error.code : undefined

/** Whether a transaction was refused because nobody has checked whose epochs the database has (migrations/0013). */
export const isStale = (error: unknown): boolean => sqlState(error) === 'QT001'

/**
 * Whether a transaction of a restaurant was refused because the server is a standby: it reads no unlogged table and writes nothing. PostgreSQL says the first
 * of these of a cached plan that has changed too, which a new connection mends as well.
 */
export const isOnStandby = (error: unknown): boolean => ['0A000', '25006'].includes(sqlState(error) ?? '')

/** The name of the constraint in a database error. */
export const constraintOf = (error: unknown): string | undefined =>
  error instanceof pg.DatabaseError ? error.constraint : undefined

// Timeouts (of a statement, a lock, an idle transaction), broken connections, a server that is full, stopping or
// gone, or has a fault of its machine: the answer is "try again". Other errors stay as they are.
const COME_BACK = /^(57014|55P03|25P03|08...|53...|57P..|58...)$/

/** The error for the caller: a refusal that says "try again", or the error itself. */
export function asRefusal(error: unknown): unknown {
  if (error instanceof AppError) return error
  const state = sqlState(error)
  if (state === 'QT002') return outdated()
  if (state !== undefined) return COME_BACK.test(state) ? busy(`The database is busy (${state})`) : error
  return isBrokenConnection(error) ? busy('The connection to the database broke') : error
}

// Messages of the driver and codes of Node: of the system (ECONNRESET, ETIMEDOUT), and of writing to an ended
// connection (EPIPE, ERR_STREAM_DESTROYED).
function isBrokenConnection(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code = '', syscall } = error as NodeJS.ErrnoException
  if (syscall !== undefined || code === 'EPIPE' || code.startsWith('ERR_STREAM_')) return true
  return /Connection terminated|not queryable|Client was closed/.test(error.message)
}
