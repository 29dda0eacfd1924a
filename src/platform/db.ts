import pg from 'pg'
import { asRefusal, busy, isFailure, outcomeUnknown, sqlState } from './database-errors.ts'
import type { DbObserver, PoolFigures } from './db-observer.ts'
import { assert } from './errors.ts'
import { parsers } from './column-types.ts'
import type { Instant } from './clock.ts'
import { limits } from './limits.ts'

export { constraintOf, sqlState } from './database-errors.ts'
export type { DbObserver, PoolFigures } from './db-observer.ts'

/** A named SQL statement. The name is the prepared statement's name and the label of its figures, so it is unique. */
export interface Statement {
  readonly name: string
  readonly text: string
}

const names = new Set<string>()

/** Declares a statement once, at module level. Throws when its name is taken. */
export function statement(name: string, text: string): Statement {
  assert(!names.has(name), `statement ${name} is declared twice`)
  names.add(name)
  return { name, text }
}

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
  /** Told what happens, for figures. */
  readonly observer?: DbObserver
}

/** A pool of connections, and transactions on them. */
export class Db {
  readonly #pool: pg.Pool
  readonly #prepare: boolean
  readonly #max: number
  readonly #observer: DbObserver | undefined
  #reached: boolean | undefined

  constructor(options: DbOptions) {
    this.#prepare = options.prepare ?? true
    this.#max = options.poolSize
    this.#observer = options.observer
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

  /** Its connections, as they are now. */
  get figures(): PoolFigures {
    const { totalCount: size, idleCount: idle, waitingCount: waiting } = this.#pool
    return { size, idle, used: size - idle, waiting, max: this.#max }
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
      const tx = new OpenTx(client, this.#prepare, this.#observer)
      const made = await this.#work(client, tx, beginText, scope, work)
      const last = final?.(made)
      const [ended, committed] = await Promise.allSettled([last ? last(tx) : null, client.query('commit')])
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
    if (this.#pool.waitingCount >= limits.poolWaiting) {
      this.#observer?.gaveUp('queue-full')
      throw busy('Too many requests are waiting for the database')
    }
    const began = this.#observer && performance.now()
    try {
      const client = await this.#pool.connect()
      this.#tellReached(true)
      if (began !== undefined) this.#observer!.waited((performance.now() - began) / 1000)
      return client
    } catch (error) {
      const { message } = error as Error
      if (message.startsWith('timeout exceeded')) this.#observer?.gaveUp('deadline')
      else this.#tellReached(false)
      throw busy(`The database can't be reached: ${message}`)
    }
  }

  #tellReached(ok: boolean): void {
    if (ok === this.#reached) return
    this.#reached = ok
    this.#observer?.reached(ok)
  }

  /** Waits for running transactions and closes every connection. */
  async close(): Promise<void> {
    await this.#pool.end()
  }
}

class OpenTx implements Tx {
  readonly #client: pg.PoolClient
  readonly #prepare: boolean
  readonly #observer: DbObserver | undefined
  #depth = 0

  constructor(client: pg.PoolClient, prepare: boolean, observer: DbObserver | undefined) {
    this.#client = client
    this.#prepare = prepare
    this.#observer = observer
  }

  async all<Row extends object>(s: Statement, values: readonly unknown[]): Promise<Row[]> {
    const query = this.#prepare
      ? { name: s.name, text: s.text, values: [...values] }
      : { text: s.text, values: [...values] }
    if (!this.#observer) return (await this.#client.query<Row>(query)).rows
    const began = performance.now()
    try {
      const { rows, rowCount } = await this.#client.query<Row>(query)
      this.#observer.statement(s.name, (performance.now() - began) / 1000, rowCount ?? rows.length, null)
      return rows
    } catch (error) {
      this.#observer.statement(s.name, (performance.now() - began) / 1000, 0, sqlState(error) ?? '08000')
      throw error
    }
  }

  async maybe<Row extends object>(s: Statement, values: readonly unknown[]): Promise<Row | undefined> {
    return (await this.all<Row>(s, values))[0]
  }

  async one<Row extends object>(s: Statement, values: readonly unknown[]): Promise<Row> {
    const [row] = await this.all<Row>(s, values)
    assert(row, `statement ${s.name} gave no row`)
    return row
  }

  async nested<T>(work: () => Promise<T>): Promise<T> {
    const name = `level_${++this.#depth}`
    try {
      await this.#client.query(`savepoint ${name}`)
      const made = await work()
      await this.#client.query(`release savepoint ${name}`)
      return made
    } catch (error) {
      await this.#client.query(`rollback to savepoint ${name}`)
      throw error
    } finally {
      this.#depth--
    }
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
