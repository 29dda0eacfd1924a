import { nextTick } from 'node:process'
import type pg from 'pg'
import type { StatementObserver } from './db-observer.ts'
import { AppError, assert } from '../errors.ts'
import type { Opening } from './opening.ts'
import type { Statement, Tx } from './statement.ts'
import { Trip } from './trip.ts'

/** A transaction on a connection: statements issued in one event-loop turn share one round trip. */
export class OpenTx implements Tx {
  readonly #client: pg.PoolClient
  readonly #prepare: boolean
  readonly #observers: readonly StatementObserver[]
  #trip: Trip | undefined
  #departed = 0
  #depth = 0
  #isOver = false
  #sent: Promise<unknown> = Promise.resolve()
  #begun: Promise<unknown> = this.#sent
  /** The error of the first failed statement that nobody waited for. */
  failure: unknown

  constructor(client: pg.PoolClient, prepare: boolean, observers: readonly StatementObserver[]) {
    this.#client = client
    this.#prepare = prepare
    this.#observers = observers
  }

  all<Row extends object>({ name, text, isPlannedAnew }: Statement, values: readonly unknown[]): Promise<Row[]> {
    if (this.#isOver) return Promise.reject(tooLate(name))
    return this.#next().rowsOf<Row>({ name: this.#prepare && !isPlannedAnew ? name : '', text, told: name }, values)
  }

  async maybe<Row extends object>(s: Statement, values: readonly unknown[]): Promise<Row | undefined> {
    return (await this.all<Row>(s, values))[0]
  }

  async one<Row extends object>(s: Statement, values: readonly unknown[]): Promise<Row> {
    const [row] = await this.all<Row>(s, values)
    assert(row, `statement ${s.name} gave no row`)
    return row
  }

  send(s: Statement, values: readonly unknown[]): void {
    this.#unwatched(this.all(s, values))
  }

  async arrived(): Promise<void> {
    await this.#sent
    const { failure } = this
    this.failure = undefined
    if (failure !== undefined) throw failure
  }

  async nested<T>(work: () => Promise<T>): Promise<T> {
    const name = `level_${++this.#depth}`
    this.#unwatched(this.control(`savepoint ${name}`))
    try {
      const made = await work()
      this.#unwatched(this.control(`release savepoint ${name}`))
      return made
    } catch (error) {
      // In a trip of its own: after a failed statement, the rest of a trip is lost.
      this.#depart()
      await this.control(`rollback to savepoint ${name}`)
      const { failure } = this
      this.failure = undefined
      throw blamed(error, failure)
    } finally {
      this.#depth--
    }
  }

  /** Sends the beginning, which travels with the first statements of the work: they fail with it. */
  open({ text, scope, values }: Opening): void {
    this.#unwatched(this.control(text))
    this.send(scope, values)
    this.#begun = this.#sent
  }

  /** Waits for the answer to the beginning. Throws its error. */
  async begun(): Promise<void> {
    await this.#begun
    if (this.failure !== undefined) throw this.failure
  }

  /** Whether everything issued so far is still unsent, and will travel with the statements of this turn. */
  get isAtHome(): boolean {
    return this.#departed === 0
  }

  /** Runs a statement that begins, ends or divides the transaction. Returns PostgreSQL's command tag. */
  control(text: string, told: string | null = null): Promise<string> {
    if (this.#isOver) return Promise.reject(tooLate(text))
    return this.#next().wordOf({ name: this.#prepare ? `: ${text}` : '', text, told })
  }

  /** Commits. Returns `ROLLBACK` if a statement had failed. */
  commit(): Promise<string> {
    return this.control('commit', 'commit')
  }

  /** Undoes everything. When it returns, all sent statements have been answered. */
  async rollback(): Promise<void> {
    this.#depart()
    await this.control('rollback').catch(() => this.#client.emit('error', new Error('rollback failed')))
  }

  /** Nothing can be sent any more: the connection belongs to another transaction now. */
  end(): void {
    this.#isOver = true
  }

  /** The trip of this turn. */
  #next(): Trip {
    if (this.#trip) return this.#trip
    nextTick(() => this.#depart())
    return (this.#trip = new Trip(this.#observers))
  }

  #depart(): void {
    const trip = this.#trip
    this.#trip = undefined
    if (!trip) return
    this.#departed++
    this.#client.query(trip as unknown as pg.Submittable)
  }

  #unwatched(sent: Promise<unknown>): void {
    this.#sent = sent.catch((error: unknown) => (this.failure ??= error))
  }
}

const tooLate = (name: string): Error => new Error(`assertion failed: ${name} was sent after its transaction`)

/**
 * Chooses between two errors of one piece of work. A refusal is made from a failure, and a statement behind a failed
 * one only knows that it failed.
 */
export const blamed = (error: unknown, failure: unknown): unknown =>
  error instanceof AppError ? error : (failure ?? error)
