import { AppError } from '../platform/errors.ts'
import { limits } from '../platform/limits.ts'
import type { Clock } from '../platform/clock.ts'

interface Window {
  count: number
  readonly since: number
}

/**
 * Counts requests by a key in windows of a minute, in this process. The oldest keys are forgotten first, so memory is
 * bounded whoever asks. Spec: J4.
 */
export class LinkRates {
  readonly #clock: Clock
  readonly #windows = new Map<string, Window>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Counts one. Throws `AppError` too-many-attempts (429) beyond `most` in a window. */
  take(key: string, most: number): void {
    const now = this.#clock.micros() / 1000
    let window = this.#windows.get(key)
    if (!window || now - window.since >= limits.linkWindowMillis) window = { count: 0, since: now }
    this.#windows.delete(key)
    this.#windows.set(key, window)
    if (this.#windows.size > limits.linkKeys) this.#windows.delete(this.#windows.keys().next().value!)
    if (window.count++ < most) return
    const left = window.since + limits.linkWindowMillis - now
    const retryAfterSeconds = Math.max(1, Math.ceil(left / 1000))
    throw new AppError('too-many-attempts', 429, 'Too many requests; wait a moment', { retryAfterSeconds })
  }
}
