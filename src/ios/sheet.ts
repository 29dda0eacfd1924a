import type { Instant } from '../platform/clock.ts'
import type { Held } from '../changes/floor.ts'
import type { LiveFloor } from '../changes/live-floor.ts'
import type { Guest } from '../guests/guests.ts'
import type { Table } from '../tables/tables.ts'

/** One entity as one form of the contract writes it. `word` is its status there. */
export interface Line {
  readonly held: Held
  readonly order: string
  readonly text: string
  readonly word: string
  /** From when on it counts minutes, which then stand in its text where {@link MINUTES} is; null for none. */
  readonly counts: Instant | null
}

/** Stands in a line's text for minutes that are only known when it is sent. No JSON has it. */
export const MINUTES = '\u0000'

/** How the entities of one kind are written in one form. */
export interface Form<T> {
  readonly kind: string
  readonly order: (value: T) => string
  /** Compares two orders. */
  readonly compare: (a: string, b: string) => number
  readonly write: (value: T) => Pick<Line, 'text' | 'word' | 'counts'>
}

/** The entities of one kind of a floor, written in one form, in order. From one state to the next only what was changed is written. */
class Sheet {
  #lines: Line[] = []
  readonly #form: Form<unknown>

  constructor(form: Form<unknown>) {
    this.#form = form
  }

  at(live: LiveFloor): readonly Line[] {
    const { kind, compare } = this.#form
    const here = new Map<string, Held>()
    for (const held of live.floor.entities) if (held.kind === kind) here.set(held.id, held)
    let isSorted = true
    const lines: Line[] = []
    for (const line of this.#lines) {
      const held = here.get(line.held.id)
      if (!held) continue
      here.delete(held.id)
      const kept = held === line.held ? line : this.#write(held)
      isSorted &&= kept.order === line.order
      lines.push(kept)
    }
    for (const held of here.values()) lines.push(this.#write(held))
    if (!isSorted || here.size > 0) lines.sort((a, b) => compare(a.order, b.order))
    return (this.#lines = lines)
  }

  #write(held: Held): Line {
    const value: unknown = JSON.parse(held.json)
    return { held, order: this.#form.order(value), ...this.#form.write(value) }
  }
}

// They live as long as the floor does.
const sheets = new WeakMap<LiveFloor, Map<unknown, Sheet>>()

/** The lines of a floor in a form, as it stands, without what ended before `horizon`. */
export function linesOn<T>(live: LiveFloor, form: Form<T>, horizon: Instant): readonly Line[] {
  const mine = sheets.get(live) ?? new Map<unknown, Sheet>()
  sheets.set(live, mine)
  const sheet = mine.get(form) ?? new Sheet(form as Form<unknown>)
  mine.set(form, sheet)
  return sheet.at(live).filter(({ held: { endedAt } }) => endedAt === null || endedAt >= horizon)
}

/** Guests newest first. */
export const newestFirst: Pick<Form<Guest>, 'kind' | 'order' | 'compare'> = {
  kind: 'guest',
  order: ({ createdAt, id }) => createdAt + id,
  compare: (a, b) => (a < b ? 1 : a > b ? -1 : 0),
}

/** Tables by number as text: by its bytes, as the database has it. */
export const byNumber: Pick<Form<Table>, 'kind' | 'order' | 'compare'> = {
  kind: 'table',
  order: ({ number, id }) => `${number}\u0000${id}`,
  compare: (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)),
}

/** Lines as a JSON array. */
export const arrayOf = (lines: readonly Pick<Line, 'text'>[]): string => `[${lines.map(({ text }) => text).join(',')}]`
