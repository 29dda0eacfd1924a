import pg from 'pg'
import { asRefusal, busy, isFailure, outcomeUnknown } from './database-errors.ts'
import { assert } from './errors.ts'
import { parsers } from './column-types.ts'
import type { Instant } from './clock.ts'
import { limits } from './limits.ts'
import { OpenTx } from './open-tx.ts'
import { statement, type DbObserver, type StatementObserver, type Tx } from './statement.ts'

export { constraintOf, sqlState } from './database-errors.ts'
export { statement, type DbObserver, type Statement, type StatementObserver, type Tx } from './statement.ts'

/**
 * Whose rows a transaction may see; at most one restaurant's, or the one staff row it names, or heads to compare, or staff by id with their sign-ins, or
 * sign-ins that were over before a time.
 */
export type Scope =
  | { readonly restaurantId: string }
  | { readonly staffId: string }
  | { readonly email: string }
  | { readonly watched: readonly string[] }
  | { readonly watchedStaff: readonly string[] }
  | { readonly forgottenBefore: Instant }

/** What `final` of a transaction sends together with the commit. */
type Final<T> = (tx: Tx) => Promise<T>

const ROLE = 'qtable_app'

// One statement sets everything a transaction works under; all of it ends with the transaction, so that a pooler in transaction mode
// (PgBouncer) may sit between. Session state is never used.
const begin = statement(
  'begin',
  `select set_config('role', '${ROLE}', true), set_config('search_path', 'qtable, pg_temp', true), set_config('timezone', 'UTC', true),
     set_config('qtable.restaurant_id', $1, true), set_config('qtable.staff_id', $2, true), set_config('qtable.email', $3, true),
     set_config('qtable.watched', $4, true), set_config('qtable.watched_staff', $5, true),
     set_config('qtable.forgotten_before', $6, true), set_config('statement_timeout', '${limits.statementMillis}', true),
     set_config('lock_timeout', '${limits.lockMillis}', true),
     set_config('idle_in_transaction_session_timeout', '${limits.idleTransactionMillis}', true)`,
)

// The same without a role: the login itself, which owns the tables. It waits for locks a moment only, because whoever comes after it waits as long.
const beginAsOwner = statement(
  'begin-as-owner',
  `select set_config('search_path', 'qtable, pg_temp', true), set_config('timezone', 'UTC', true),
     set_config('statement_timeout', '${limits.ownerStatementMillis}', true),
     set_config('lock_timeout', '${limits.ownerLockMillis}', true),
     set_config('idle_in_transaction_session_timeout', '${limits.idleTransactionMillis}', true)`,
)

/** Settings of the pool. */
export interface DbOptions {
  readonly url: string
  /** Connections at most. */
  readonly poolSize: number
  /** False for poolers that know unnamed statements only (PgBouncer before 1.21). */
  readonly prepare?: boolean
  /** Told of connections that break while idle. */
  readonly onConnectionError?: (error: Error) => void
  readonly observer?: DbObserver
}

/** A pool of connections, and transactions on them. */
export class Db {
  readonly #pool: pg.Pool
  readonly #prepare: boolean
  readonly #max: number
  #observer: DbObserver | null
  #observers: readonly StatementObserver[]

  constructor(options: DbOptions | Db) {
    if (options instanceof Db) {
      this.#pool = options.#pool
      this.#prepare = options.#prepare
      this.#max = options.#max
      this.#observer = options.#observer
      this.#observers = options.#observers
      return
    }
    this.#prepare = options.prepare ?? true
    this.#max = options.poolSize
    this.#observer = options.observer ?? null
    this.#observers = options.observer ? [options.observer] : []
    // `pipeline` is read by pg's Client, which the pool hands its options to.
    const config: pg.PoolConfig & { pipeline: boolean } = {
      connectionString: options.url,
      max: options.poolSize,
      pipeline: true,
      connectionTimeoutMillis: limits.poolWaitMillis,
      // A connection costs 20 ms to open: a quiet restaurant's next seating should not pay that.
      idleTimeoutMillis: limits.poolIdleMillis,
      keepAlive: true,
      application_name: 'qtable',
      types: {
        getTypeParser: (oid, format) => parsers.get(oid) ?? pg.types.getTypeParser(oid, format),
      },
    }
    this.#pool = new pg.Pool(config)
    this.#pool.on('error', (error) => options.onConnectionError?.(error))
  }

