import pg from 'pg'
import { Db, type Scope, type Statement, type Tx } from '../src/platform/db.ts'
import { parseTimestamp } from '../src/platform/column-types.ts'
import type { Sent } from './captured.ts'

/**
 * Transactions made in other ways than the server's, to see what each way is worth. For good weather only: an error ends the bench, and nothing
 * here is fit to be used by the server.
 */

export interface Variant {
  /** Whether a statement is sent before the one ahead of it is answered. */
  readonly pipeline: boolean
  /** Whether statements have names, and so are parsed and planned once. */
  readonly named: boolean
  /** Whether what is sent in one turn of the event loop goes out in one write. */
  readonly corked: boolean
  /** Whether writes are sent and not waited for until the commit is answered: writes, append and commit are one trip. */
  readonly folded: boolean
}

export const AS_IT_IS: Variant = { pipeline: true, named: true, corked: false, folded: false }

type Final = (tx: Tx) => Promise<unknown>
const WRITES = new Set(['insert-guest', 'update-guest', 'insert-table', 'update-table'])

export class VariantDb extends Db {
  readonly #pool: pg.Pool
  readonly #variant: Variant
  readonly #begin: string

  /** `sent` is what some command sent: the text that sets the scope is taken from there. */
  constructor(url: string, poolSize: number, variant: Variant, sent: readonly Sent[]) {
    super({ url, poolSize: 1 })
    const config: pg.PoolConfig & { pipeline: boolean } = {
      connectionString: url,
      max: poolSize,
      pipeline: variant.pipeline,
      idleTimeoutMillis: 0,
      types: {
        getTypeParser: (oid, format) =>
          oid === pg.types.builtins.TIMESTAMPTZ
            ? parseTimestamp
            : oid === pg.types.builtins.INT8
              ? Number
              : pg.types.getTypeParser(oid, format),
      },
    }
    this.#pool = new pg.Pool(config)
    this.#variant = variant
    this.#begin = sent.find(({ text }) => /set_config/.test(text))!.text
  }

  override async transaction<T>(scope: Scope, work: (tx: Tx) => Promise<T>, final?: (made: T) => Final | null) {
    const client = await this.#pool.connect()
    const pending: Promise<unknown>[] = []
    const tx = this.#open(client, pending)
    const restaurantId = 'restaurantId' in scope ? scope.restaurantId : ''
    const watched = 'watched' in scope ? scope.watched.join(',') : ''
    const begun = Promise.all([
      this.#send(client, 'begin'),
      tx.all({ name: 'begin', text: this.#begin }, [restaurantId, '', '', watched]),
    ])
    const [made] = await Promise.all([work(tx), this.#variant.folded ? null : begun])
    const last = final?.(made)
    const [ended] = await Promise.all([last?.(tx), this.#send(client, 'commit'), begun, ...pending])
    client.release()
    return (final ? [made, ended ?? null] : made) as never
  }

  #open(client: pg.PoolClient, pending: Promise<unknown>[]): Tx {
    const all = async <Row extends object>(s: Statement, values: readonly unknown[]): Promise<Row[]> => {
      const query = { text: s.text, values: [...values], ...(this.#variant.named && { name: s.name }) }
      const answered = this.#send<Row>(client, query)
      if (!this.#variant.folded || !WRITES.has(s.name)) return (await answered).rows
      pending.push(answered)
      return []
    }
    return {
      all,
      maybe: async <Row extends object>(s: Statement, values: readonly unknown[]) => (await all<Row>(s, values))[0],
      one: async <Row extends object>(s: Statement, values: readonly unknown[]) => (await all<Row>(s, values))[0]!,
      nested: (work) => work(),
    }
  }

  #send<Row extends object>(client: pg.PoolClient, query: pg.QueryConfig | string): Promise<pg.QueryResult<Row>> {
    if (this.#variant.corked) {
      const { stream } = (client as unknown as { connection: { stream: NodeJS.WritableStream & Corkable } }).connection
      if (stream.writableCorked === 0) {
        stream.cork()
        process.nextTick(() => stream.uncork())
      }
    }
    return client.query<Row>(query)
  }

  override async close(): Promise<void> {
    await this.#pool.end()
    await super.close()
  }
}

interface Corkable {
  readonly writableCorked: number
  cork(): void
  uncork(): void
}
