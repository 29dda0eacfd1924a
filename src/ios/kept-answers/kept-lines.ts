import { microsOf, type Instant } from '../../platform/clock.ts'
import type { Floor, Held } from '../../changes/floor/floor.ts'
import type { Guest } from '../../guests/guests.ts'
import type { Table } from '../../tables/tables.ts'

/** One entity in one shape of the contract. `word` is its status there. */
export interface Line {
  readonly text: string
  readonly word: string
  /** The time from which its minutes are counted; null for none. The minutes replace {@link MINUTES} in its text. */
  readonly counts: Instant | null
}

/** A placeholder in a line's text for minutes that are only known when the answer is sent. No JSON contains it. */
export const MINUTES = '\u0000'

const MINUTE_MICROS = 60_000_000

/** Whole minutes between two times in microseconds; 0 if the second is earlier. */
export const minutesBetweenMicros = (from: number, to: number): number =>
  Math.max(0, Math.floor((to - from) / MINUTE_MICROS))

/** How one shape writes the entities of one kind. */
export interface Form<T> {
  readonly kind: string
  readonly order: (value: T) => string
  /** Compares two sort keys. No two entities have the same. */
  readonly compare: (a: string, b: string) => number
  readonly write: (value: T) => Line
}

/** One entity in an answer. */
interface Row {
  held: Held
  order: string
  word: string
  /** In microseconds since 1970; null if it counts no minutes. */
  counts: number | null
  /** The minutes that its bytes contain. */
  minutes: number
  /** The position of its bytes in the previous answer; -1 if they are not in it. */
  at: number
  length: number
  /** Its bytes, kept until an answer contains them. */
  fresh: Buffer | null
}

/**
 * The entities of one kind in one shape, in order. Between two states of the floor, it looks only at what changed.
 */
class Rows {
  readonly #form: Form<unknown>
  readonly #byId = new Map<string, Row>()
  readonly #sorted: Row[] = []
  /** The state of the floor up to which it has followed; null before the first read. */
  #seen: number | null = null

  constructor(form: Form<unknown>) {
    this.#form = form
  }

  /** Reads all rows of a floor. Says whether any of them differ from before. */
  follow(floor: Floor, now: number): boolean {
    const touched = this.#seen === null ? null : floor.touchedSince(this.#seen)
    this.#seen = floor.touches
    if (touched === null) return this.#readAll(floor, now)
    const prefix = `${this.#form.kind} `
    let differs = false
    for (const key of new Set(touched))
      if (key.startsWith(prefix)) differs = this.#set(key.slice(prefix.length), floor.get(key), now) || differs
    return differs
  }

  get sorted(): readonly Row[] {
    return this.#sorted
  }

  /** Serialises a row again. */
  rewrite(row: Row, now: number): void {
    this.#write(row, JSON.parse(row.held.json), now)
  }

  #readAll(floor: Floor, now: number): boolean {
    this.#byId.clear()
    for (const held of floor.entities)
      if (held.kind === this.#form.kind) this.#byId.set(held.id, this.#rowOf(held, now))
    this.#sorted.splice(0, Infinity, ...this.#byId.values())
    this.#sorted.sort((a, b) => this.#form.compare(a.order, b.order))
    return true
  }

  /** Inserts, moves or removes an entity. */
  #set(id: string, held: Held | undefined, now: number): boolean {
    const old = this.#byId.get(id)
    if (old?.held === held) return false
    const row = held && this.#rowOf(held, now)
    if (row) this.#byId.set(id, row)
    else this.#byId.delete(id)
    if (!old) this.#sorted.splice(this.#placeOf(row!.order), 0, row!)
    else if (row?.order === old.order) this.#sorted[this.#placeOf(old.order)] = row
    else {
      this.#sorted.splice(this.#placeOf(old.order), 1)
      if (row) this.#sorted.splice(this.#placeOf(row.order), 0, row)
    }
    return true
  }

  /** The index of a sort key, or where it would be inserted. */
  #placeOf(order: string): number {
    let [from, to] = [0, this.#sorted.length]
    while (from < to) {
      const middle = (from + to) >> 1
      if (this.#form.compare(this.#sorted[middle]!.order, order) < 0) from = middle + 1
      else to = middle
    }
    return from
  }

  #rowOf(held: Held, now: number): Row {
    const value: unknown = JSON.parse(held.json)
    const order = this.#form.order(value)
    const row: Row = { held, order, word: '', counts: null, minutes: 0, at: -1, length: 0, fresh: null }
    this.#write(row, value, now)
    return row
  }

  #write(row: Row, value: unknown, now: number): void {
    const { text, word, counts } = this.#form.write(value)
    row.word = word
    row.counts = counts === null ? null : microsOf(counts)
    row.minutes = row.counts === null ? 0 : minutesBetweenMicros(row.counts, now)
    row.fresh = Buffer.from(counts === null ? text : text.replace(MINUTES, String(row.minutes)))
    row.length = row.fresh.length
    row.at = -1
  }
}

/** The part of an answer about one kind. */
export interface Section {
  readonly rows: readonly Row[]
  /** The bytes of all rows, with a comma between two. */
  readonly bytes: number
  readonly differs: boolean
  /** The number with each status, in the order of the first of each. */
  readonly words: ReadonlyMap<string, number>
  /** The sum of all counted minutes, and when the first of them ends, in microseconds since 1970. */
  readonly minutes: number
  readonly until: number
}

