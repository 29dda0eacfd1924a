import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { resolve } from 'node:path'
import { wordOf, type Problem } from './old/fields.ts'
import { OLD_KINDS, type OldKind, type OldRow } from './old/database.ts'

/** How many rows of a kind went where. Every row read is in exactly one of imported, unchanged, set aside, refused. */
export interface Counts {
  read: number
  imported: number
  /** Of the imported: changed on the way, each told. */
  repaired: number
  unchanged: number
  setAside: number
  /** Of restaurants that were not touched. */
  refused: number
}

export type Tally = Record<OldKind, Counts>

export const newTally = (): Tally =>
  Object.fromEntries(
    OLD_KINDS.map((kind) => [kind, { read: 0, imported: 0, repaired: 0, unchanged: 0, setAside: 0, refused: 0 }]),
  ) as Tally

const COLUMNS = ['read', 'imported', 'repaired', 'unchanged', 'setAside', 'refused'] as const
const HEADS = ['read', '= imported', '(repaired)', '+ unchanged', '+ set aside', '+ refused']

export const addTo = (total: Tally, part: Tally): void => {
  for (const kind of OLD_KINDS) for (const column of COLUMNS) total[kind][column] += part[kind][column]
}

/** Whether every row that was read is accounted for and none was refused. */
export const addsUp = (tally: Tally): boolean =>
  OLD_KINDS.every((kind) => {
    const { read, imported, unchanged, setAside, refused, repaired } = tally[kind]
    return read === imported + unchanged + setAside + refused && repaired <= imported && refused === 0
  })

/** The table at the end. */
export function summaryOf(tally: Tally): string[] {
  const rows = [
    ['', ...HEADS],
    ...OLD_KINDS.map((kind) => [kind, ...COLUMNS.map((column) => String(tally[kind][column]))]),
  ]
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
  return rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
  )
}

/** Tells the operator of every row that was not as it should be, and keeps the rows that are set aside. */
export class Report {
  readonly #say: (line: string) => void
  readonly #file: string | null
  #kept = 0
  #fd: number | null = null

  /** `file` is where rows set aside go; null keeps none, for a dry run. */
  constructor(say: (line: string) => void, file: string | null) {
    this.#say = say
    this.#file = file === null ? null : resolve(file)
  }

  say(line: string): void {
    this.#say(line)
  }

  /** One line for each thing that was wrong with a row. */
  problems(kind: OldKind, oldId: string, problems: readonly Problem[]): void {
    for (const { wrong, done } of problems) this.#say(`${kind} ${printable(oldId)}: ${wrong} -> ${done}`)
  }

  setAside(kind: OldKind, row: OldRow, why: string): void {
    this.#say(`${kind} ${printable(wordOf(row['id']) ?? '(no id)')}: ${why} -> set aside`)
    this.#keep(kind, row, why, false)
  }

  /** Keeps a row as it was, of which something had to be cut. */
  original(kind: OldKind, row: OldRow): void {
    this.#keep(kind, row, 'too long: imported with a part cut off', true)
  }

  /** The file with the rows that were set aside, and how many it has; null when there are none. */
  get kept(): { file: string | null; rows: number } | null {
    return this.#kept === 0 ? null : { file: this.#file, rows: this.#kept }
  }

  /** Returns when the file is on the disk: before what it stands for is committed. */
  settle(): void {
    if (this.#fd !== null) fsyncSync(this.#fd)
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd)
    this.#fd = null
  }

  #keep(kind: OldKind, row: OldRow, why: string, imported: boolean): void {
    this.#kept++
    if (this.#file === null) return
    this.#fd ??= openSync(this.#file, 'a', 0o600)
    writeSync(this.#fd, `${JSON.stringify({ table: kind, why, imported, row })}\n`)
  }
}

const printable = (text: string): string => JSON.stringify(text.slice(0, 100)).slice(1, -1)
