import pg from 'pg'
import { StartupError } from '../../platform/errors.ts'
import { addressWithoutSecrets } from '../options.ts'
import { OldDatabase, ROWS_PER_PAGE, type OldKind, type OldRow } from './database.ts'

/** The old database as PostgreSQL: one connection, one transaction that reads and sees one moment. */
export class OldPostgres extends OldDatabase {
  readonly where: string
  readonly timeZone: string
  readonly #client: pg.Client
  #cursors = 0

  private constructor(client: pg.Client, where: string, timeZone: string) {
    super()
    this.#client = client
    this.where = where
    this.timeZone = timeZone
  }

  /** Throws `StartupError` when it can't be reached. */
  static async open(url: string): Promise<OldPostgres> {
    const where = addressWithoutSecrets(url)
    const client = new pg.Client({ connectionString: url, application_name: 'qtable import' })
    client.on('error', () => undefined) // the query under way is told
    try {
      await client.connect()
      const { rows } = await client.query<{ zone: string }>(`select current_setting('TimeZone') as zone`)
      await client.query('begin isolation level repeatable read read only')
      await client.query(`set local timezone = 'UTC'`)
      await client.query('set local statement_timeout = 0')
      await client.query('set local idle_in_transaction_session_timeout = 0')
      return new OldPostgres(client, where, rows[0]!.zone)
    } catch (error) {
      await client.end().catch(() => undefined)
      throw new StartupError(`--from: can't read ${where}: ${(error as Error).message}`)
    }
  }

  protected asText(column: string): string {
    return `cast(${column} as text)`
  }

  protected async all<Row extends object>(sql: string, values: readonly string[] = []): Promise<Row[]> {
    return (await this.#client.query<Row>(sql, [...values])).rows
  }

  protected async columnsOf(kind: OldKind): Promise<string[]> {
    const rows = await this.all<{ name: string }>(
      `select attname::text as name from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped`,
      [kind],
    )
    return rows.map(({ name }) => name)
  }

  protected async *pages(kind: OldKind, condition: string, values: readonly string[]): AsyncGenerator<OldRow[]> {
    const name = `rows_${++this.#cursors}`
    const sql = condition.replace(/\$(\d+)/g, (_, n: string) => pg.escapeLiteral(values[Number(n) - 1]!))
    await this.#client.query(
      `declare ${name} no scroll cursor for select row_to_json(t)::text as row from ${kind} t where ${sql} order by t.id`,
    )
    try {
      for (;;) {
        const { rows } = await this.#client.query<{ row: string }>(`fetch ${ROWS_PER_PAGE} from ${name}`)
        if (rows.length > 0) yield rows.map(({ row }) => JSON.parse(row) as OldRow)
        if (rows.length < ROWS_PER_PAGE) return
      }
    } finally {
      await this.#client.query(`close ${name}`).catch(() => undefined)
    }
  }

  async close(): Promise<void> {
    await this.#client.end()
  }
}
