/**
 * Rows that a command has locked and knows: read with their lock, or written since. Nobody else can change them before it ends, so they are not read again; that makes a
 * list of a thousand commands two trips to the database and not two thousand.
 */
export class LockedRows {
  #rows: Map<string, object | null>

  constructor(rows: ReadonlyMap<string, object | null> = new Map()) {
    this.#rows = new Map(rows)
  }

  /** A row; null where there is none with this id, undefined where it is not known. */
  of<Row extends object>(kind: string, id: string): Row | null | undefined {
    return this.#rows.get(`${kind} ${id}`) as Row | null | undefined
  }

  /** The rows with these ids, those that are there; undefined when not all of them are known. */
  all<Row extends object>(kind: string, ids: readonly string[]): Row[] | undefined {
    const rows = ids.map((id) => this.of<Row>(kind, id))
    return rows.includes(undefined) ? undefined : rows.filter((row) => row !== undefined && row !== null)
  }

  /** Notes what was asked for under a lock, and what of it there is. */
  note(kind: string, ids: readonly string[], rows: readonly { readonly id: string }[]): void {
    for (const id of ids) this.#rows.set(`${kind} ${id}`, null)
    for (const row of rows) this.#rows.set(`${kind} ${row.id}`, row)
  }

  /** Notes what a row is now. */
  set(kind: string, id: string, row: object | null): void {
    this.#rows.set(`${kind} ${id}`, row)
  }

  /** As it is now, to come back to. */
  copy(): LockedRows {
    return new LockedRows(this.#rows)
  }
}
