import { isDeepStrictEqual } from 'node:util'
import { AppError } from '../../platform/errors.ts'
import { limits } from '../../platform/limits.ts'
import type { Instant } from '../../platform/clock.ts'
import { isNews, type Entry } from '../log/log.ts'

/** The fields of every entity that devices show. */
export interface Versioned {
  readonly id: string
  readonly version: number
  readonly updatedAt: Instant
}

const STAMPS: readonly string[] = ['version', 'updatedAt'] satisfies (keyof Versioned)[]

/** Whether two states of an entity differ only in when they were stored. */
export function isSame(before: object, after: object): boolean {
  const old = before as Readonly<Record<string, unknown>>
  return Object.entries(after).every(
    ([key, value]) => value === old[key] || STAMPS.includes(key) || isDeepStrictEqual(value, old[key]),
  )
}

// An entity created in a command stays `created`, and one requested in a batch stays `batched`, whatever side effects
// follow.
const LASTING = ['created', 'batched']

/** The entries of a command: each entity once, with its final state. */
export class Told {
  readonly #entries: Map<string, Entry>

  constructor(entries: ReadonlyMap<string, Entry> = new Map()) {
    this.#entries = new Map(entries)
  }

  tell(entry: Entry): void {
    const key = `${entry.kind} ${entry.id}`
    const before = this.#entries.get(key)
    this.#entries.set(key, before?.op === 'put' && entry.op === 'put' ? later(before, entry) : entry)
    if (this.#entries.size > limits.entriesPerChange)
      throw new AppError('too-large', 422, `One command may touch ${limits.entriesPerChange} entities at most`)
  }

  /** All entries, or only those with news. */
  entries(withUnchanged: boolean): Entry[] {
    const all = [...this.#entries.values()]
    return withUnchanged ? all : all.filter(isNews)
  }

  /** A copy of the current state, to return to. */
  copy(): Told {
    return new Told(this.#entries)
  }
}

type Put = Entry & { readonly op: 'put' }

/**
 * The new entry of an entity that already has one. If its version is the same, it is news if the earlier entry was.
 */
function later(before: Put, { unchanged, ...entry }: Put): Put {
  const event = LASTING.includes(before.event) ? before.event : entry.event
  const isOld = before.unchanged === true && (unchanged === true || before.version === entry.version)
  return isOld ? { ...entry, event, unchanged: true } : { ...entry, event }
}
