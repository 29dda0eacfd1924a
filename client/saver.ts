import { limits } from './limits.ts'
import type { Queue } from './queue.ts'
import type { Confirmed } from './state.ts'
import type { Op } from './storage.ts'
import type { Surroundings } from './surroundings.ts'

/** When the device last had everything, and how far its clock was off then; both in milliseconds. */
export interface Synced {
  readonly at: number
  readonly offset: number
}

/**
 * Stores the confirmed state, every few seconds at most, so that the next start shows the floor at once and asks for the rest only. In the same write leaves the
 * queue what that state has.
 */
export class Saver {
  readonly #at: Surroundings
  readonly #prefix: string
  readonly #confirmed: Confirmed
  readonly #queue: Queue
  #timer: (() => void) | null = null
  #synced: Synced | null = null
  #syncedStoredAt = Number.NEGATIVE_INFINITY

  /** The state is stored under `prefix` and `state`, when it was the newest under `prefix` and `synced`. */
  constructor(at: Surroundings, prefix: string, confirmed: Confirmed, queue: Queue) {
    this.#at = at
    this.#prefix = prefix
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

  /** The device has everything. Stored with the state, and now and then without. */
  synced(synced: Synced): void {
    this.#synced = synced
    if (Math.abs(synced.at - this.#syncedStoredAt) >= limits.syncedMillis) this.flush().catch(() => undefined)
  }

  /** Nothing more is stored. */
  forget(): void {
    this.#timer?.()
    this.#timer = null
    this.#synced = null
  }

  /** Stores at once what changed. Rejects when that fails: what can't be stored now is stored with what comes next. */
  async flush(): Promise<void> {
    const isTouched = this.#timer !== null
    const synced = this.#synced
    this.forget()
    const value = isTouched ? this.#confirmed.snapshot() : null
    const landed = value && this.#queue.landedBy(value)
    const ops: Op[] = [
      ...(value ? [{ put: `${this.#prefix}state`, value }] : []),
      ...(synced ? [{ put: `${this.#prefix}synced`, value: synced }] : []),
      ...(landed?.ops ?? []),
    ]
    if (ops.length === 0) return
    try {
      await this.#at.storage.write(ops)
      this.#syncedStoredAt = synced?.at ?? this.#syncedStoredAt
      landed?.done()
    } catch (error) {
      this.#synced ??= synced
      if (isTouched) this.touch()
      throw error
    }
  }
}
