import { assert } from '../errors.ts'

/** A named SQL statement. The name is the prepared statement's name and the label of its figures, so it is unique. */
export interface Statement {
  readonly name: string
  readonly text: string
  /**
   * Planned for its values each time. Otherwise PostgreSQL settles on one plan for all values after five executions,
   * if that seems as cheap.
   */
  readonly isPlannedAnew: boolean
}

const declared = new Map<string, Statement>()

/** Declares a statement once, at module level. Throws when its name is taken. */
export function statement(name: string, text: string, { isPlannedAnew = false } = {}): Statement {
  assert(!declared.has(name), `statement ${name} is declared twice`)
  const made = { name, text, isPlannedAnew }
  declared.set(name, made)
  return made
}

/** The statement with this name, if it is declared. */
export const statementOf = (name: string): Statement | undefined => declared.get(name)

/** All declared statements of the loaded modules. */
export const declaredStatements = (): Statement[] => [...declared.values()]

/** Where transactions run as the login, which owns the tables: see `Db.asOwner`. */
export interface Owner {
  asOwner<T>(work: (tx: Tx) => Promise<T>): Promise<T>
}

/** An open transaction. Statements issued in one event-loop turn share one round trip, and run in order. */
export interface Tx {
  /** Runs a statement and returns its rows. */
  all<Row extends object>(s: Statement, values: readonly unknown[]): Promise<Row[]>
  /** Runs a statement and returns its first row, if there is one. */
  maybe<Row extends object>(s: Statement, values: readonly unknown[]): Promise<Row | undefined>
  /** Runs a statement and returns its one row; no row is a bug. */
  one<Row extends object>(s: Statement, values: readonly unknown[]): Promise<Row>
  /**
   * Sends a statement without a result, and does not wait for it. It travels with the next statements, at the latest
   * with the commit. If it fails, the transaction fails with its error.
   */
  send(s: Statement, values: readonly unknown[]): void
  /** Waits until everything that `send` sent is answered. Throws the error of the first that failed. */
  arrived(): Promise<void>
  /** Runs `work`; when it throws, its writes are undone. */
  nested<T>(work: () => Promise<T>): Promise<T>
}