/** The time of an answer. Entities that ended before `horizon` are left out. */
export interface Moment {
  readonly horizon: Instant
  readonly now: Instant
}

/**
 * The previous answer, and the position of each entity in it. The next answer reuses its pieces, so unchanged
 * entities are neither serialised nor encoded again.
 */
export class Sheet {
  readonly #rows = new Map<unknown, Rows>()
  #last: Buffer = Buffer.alloc(0)
  #frame = ''

  /** The entities of a floor in one shape, without those that ended before `horizon`. */
  section<T>(floor: Floor, form: Form<T>, { horizon, now }: Moment): Section {
    const rows = this.#rows.get(form) ?? new Rows(form as Form<unknown>)
    this.#rows.set(form, rows)
    const micros = microsOf(now)
    return sectionOf(rows, rows.follow(floor, micros), horizon, micros)
  }

  /** Joins texts and sections: everything that {@link section} returned since the last call. */
  write(...parts: readonly (string | Section)[]): Buffer {
    const frame = parts.map((part) => (typeof part === 'string' ? part : '\u0000')).join('')
    const isSame = frame === this.#frame && parts.every((part) => typeof part === 'string' || !part.differs)
    if (isSame && this.#last.length > 0) return this.#last
    const size = parts.reduce((sum, part) => sum + (typeof part === 'string' ? Buffer.byteLength(part) : part.bytes), 0)
    const next = Buffer.allocUnsafeSlow(size)
    let at = 0
    for (const part of parts)
      at += typeof part === 'string' ? next.write(part, at) : fill(next, at, part.rows, this.#last)
    this.#frame = frame
    return (this.#last = next)
  }
}

function sectionOf(rows: Rows, follows: boolean, horizon: Instant, now: number): Section {
  const shown: Row[] = []
  const words = new Map<string, number>()
  let [differs, bytes, minutes, until] = [follows, 0, 0, Infinity]
  for (const row of rows.sorted) {
    const { endedAt } = row.held
    if (endedAt !== null && endedAt < horizon) {
      differs ||= row.at >= 0
      row.at = -1
      row.fresh = null
      continue
    }
    const counted = row.counts === null ? 0 : minutesBetweenMicros(row.counts, now)
    if ((row.at < 0 && !row.fresh) || counted !== row.minutes) {
      rows.rewrite(row, now)
      differs = true
    }
    if (row.counts !== null) {
      minutes += counted
      until = Math.min(until, row.counts + (counted + 1) * MINUTE_MICROS)
    }
    shown.push(row)
    bytes += row.length
    words.set(row.word, (words.get(row.word) ?? 0) + 1)
  }
  return { rows: shown, bytes: bytes + Math.max(0, shown.length - 1), differs, words, minutes, until }
}

/**
 * Writes rows with commas between them. Rows that are adjacent in `last` too are copied together. Returns the number
 * of bytes.
 */
function fill(next: Buffer, start: number, rows: readonly Row[], last: Buffer): number {
  let at = start
  // The range of the previous answer that is still to be copied before `at`.
  let [from, to] = [0, 0]
  const copy = () => void (to > from && last.copy(next, at - (to - from), from, to))
  for (const row of rows) {
    const { at: was, length, fresh } = row
    const isNext = to > from && was === to + 1
    if (!isNext) copy()
    if (at > start) {
      if (!isNext) next[at] = COMMA
      at++
    }
    if (fresh) {
      fresh.copy(next, at)
      from = to = 0
    } else {
      if (!isNext) from = was
      to = was + length
    }
    row.fresh = null
    row.at = at
    at += length
  }
  copy()
  return at - start
}

const COMMA = 0x2c

// The entries live as long as their floors.
const sheets = new WeakMap<Floor, Map<string, Sheet>>()

/** The kept lines of an answer from a floor, by the answer's key. */
export function sheetOf(floor: Floor, key: string): Sheet {
  const mine = sheets.get(floor) ?? new Map<string, Sheet>()
  sheets.set(floor, mine)
  const sheet = mine.get(key) ?? new Sheet()
  mine.set(key, sheet)
  return sheet
}

/** An answer that is the list of one kind. */
export function listOn<T>(floor: Floor, key: string, form: Form<T>, moment: Moment): Buffer {
  const sheet = sheetOf(floor, key)
  return sheet.write('[', sheet.section(floor, form, moment), ']')
}

/** Guests newest first. */
export const newestFirst: Pick<Form<Guest>, 'kind' | 'order' | 'compare'> = {
  kind: 'guest',
  order: ({ createdAt, id }) => createdAt + id,
  compare: (a, b) => (a < b ? 1 : a > b ? -1 : 0),
}

/** Tables by number as text: sorted by its bytes, as the database does. */
export const byNumber: Pick<Form<Table>, 'kind' | 'order' | 'compare'> = {
  kind: 'table',
  order: ({ number, id }) => `${number}\u0000${id}`,
  compare: (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)),
}

/** Lines as a JSON array. */
export const arrayOf = (lines: readonly Pick<Line, 'text'>[]): string => `[${lines.map(({ text }) => text).join(',')}]`
