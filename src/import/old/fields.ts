import type { Instant } from '../../platform/clock.ts'
import { limits } from '../../platform/limits.ts'
import type { OldRow } from './database.ts'
import { instantIn, Zone } from './times.ts'

/** Something that was wrong with a row, and what was done about it. */
export interface Problem {
  readonly wrong: string
  readonly done: string
}

type Value = string | number | boolean | object | null

const UTC = new Zone('UTC')
const INT_MAX = 2_147_483_647

/** Reads the columns of one row of the old database, whatever they hold, and collects what is wrong with them. */
export class Fields {
  readonly problems: Problem[] = []
  /** Something was cut off: the row as it was goes into the file of rows set aside. */
  lost = false
  readonly #row: OldRow
  readonly #zone: Zone

  constructor(row: OldRow, zone: Zone) {
    this.#row = row
    this.#zone = zone
  }

  wrong(wrong: string, done: string): void {
    this.problems.push({ wrong, done })
  }

  /** A column as it is; null where there is none. */
  raw(name: string): Value {
    return this.#row[name] ?? null
  }

  /** Text as stored, for ids and names of things; null for nothing. */
  word(name: string): string | null {
    return wordOf(this.raw(name))
  }

  /** Text that PostgreSQL can store, of at most `max` characters. */
  text(name: string, max: number): string | null {
    const value = this.raw(name)
    if (value === null) return null
    return this.#fit(name, typeof value === 'object' ? JSON.stringify(value) : String(value), max)
  }

  #fit(name: string, text: string, max: number): string {
    const clean = text.replace(/\u0000/g, '').replace(/[\ud800-\udfff]/gu, '\ufffd')
    if (clean !== text) this.wrong(`${name} holds characters that can't be stored (NUL or half characters)`, 'removed')
    if (clean.length <= max) return clean
    const characters = Array.from(clean)
    if (characters.length <= max) return clean
    this.lost = true
    this.wrong(`${name} has ${characters.length} characters, ${max} are the most`, 'cut; the whole row is in the file')
    return characters.slice(0, max).join('')
  }

  /** A whole number of 32 bits, or undefined, with nothing said. */
  int(name: string): number | undefined {
    const value = this.raw(name)
    const number = typeof value === 'string' && /^\s*-?\d+\s*$/.test(value) ? Number(value) : value
    return typeof number === 'number' && Number.isInteger(number) && Math.abs(number) <= INT_MAX ? number : undefined
  }

  /** A number, or undefined, with nothing said. */
  number(name: string): number | undefined {
    const value = this.raw(name)
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
    return typeof number === 'number' && Number.isFinite(number) ? number : undefined
  }

  /** Yes or no; `otherwise` where it says neither. */
  flag(name: string, otherwise: boolean): boolean {
    const value = this.raw(name)
    if (value === null) return otherwise
    const word = wordOf(value) ?? ''
    if (/^(t|true|1|yes)$/i.test(word)) return true
    if (/^(f|false|0|no)$/i.test(word)) return false
    this.wrong(`${name} is neither yes nor no`, `taken as ${otherwise ? 'yes' : 'no'}`)
    return otherwise
  }

  /** A time in UTC. */
  time(name: string): Instant | null {
    return this.#instant(name, UTC)
  }

  /** When the row was made and changed last: in the zone of the old server. `otherwise` where it says neither. */
  stamps(otherwise: Instant): { createdAt: Instant; updatedAt: Instant } {
    const [created, updated] = [this.#instant('created_at', this.#zone), this.#instant('updated_at', this.#zone)]
    const createdAt = created ?? updated ?? otherwise
    if (created === null) this.wrong('created_at is missing', `taken as ${createdAt}`)
    return { createdAt, updatedAt: updated ?? createdAt }
  }

  #instant(name: string, zone: Zone): Instant | null {
    const value = this.raw(name)
    if (value === null || value === '') return null
    const instant = typeof value === 'string' ? instantIn(zone, value) : undefined
    if (instant === undefined) this.wrong(`${name} is no time`, 'left empty')
    return instant ?? null
  }

  /** A list of short texts, stored as JSON. */
  list(name: string): string[] {
    const value = this.#json(name)
    if (value === null || value === '') return []
    if (!Array.isArray(value)) this.wrong(`${name} is no list`, 'kept as its only item')
    const items = (Array.isArray(value) ? (value as unknown[]) : [value]).filter((item) => item !== null && item !== '')
    if (items.some((item) => typeof item !== 'string') && Array.isArray(value))
      this.wrong(`${name} has items that are no text`, 'kept as text')
    if (items.length > limits.dietaryRestrictions) {
      this.lost = true
      this.wrong(
        `${name} has ${items.length} items, ${limits.dietaryRestrictions} are the most`,
        'cut; the whole row is in the file',
      )
    }
    return items
      .slice(0, limits.dietaryRestrictions)
      .map((item) =>
        this.#fit(name, typeof item === 'string' ? item : JSON.stringify(item), limits.dietaryRestrictionCharacters),
      )
  }

  /** JSON columns come as what they hold from PostgreSQL and as text from SQLite. */
  #json(name: string): unknown {
    const value = this.raw(name)
    if (typeof value !== 'string' || value === '') return value
    try {
      return JSON.parse(value) as unknown
    } catch {
      return value
    }
  }
}

/** Text of a value as stored; null for nothing. */
export function wordOf(value: unknown): string | null {
  if (value === null || value === undefined) return null
  const given = value as Exclude<Value, null>
  const text = typeof given === 'object' ? JSON.stringify(given) : String(given)
  return text === '' ? null : text
}
