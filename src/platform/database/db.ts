import pg from 'pg'
import {
  asRefusal,
  busy,
  isFailure,
  isOnStandby,
  isOutcomeUnknown,
  isStale,
  outcomeUnknown,
} from './database-errors.ts'
import { ConnectionQueue } from './connection-queue.ts'
import type { DbObserver, PoolFigures, StatementObserver } from './db-observer.ts'
import { EpochGuard, type CheckEpochs } from './epoch-guard.ts'
import { assert } from '../errors.ts'
import type { Gone } from '../http/client-gone.ts'
import { limits } from '../limits.ts'
import { Notices, type NoticesDeps } from './notices.ts'
import { blamed, OpenTx } from './open-tx.ts'
import { AS_OWNER, toLook, toRead, toWrite, type Opening, type Scope } from './opening.ts'
import { statement, type Statement, type Tx } from './statement.ts'
import { cutOff } from './trip.ts'

export { constraintOf, isOutcomeUnknown, sqlState } from './database-errors.ts'
export { declaredStatements, statement, type Owner, type Statement, type Tx } from './statement.ts'
export type { DbObserver, PoolFigures, StatementObserver } from './db-observer.ts'
export type { Scope } from './opening.ts'

/** The statements of `final`, which travel with the commit. */
type Final<T> = (tx: Tx) => Promise<T>

const notify = statement('notify', 'select pg_notify($1, $2)::text')

/** Settings of the pool. */
export interface DbOptions {
  readonly url: string
  /** The most connections. */
  readonly poolSize: number
  /** False for poolers that know unnamed statements only (PgBouncer before 1.21). */
  readonly prepare?: boolean
  /** Called for connections that break while idle. */
  readonly onConnectionError?: (error: Error) => void
  /** Observers, for figures. */
  readonly observer?: DbObserver
  /** Checks whose epochs the database has, when it refuses for that. Without it such a transaction is answered busy. */
  readonly checkEpochs?: CheckEpochs
}

/** A pool of connections, and transactions on them. */
export class Db {
  readonly #options: DbOptions
  readonly #pool: pg.Pool
  readonly #queue: ConnectionQueue
  readonly #idle: Set<pg.PoolClient>
  /** Why the connections are useless. */
  readonly #broken: WeakMap<pg.PoolClient, Error>
  readonly #gone: Gone | undefined
  readonly #guard: EpochGuard
  /** The observers of the pool, shared by all views of it. */
  readonly #watch: { observer: DbObserver | undefined; reached: boolean | undefined }
  /** The observer of one request. */
  readonly #watcher: StatementObserver | undefined

