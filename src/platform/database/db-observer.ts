/**
 * An observer of statements, called immediately. Each callback runs in the middle of requests: it must be cheap and
 * must not throw.
 */
export interface StatementObserver {
  /**
   * A statement was answered. `seconds` runs from its sending to its answer, so it includes the wait for earlier
   * statements of the same trip. `rows`: returned or changed rows. `sqlstate`: of a failure; null on success, `08000`
   * when the connection broke.
   */
  statement(name: string, seconds: number, rows: number, sqlstate: string | null): void
  /** A transaction is over, this many seconds after it asked for a connection. */
  transaction(seconds: number): void
}

/** An observer of the pool too. */
export interface DbObserver extends StatementObserver {
  /** A transaction got its connection after this many seconds; 0 when one was free. */
  waited(seconds: number): void
  /** A transaction got no connection: none came free in time, or too many were waiting. */
  gaveUp(reason: 'deadline' | 'queue-full'): void
  /** Whether the last attempt to reach the database succeeded. Called at the first attempt and on changes. */
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
