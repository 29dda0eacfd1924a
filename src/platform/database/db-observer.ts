/** What watches statements is told, the moment it happens. Each callback is called in the middle of requests: it must be cheap and must not throw. */
export interface StatementObserver {
  /**
   * A statement was answered. `seconds` runs from its sending to its answer, so it holds the wait for those sent ahead of it in the same trip; `rows` it gave or
   * touched; `sqlstate` of its failure, null when it was done, `08000` when the connection broke.
   */
  statement(name: string, seconds: number, rows: number, sqlstate: string | null): void
  /** A transaction is over, so many seconds after it asked for a connection. */
  transaction(seconds: number): void
}

/** What watches the pool besides. */
export interface DbObserver extends StatementObserver {
  /** A transaction got its connection after so many seconds, 0 when one was free. */
  waited(seconds: number): void
  /** A transaction got no connection: none in time, or too many were waiting already. */
  gaveUp(reason: 'deadline' | 'queue-full'): void
  /** Whether the last attempt to reach the database succeeded; told when that changes, and at the first attempt. */
  reached(ok: boolean): void
}

/** Connections of a pool: `size` is how many are open, at most `max`; `waiting` are transactions that have none yet. */
export interface PoolFigures {
  readonly size: number
  readonly idle: number
  readonly used: number
  readonly waiting: number
  readonly max: number
}