  /** `shared`: another instance whose pool this one uses, until `gone` says that nobody waits for the answer. */
  constructor(options: DbOptions, shared?: Db, gone?: Gone, watcher?: StatementObserver) {
    this.#options = options
    this.#watch = shared ? shared.#watch : { observer: options.observer, reached: undefined }
    this.#watcher = watcher
    this.#gone = gone
    this.#guard = shared ? shared.#guard : new EpochGuard(() => options.checkEpochs?.(this))
    this.#idle = shared ? shared.#idle : new Set()
    this.#broken = shared ? shared.#broken : new WeakMap()
    this.#queue = shared
      ? shared.#queue
      : new ConnectionQueue(options.poolSize, limits.poolWaiting, limits.poolWaitMillis, toldOf(this.#watch))
    this.#pool = shared ? shared.#pool : openPool(options, this.#idle, this.#broken)
  }

  /**
   * The same database for one request: once its client is gone, it takes no connection any more. `watcher` observes
   * it.
   */
  until(gone: Gone, watcher?: StatementObserver): Db {
    return new Db(this.#options, this, gone, watcher)
  }

  /** Sets the observer from now on; undefined removes it. */
  observe(observer: DbObserver | undefined): void {
    this.#watch.observer = observer
  }

  /**
   * Receives the database's notices on a channel, on a connection beside the pool: `hear` and `begin` as in
   * `NoticesDeps`.
   */
  notices(channel: string, told: Pick<NoticesDeps, 'hear' | 'begin'>): Notices {
    const say = (text: string) => this.read({ restaurantId: '' }, notify, [channel, text])
    return new Notices({ url: this.#options.url, channel, say, ...told })
  }

  /** The current state of the connections. */
  get figures(): PoolFigures {
    const { totalCount: size, idleCount: idle } = this.#pool
    return { size, idle, used: size - idle, waiting: this.#queue.waiting, max: this.#options.poolSize }
  }

  /**
   * Runs `work` in one transaction (read committed) that sees only the scope's rows. It commits when `work` resolves
   * and rolls back when it throws. `final` gets the result of `work`; its statements travel with the commit. Throws
   * `AppError` busy (503) when no connection is available in time, and outcome-unknown (503) when the connection
   * broke while committing.
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
    const ran = await this.#run(toWrite(scope), work, final)
    return final ? ran : ran[0]
  }

  /**
   * Runs one query in a transaction of its own, in one round trip. Throws as `transaction` does, but never
   * outcome-unknown.
   */
  async read<Row extends object>(scope: Scope, s: Statement, values: readonly unknown[]): Promise<Row[]> {
    const ask = (tx: Tx) => tx.all<Row>(s, values)
    try {
      const [, rows] = await this.#run(
        toRead(scope),
        async () => undefined,
        () => ask,
      )
      return rows!
    } catch (error) {
      // There was nothing to commit.
      throw isOutcomeUnknown(error) ? busy('The connection to the database broke') : error
    }
  }

  /** Runs `work` in a read-only transaction on one snapshot (repeatable read). Throws as `transaction` does. */
  async snapshot<T>(scope: Scope, work: (tx: Tx) => Promise<T>): Promise<T> {
    return (await this.#run<T, null>(toLook(scope), work))[0]
  }

  /**
   * Runs `work` in a transaction as the login, which owns the tables; row-level security does not limit it. For
   * housekeeping only. Throws as `transaction` does, and busy (503) too when a lock is not available at once.
   */
  async asOwner<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return (await this.#run<T, null>(AS_OWNER, work))[0]
  }

  /** A transaction that is refused for its epochs has done nothing. It is run again after they were checked. */
  async #run<T, U>(
    opening: Opening,
    work: (tx: Tx) => Promise<T>,
    final?: (made: T) => Final<U> | null,
  ): Promise<[T, U | null]> {
    if (opening === AS_OWNER) return this.#runOnce(opening, work, final)
    return this.#guard.run(() => this.#runOnce(opening, work, final))
  }

  async #runOnce<T, U>(
    opening: Opening,
    work: (tx: Tx) => Promise<T>,
    final?: (made: T) => Final<U> | null,
  ): Promise<[T, U | null]> {
    const observers = [this.#watch.observer, this.#watcher].filter((each) => each !== undefined)
    const began = observers.length > 0 ? performance.now() : 0
    const client = await this.#connect()
    // PostgreSQL's own limits do not help when the network is silent.
    const late = setTimeout(() => {
      cutOff(client)
      // Idle connections lead to the same server, and each would delay a request as long.
      for (const idle of this.#idle) cutOff(idle)
    }, opening.millis)
    const tx = new OpenTx(client, this.#options.prepare ?? true, observers)
    try {
      const made = await this.#work(tx, opening, work)
      const last = final?.(made)
      const [ended, committed] = await Promise.allSettled([last ? last(tx) : null, tx.commit()])
      if (committed.status === 'rejected') {
        // Certainly not committed if a statement failed, this one or an earlier one of the trip.
        if (isFailure(committed.reason)) await tx.rollback()
        else this.#broken.set(client, committed.reason as Error)
      }
      const failed = tx.failure ?? (ended.status === 'rejected' ? (ended.reason as unknown) : undefined)
      if (failed !== undefined && (committed.status === 'fulfilled' || isFailure(failed))) throw failed
      if (committed.status === 'rejected') throw isFailure(committed.reason) ? committed.reason : outcomeUnknown()
      assert(ended.status === 'fulfilled', 'a transaction that was not finished was committed')
      assert(committed.value === 'COMMIT', 'a transaction that had failed was committed')
      return [made, ended.value]
    } catch (error) {
      if (opening === AS_OWNER || !isOnStandby(error)) throw isStale(error) ? error : asRefusal(error)
      // The next connection may find the primary.
      this.#broken.set(client, error as Error)
      throw busy('The database is a standby')
    } finally {
      clearTimeout(late)
      tx.end()
      client.release(this.#broken.get(client))
      this.#queue.leave()
      for (const each of observers) each.transaction((performance.now() - began) / 1000)
    }
  }

  async #work<T>(tx: OpenTx, opening: Opening, work: (tx: Tx) => Promise<T>): Promise<T> {
    // The first statements of the work travel with these two, and fail with them: nothing runs without the scope.
    tx.open(opening)
    try {
      const made = await work(tx)
      // A transaction that only writes is one round trip, from begin to commit. Otherwise nothing is sent before the
      // scope is known to hold.
      if (!tx.isAtHome) await tx.begun()
      return made
    } catch (error) {
      await tx.rollback()
      throw blamed(error, tx.failure)
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    await this.#queue.enter(this.#gone)
    try {
      const client = await this.#pool.connect()
      this.#tellReached(true)
      return client
    } catch (error) {
      this.#queue.leave()
      this.#tellReached(false)
      throw busy(`The database can't be reached: ${(error as Error).message}`)
    }
  }

  #tellReached(ok: boolean): void {
    if (ok === this.#watch.reached) return
    this.#watch.reached = ok
    this.#watch.observer?.reached(ok)
  }

  /** Waits for running transactions and closes every connection. */
  async close(): Promise<void> {
    await this.#pool.end()
  }
}

/** Passes the queue's events to the current observers. */
function toldOf(watch: { readonly observer: DbObserver | undefined }): Pick<DbObserver, 'waited' | 'gaveUp'> {
  return {
    waited: (seconds) => watch.observer?.waited(seconds),
    gaveUp: (reason) => watch.observer?.gaveUp(reason),
  }
}

function openPool(options: DbOptions, idle: Set<pg.PoolClient>, broken: WeakMap<pg.PoolClient, Error>): pg.Pool {
  // `pipeline` is read by pg's Client, which the pool hands its options to.
  const config: pg.PoolConfig & { pipeline: boolean } = {
    connectionString: options.url,
    max: options.poolSize,
    pipeline: true,
    connectionTimeoutMillis: limits.poolWaitMillis,
    // A connection costs 20 ms to open. The next command of a quiet restaurant should not pay that.
    idleTimeoutMillis: limits.poolIdleMillis,
    keepAlive: true,
    keepAliveInitialDelayMillis: limits.poolKeepAliveMillis,
    application_name: 'qtable',
  }
  const pool = new pg.Pool(config)
  pool.on('error', (error) => options.onConnectionError?.(error))
  pool.on('connect', (client) => client.on('error', (error) => broken.set(client, error)))
  pool.on('acquire', (client) => idle.delete(client))
  pool.on('release', (_, client) => idle.add(client))
  pool.on('remove', (client) => idle.delete(client))
  return pool
}
