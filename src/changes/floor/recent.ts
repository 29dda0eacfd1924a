import type { Instant } from '../../platform/clock.ts'
import { limits } from '../../platform/limits.ts'

/** A serialised change, kept for a while for devices that return soon. */
export interface Recent {
  readonly seq: number
  readonly at: Instant
  readonly text: string
}

/**
 * The last changes of a floor, without a gap up to its position: `limits.recentChanges` and `limits.recentCharacters`
 * at most.
 */
export class RecentChanges {
  #changes: Recent[] = []
  #characters = 0
  /** The change before those that were read from the log, if its time is known. */
  #before: { readonly seq: number; readonly at: Instant } | null = null

  /** The oldest of them. */
  get first(): Recent | undefined {
    return this.#changes[0]
  }

  /** The changes after `since`, up to the newest; null if they do not reach back that far. */
  after(since: number): readonly Recent[] | null {
    const { first } = this
    return first && since >= first.seq - 1 ? this.#changes.slice(since + 1 - first.seq) : null
  }

  /** The time of a change, if it is known. */
  timeOf(seq: number): Instant | null {
    if (this.#before?.seq === seq) return this.#before.at
    const { first } = this
    return (first && this.#changes[seq - first.seq]?.at) ?? null
  }

  /** Keeps the next change. */
  push(recent: Recent): void {
    this.#changes.push(recent)
    this.#characters += recent.text.length
    while (this.#changes.length > limits.recentChanges || this.#characters > limits.recentCharacters)
      this.#characters -= this.#changes.shift()!.text.length
  }

  /**
   * Keeps changes that were read from the log, `older`, which come after `before`: those without a gap to the oldest
   * kept one, or to `standing` when none is kept, and as many as fit.
   */
  prepend(older: readonly Recent[], before: { seq: number; at: Instant | undefined }, standing: number): void {
    const next = this.first?.seq ?? standing + 1
    const fitting = older.filter(({ seq }) => seq < next)
    if (fitting.at(-1)?.seq !== next - 1) return
    const { seq, at } = before
    if (at !== undefined) this.#before = { seq, at }
    const taken: Recent[] = []
    for (const recent of fitting.toReversed()) {
      const characters = this.#characters + recent.text.length
      if (this.#changes.length + taken.length >= limits.recentChanges || characters > limits.recentCharacters) break
      this.#characters = characters
      taken.push(recent)
    }
    this.#changes = [...taken.toReversed(), ...this.#changes]
  }

  /** Forgets all of them. */
  clear(): void {
    this.#changes = []
    this.#characters = 0
    this.#before = null
  }
}
