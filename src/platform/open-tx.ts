import type pg from 'pg'
import { sqlState } from './database-errors.ts'
import { assert } from './errors.ts'
import type { Statement, StatementObserver, Tx } from './statement.ts'

// What the driver takes: a prepared statement by its name, or a text.
type Sent = string | { readonly name?: string; readonly text: string; readonly values: unknown[] }

/** A transaction on a connection of its own. */
export class OpenTx implements Tx {
  readonly #client: pg.PoolClient
  readonly #prepare: boolean
  readonly #observers: readonly StatementObserver[]
  #depth = 0

  constructor(client: pg.PoolClient, prepare: boolean, observers: readonly StatementObserver[]) {
    this.#client = client
    this.#prepare = prepare
    this.#observers = observers
  }

  async all<Row extends object>(s: Statement, values: readonly unknown[]): Promise<Row[]> {
    const query = this.#prepare
      ? { name: s.name, text: s.text, values: [...values] }
      : { text: s.text, values: [...values] }
    return (await this.send<Row>(s.name, query)).rows
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
      await this.send('savepoint', `savepoint ${name}`)
      const made = await work()
      await this.send('release-savepoint', `release savepoint ${name}`)
      return made
    } catch (error) {
      await this.send('rollback-to-savepoint', `rollback to savepoint ${name}`)
      throw error
    } finally {
      this.#depth--
    }
  }

  /** Sends what has a name for the figures. */
  async send<Row extends object>(name: string, query: Sent): Promise<pg.QueryResult<Row>> {
    if (this.#observers.length === 0) return this.#client.query<Row>(query)
    const began = performance.now()
    try {
      const result = await this.#client.query<Row>(query)
      const seconds = (performance.now() - began) / 1000
      for (const observer of this.#observers) observer.statement(name, seconds, result.rowCount ?? 0, null)
      return result
    } catch (error) {
      const seconds = (performance.now() - began) / 1000
      for (const observer of this.#observers) observer.statement(name, seconds, 0, sqlState(error) ?? '08000')
      throw error
    }
  }
}
