import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import sqlite from 'node-sqlite3-wasm'
import { StartupError } from '../../platform/errors.ts'
import { OldDatabase, ROWS_PER_PAGE, type OldKind, type OldRow } from './database.ts'

const ATTEMPTS = 5

/**
 * The old database as an SQLite file. A copy is read, made before anything else: it is one moment, the file itself is never
 * opened, and what was still in its journal is in the copy too.
 */
export class OldSqlite extends OldDatabase {
  readonly where: string
  readonly timeZone = 'UTC'
  readonly #database: InstanceType<typeof sqlite.Database>
  readonly #folder: string
  readonly #selected = new Map<OldKind, string>()

  private constructor(database: InstanceType<typeof sqlite.Database>, where: string, folder: string) {
    super()
    this.#database = database
    this.where = where
    this.#folder = folder
  }

  /** Throws `StartupError` when there is no such file, or it is none of SQLite's, or it is damaged or written to all the time. */
  static open(path: string): OldSqlite {
    const file = existsSync(path) ? path : resolve(`.${path}`)
    if (!existsSync(file)) throw new StartupError(`--from: there is no file ${path}`)
    const folder = mkdtempSync(join(tmpdir(), 'qtable-import-'))
    const remove = () => rmSync(folder, { recursive: true, force: true })
    process.once('exit', remove)
    try {
      const copy = join(folder, 'old.db')
      copyInPeace(file, copy)
      const database = new sqlite.Database(copy, { fileMustExist: true })
      // Without it a file in WAL mode needs shared memory.
      database.exec('pragma locking_mode = exclusive')
      const health = database.get('pragma quick_check(1)') as Record<string, unknown> | null
      if (Object.values(health ?? {})[0] !== 'ok')
        throw new Error(`it is damaged: ${String(Object.values(health ?? {})[0])}`)
      return new OldSqlite(database, `SQLite file ${file}`, folder)
    } catch (error) {
      remove()
      throw new StartupError(`--from: can't read ${file}: ${(error as Error).message}`)
    }
  }

  protected asText(column: string): string {
    return `cast(${column} as text)`
  }

  protected async all<Row extends object>(sql: string, values: readonly string[] = []): Promise<Row[]> {
    return this.#database.all(numbered(sql), [...values]) as Row[]
  }

  protected async columnsOf(kind: OldKind): Promise<string[]> {
    const rows = this.#database.all(`select name from pragma_table_info('${kind}')`) as { name: string }[]
    // Text that holds NUL is cut there by the reader, so it is read as bytes.
    const read = ({ name }: { name: string }) => {
      const column = `t."${name.replaceAll('"', '""')}"`
      return `case when typeof(${column}) = 'text' and instr(cast(${column} as blob), x'00') > 0 then cast(${column} as blob)
        else ${column} end as "${name.replaceAll('"', '""')}"`
    }
    this.#selected.set(kind, rows.map(read).join(', '))
    return rows.map(({ name }) => name)
  }

  protected async *pages(kind: OldKind, condition: string, values: readonly string[]): AsyncGenerator<OldRow[]> {
    const sql = `select ${this.#selected.get(kind)} from ${kind} t where ${numbered(condition)} order by t.id`
    const statement = this.#database.prepare(sql)
    try {
      let page: OldRow[] = []
      for (const row of statement.iterate([...values])) {
        page.push(readable(row))
        if (page.length < ROWS_PER_PAGE) continue
        yield page
        page = []
      }
      if (page.length > 0) yield page
    } finally {
      statement.finalize()
    }
  }

  async close(): Promise<void> {
    this.#database.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

const numbered = (sql: string): string => sql.replace(/\$(\d+)/g, '?$1')

function readable(row: Record<string, unknown>): OldRow {
  for (const [name, value] of Object.entries(row)) {
    if (value instanceof Uint8Array) row[name] = Buffer.from(value).toString('utf8')
    else if (typeof value === 'bigint') row[name] = String(value)
  }
  return row
}

/** Copies a database and its journals while nobody writes to them. */
function copyInPeace(from: string, to: string): void {
  const parts = ['', '-wal', '-journal']
  const state = () =>
    parts
      .map((part) => (existsSync(from + part) ? `${statSync(from + part).mtimeMs} ${statSync(from + part).size}` : ''))
      .join()
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = state()
    for (const part of parts) {
      rmSync(to + part, { force: true })
      if (existsSync(from + part)) copyFileSync(from + part, to + part)
    }
    if (state() === before) return
  }
  throw new Error('it is being written to. Stop the old server, or make a copy: sqlite3 old.db ".backup copy.db"')
}