  /** Connections: open, idle, used and at most, and requests waiting for one. */
  get figures(): { open: number; idle: number; used: number; max: number; waiting: number } {
    const { totalCount: open, idleCount: idle, waitingCount: waiting } = this.#pool
    return { open, idle, used: open - idle, max: this.#max, waiting }
  }

  /** Has what runs from now on told to an observer. Once, at the start. */
  observe(observer: DbObserver): void {
    this.#observer = observer
    this.#observers = [observer]
  }

  /** The same pool: what runs through this is told to one more observer, as long as one request. */
  watchedBy(observer: StatementObserver): Db {
    const db = new Db(this)
    db.#observers = [...this.#observers, observer]
    return db
  }

  /**
   * Runs `work` in one transaction (read committed) that sees the scope's rows only. It commits when `work` resolves and rolls back when it
   * throws. `final`, given what `work` resolved to, is sent in one trip with the commit. Throws `AppError` busy (503) when no connection is to be
   * had in time, and outcome-unknown (503) when the connection broke while committing.
   */
  async transaction<T>(scope: Scope, work: (tx: Tx) => Promise<T>): Promise<T>
  async transaction<T, U>(
    scope: Scope,
    work: (tx: Tx) => Promise<T>,
    final: (made: T) => Final<U> | null,
  ): Promise<[T, U | null]>
  async transaction<T, U>(
    scope: Scope,
    work: (tx: Tx) => Promise<T>,
    final?: (made: T) => Final<U> | null,
  ): Promise<T | [T, U | null]> {
    const ran = await this.#run('begin', scope, work, final)
    return final ? ran : ran[0]
  }

  /** Runs `work` in a transaction that only reads, all of it the state of one moment (repeatable read). Throws as `transaction` does. */
  async snapshot<T>(scope: Scope, work: (tx: Tx) => Promise<T>): Promise<T> {
    return (await this.#run<T, null>('begin isolation level repeatable read read only', scope, work))[0]
  }

  /**
   * Runs `work` in a transaction as the login, which owns the tables and is held back by no restaurant's wall: for housekeeping, nothing else. Throws
   * as `transaction` does, and busy (503) too when a lock isn't to be had at once.
   */
  async asOwner<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return (await this.#run<T, null>('begin', null, work))[0]
  }

  async #run<T, U>(
    beginText: string,
    scope: Scope | null,
    work: (tx: Tx) => Promise<T>,
    final?: (made: T) => Final<U> | null,
  ): Promise<[T, U | null]> {
    const began = this.#observers.length > 0 ? performance.now() : 0
    const client = await this.#connect()
    let broken: Error | undefined
    const onError = (error: Error) => void (broken = error)
    client.on('error', onError)
    // PostgreSQL's own limits don't help when it is the network that says nothing.
    const late = setTimeout(
      () => cutOff(client),
      scope === null ? limits.ownerTransactionMillis : limits.transactionMillis,
    )
    try {
      const tx = new OpenTx(client, this.#prepare, this.#observers)
      const made = await this.#work(client, tx, beginText, scope, work)
      const last = final?.(made)
      const [ended, committed] = await Promise.allSettled([last ? last(tx) : null, tx.send('commit', 'commit')])
      if (committed.status === 'rejected') broken = committed.reason as Error
      if (ended.status === 'rejected' && (committed.status === 'fulfilled' || isFailure(ended.reason)))
        throw ended.reason
      if (committed.status === 'rejected') throw isFailure(committed.reason) ? committed.reason : outcomeUnknown()
      assert(ended.status === 'fulfilled', 'a transaction that was not finished was committed')
      assert(committed.value.command === 'COMMIT', 'a transaction that had failed was committed')
      return [made, ended.value]
    } catch (error) {
      throw asRefusal(error)
    } finally {
      clearTimeout(late)
      client.off('error', onError)
      client.release(broken)
      if (broken) this.#observer?.reached(false)
      for (const observer of this.#observers) observer.transaction((performance.now() - began) / 1000)
    }
  }

  async #work<T>(
    client: pg.PoolClient,
    tx: OpenTx,
    beginText: string,
    scope: Scope | null,
    work: (tx: Tx) => Promise<T>,
  ): Promise<T> {
    // The first statements of the work travel with these two. Where these fail, those fail too: nothing runs without the scope.
    const begun = Promise.all([
      client.query(beginText),
      scope === null ? tx.one(beginAsOwner, []) : tx.one(begin, scopeValues(scope)),
    ])
    const [opened, worked] = await Promise.allSettled([begun, work(tx)])
    try {
      if (opened.status === 'rejected') throw opened.reason
      if (worked.status === 'rejected') throw worked.reason
      return worked.value
    } catch (error) {
      // Whatever was sent and not awaited has been answered by the time the rollback is.
      await client.query('rollback').catch(() => client.emit('error', new Error('rollback failed')))
      throw error
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    const observer = this.#observer
    if (this.#pool.waitingCount >= limits.poolWaiting) {
      observer?.gaveUp('queue-full')
      throw busy('Too many requests are waiting for the database')
    }
    const began = observer ? performance.now() : 0
    try {
      const client = await this.#pool.connect()
      observer?.waited((performance.now() - began) / 1000)
      observer?.reached(true)
      return client
    } catch (error) {
      const { message } = error as Error
      // The pool's own word for its deadline: the database may be well, and all connections in use.
      if (/timeout exceeded/.test(message)) observer?.gaveUp('deadline')
      else observer?.reached(false)
      throw busy(`The database can't be reached: ${message}`)
    }
  }

  /** Waits for running transactions and closes every connection. */
  async close(): Promise<void> {
    await this.#pool.end()
  }
}

/** Ends a connection at once, whatever is under way on it: that is refused, as when the connection breaks by itself. */
function cutOff(client: pg.PoolClient): void {
  const { connection } = client as unknown as { connection: { stream: { destroy(error: Error): void } } }
  connection.stream.destroy(new Error('Connection terminated: no answer in time'))
}

function scopeValues(scope: Scope): string[] {
  return [
    'restaurantId' in scope ? scope.restaurantId : '',
    'staffId' in scope ? scope.staffId : '',
    'email' in scope ? scope.email : '',
    'watched' in scope ? scope.watched.join(',') : '',
    'watchedStaff' in scope ? scope.watchedStaff.join(',') : '',
    'forgottenBefore' in scope ? scope.forgottenBefore : '',
  ]
}
