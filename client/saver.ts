import { limits } from './limits.ts'
import type { Queue } from './queue.ts'
import type { Confirmed } from './state.ts'
import type { Surroundings } from './surroundings.ts'

/**
 * Stores the confirmed state, every few seconds at most, so that the next start shows the floor at once and asks for the rest only. In the same write leaves the
 * queue what that state has.
 */
export class Saver {
  readonly #at: Surroundings
  readonly #key: string
  readonly #confirmed: Confirmed
  readonly #queue: Queue
  #timer: (() => void) | null = null

  constructor(at: Surroundings, key: string, confirmed: Confirmed, queue: Queue) {
    this.#at = at
    this.#key = key
    this.#confirmed = confirmed
    this.#queue = queue
  }

  /** It changed. */
  touch(): void {
    this.#timer ??= this.#at.after(limits.saveMillis, () => {
      // What can't be stored now is stored with the next change.
      this.flush().catch(() => undefined)
    })
  }

  /** Stores at once if anything changed. Rejects when that fails. */
  async flush(): Promise<void> {
    if (!this.#timer) return
    this.#timer()
    this.#timer = null
    const value = this.#confirmed.snapshot()
    if (!value) return
    const { ops, done } = this.#queue.landedBy(value)
    try {
      await this.#at.storage.write([{ put: this.#key, value }, ...ops])
    } catch (error) {
      this.touch()
      throw error
    }
    done()
  }
}
