/**
 * Rows that a command has locked and knows: read with their lock, or written since. Nobody else can change them
 * before the command ends, so they are not read again. So a list of a thousand commands takes two round trips and not
 * two thousand.
 */
export class LockedRows {
  #rows: Map<string, object | null>

  constructor(rows: ReadonlyMap<string, object | null> = new Map()) {
    this.#rows = new Map(rows)
  }

  /** A row; null if no row has this id, undefined if it is not known. */
  of<Row extends object>(kind: string, id: string): Row | null | undefined {
    return this.#rows.get(`${kind} ${id}`) as Row | null | undefined
  }

  /** The existing rows with these ids; undefined if not all of them are known. */
  all<Row extends object>(kind: string, ids: readonly string[]): Row[] | undefined {
    const rows = ids.map((id) => this.of<Row>(kind, id))
    return rows.includes(undefined) ? undefined : rows.filter((row) => row !== undefined && row !== null)
  }

  /** Notes the ids that were read with a lock, and the rows found. */
  note(kind: string, ids: readonly string[], rows: readonly { readonly id: string }[]): void {
    for (const id of ids) this.#rows.set(`${kind} ${id}`, null)
    for (const row of rows) this.#rows.set(`${kind} ${row.id}`, row)
  }

  /** Notes the new state of a row. */
  set(kind: string, id: string, row: object | null): void {
    this.#rows.set(`${kind} ${id}`, row)
  }

  /** A copy of the current state, to return to. */
  copy(): LockedRows {
    return new LockedRows(this.#rows)
  }
}
