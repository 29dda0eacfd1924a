import { assert } from './errors.ts'

/** A named SQL statement. The name is the prepared statement's name and the label of its figures, so it is unique. */
export interface Statement {
  readonly name: string
  readonly text: string
}

const declared = new Map<string, Statement>()

/** Declares a statement once, at module level. Throws when its name is taken. */
export function statement(name: string, text: string): Statement {
  assert(!declared.has(name), `statement ${name} is declared twice`)
  const made = { name, text }
  declared.set(name, made)
  return made
}

/** The statement of a name, if it is declared. */
export const statementOf = (name: string): Statement | undefined => declared.get(name)

/** Every statement that is declared so far. */
export const statements = (): Statement[] => [...declared.values()]

/** An open transaction. Statements that are not awaited one by one travel together (pipelined) and run in order. */
export interface Tx {
  /** Runs a statement and gives its rows. */
  all<Row extends object>(s: Statement, values: readonly unknown[]): Promise<Row[]>
  /** Runs a statement and gives its first row, if there is one. */
  maybe<Row extends object>(s: Statement, values: readonly unknown[]): Promise<Row | undefined>
  /** Runs a statement and gives its one row; no row is a bug. */
  one<Row extends object>(s: Statement, values: readonly unknown[]): Promise<Row>
  /** Runs `work`; what it wrote is undone when it throws. */
  nested<T>(work: () => Promise<T>): Promise<T>
}

/** Is told what runs. Must not throw, and is called often: it must not cost much. Times are seconds. */
export interface StatementObserver {
  /** A statement was answered, so long after it was sent; those that travel together wait for each other. `sqlstate`: why it failed, 08000 where the connection broke. */
  statement(name: string, seconds: number, rows: number, sqlstate: string | null): void
  /** A transaction is over, with the wait for its connection. */
  transaction(seconds: number): void
}

/** Is told of the pool besides. */
export interface DbObserver extends StatementObserver {
  /** A transaction waited so long for its connection. */
  waited(seconds: number): void
  /** A transaction got no connection in time, or too many waited already. */
  gaveUp(reason: 'deadline' | 'queue-full'): void
  /** Whether the last attempt to reach the database succeeded. */
  reached(succeeded: boolean): void
}
