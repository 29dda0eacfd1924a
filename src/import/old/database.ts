import { StartupError } from '../../platform/errors.ts'

/** The old database, read only: the same questions to PostgreSQL and to SQLite. */

export const OLD_KINDS = ['restaurants', 'users', 'restaurant_tables', 'guests', 'reservations'] as const
/** A kind of row: the name of its table in the old database. */
export type OldKind = (typeof OLD_KINDS)[number]

/** A row as it is there: column names and whatever they hold. */
export type OldRow = Readonly<Record<string, unknown>>

/** Which rows: all, one restaurant's, those of no restaurant; of these all, or only those that name a table. */
export type Which = 'all' | 'orphans' | { readonly restaurant: string; readonly atTables?: boolean }

/** Columns that hold something which QTable has no place for. */
const HOMELESS: Record<OldKind, readonly string[]> = {
  restaurants: [
    'email',
    'phone',
    'address',
    'subscription_tier',
    'subscription_status',
    'stripe_customer_id',
    'trial_ends_at',
    'settings',
  ],
  users: ['permissions'],
  restaurant_tables: ['min_party_size', 'max_party_size', 'notes'],
  guests: ['total_visits'],
  reservations: [],
}

const NEEDED: Record<OldKind, readonly string[]> = {
  restaurants: ['id', 'name'],
  users: ['id', 'restaurant_id', 'email', 'password_hash'],
  restaurant_tables: ['id', 'restaurant_id', 'table_number', 'status', 'current_guest_id'],
  guests: ['id', 'restaurant_id', 'status', 'table_id'],
  reservations: ['id', 'restaurant_id', 'status', 'table_id'],
}

export const ROWS_PER_PAGE = 1_000

export abstract class OldDatabase {
  /** Where it is, without its password. */
  abstract readonly where: string
  /** The zone that its server writes created_at and updated_at in. */
  abstract readonly timeZone: string
  #columns = new Map<OldKind, readonly string[]>()

  /** Rows of a query with one column `row`, page by page. */
  protected abstract pages(kind: OldKind, condition: string, values: readonly string[]): AsyncIterable<OldRow[]>
  protected abstract all<Row extends object>(sql: string, values?: readonly string[]): Promise<Row[]>
  protected abstract columnsOf(kind: OldKind): Promise<string[]>
  /** How a column is compared with text. */
  protected abstract asText(column: string): string
  abstract close(): Promise<void>

  /** Throws `StartupError` unless this is a database of the old server. */
  async check(): Promise<void> {
    const missing: string[] = []
    for (const kind of OLD_KINDS) {
      const columns = await this.columnsOf(kind)
      this.#columns.set(kind, columns)
      if (columns.length === 0) missing.push(`  the table ${kind}`)
      else missing.push(...NEEDED[kind].filter((name) => !columns.includes(name)).map((name) => `  ${kind}.${name}`))
    }
    if (missing.length > 0)
      throw new StartupError([`${this.where} is no database of the old server. It lacks:`, ...missing].join('\n'))
  }

  async count(kind: OldKind, which: Which = 'all'): Promise<number> {
    const [condition, values] = this.#condition(which)
    const [row] = await this.all<{ n: number | bigint | string }>(
      `select count(*) as n from ${kind} t where ${condition}`,
      values,
    )
    return Number(row!.n)
  }

  rows(kind: OldKind, which: Which): AsyncIterable<OldRow[]> {
    const [condition, values] = this.#condition(which)
    return this.pages(kind, condition, values)
  }

  /** Rows by their exact ids, of any restaurant. */
  async byIds(kind: OldKind, ids: readonly string[]): Promise<OldRow[]> {
    const found: OldRow[] = []
    for (let i = 0; i < ids.length; i += 500) {
      const some = ids.slice(i, i + 500)
      const list = some.map((_, n) => `$${n + 1}`).join(', ')
      for await (const page of this.pages(kind, `${this.asText('t.id')} in (${list})`, some)) found.push(...page)
    }
    return found
  }

  /** Ids, in lower case, that more than one row has when case is not looked at; and whether one of them is lower case. */
  async twins(kind: OldKind): Promise<Map<string, boolean>> {
    const id = this.asText('t.id')
    const rows = await this.all<{ id: string; has_lower: number | string }>(
      `select lower(${id}) as id, max(case when ${id} = lower(${id}) then 1 else 0 end) as has_lower
       from ${kind} t where t.id is not null group by lower(${id}) having count(*) > 1`,
    )
    return new Map(rows.map((row) => [row.id, Number(row.has_lower) === 1]))
  }

  /** When anything of a restaurant's floor was changed last, as text; null when nothing was. */
  async newest(restaurant: string): Promise<string | null> {
    const kinds = ['restaurant_tables', 'guests', 'reservations'] as const
    const parts = kinds
      .filter((kind) => this.#columns.get(kind)?.includes('updated_at'))
      .map(
        (kind) =>
          `select max(${this.asText('t.updated_at')}) as at from ${kind} t where ${this.asText('t.restaurant_id')} = $1`,
      )
    if (parts.length === 0) return null
    const rows = await this.all<{ at: string | null }>(parts.join(' union all '), [restaurant])
    return (
      rows
        .map(({ at }) => at)
        .filter((at) => at !== null)
        .sort()
        .at(-1) ?? null
    )
  }

  /** What there is in columns that QTable has no place for: how many rows of each have something there. */
  async homeless(): Promise<{ column: string; rows: number }[]> {
    const found: { column: string; rows: number }[] = []
    for (const kind of OLD_KINDS) {
      const columns = HOMELESS[kind].filter((name) => this.#columns.get(kind)?.includes(name))
      if (columns.length === 0) continue
      const [row] = await this.all<Record<string, number | string>>(
        `select ${columns.map((name) => `count(${this.#held(name)}) as ${name}`).join(', ')} from ${kind}`,
      )
      found.push(...columns.map((name) => ({ column: `${kind}.${name}`, rows: Number(row![name]) })))
    }
    return found.filter(({ rows }) => rows > 0)
  }

  /** A column's value, null where it holds nothing: no text, empty JSON, or the number that the old server never counted on from. */
  #held(column: string): string {
    const nothing = ["''", "'null'", "'{}'", "'[]'", ...(column === 'total_visits' ? ["'0'"] : [])]
    return `case when replace(${this.asText(column)}, ' ', '') not in (${nothing.join(', ')}) then 1 end`
  }

  #condition(which: Which): [string, readonly string[]] {
    const id = this.asText('t.restaurant_id')
    if (which === 'all') return ['1 = 1', []]
    if (which === 'orphans')
      return [`not exists (select 1 from restaurants r where ${this.asText('r.id')} = ${id})`, []]
    return [
      `${id} = $1${which.atTables ? ` and t.table_id is not null and ${this.asText('t.table_id')} <> ''` : ''}`,
      [which.restaurant],
    ]
  }
}
