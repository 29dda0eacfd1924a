import { limits } from './limits.ts'

/**
 * The server's time by the device's clock, which may be wrong. Each heartbeat says what time it is at the server; the median of the last few is not moved by
 * one that came late. Spec: D16.
 */
export class ServerClock {
  #offsets: number[]
  /** Whether the offset is of before this start: it counts until there is a new one. */
  #isOld = true

  /** `offset`: what was known before, in milliseconds; 0 where nothing was. */
  constructor(offset = 0) {
    this.#offsets = [offset]
  }

  /** A heartbeat of the server's time `at` came when the device's clock said `now`. */
  heard(at: string, now: number): void {
    const offset = Date.parse(at) - now
    if (!Number.isFinite(offset)) return
    this.#offsets = [...(this.#isOld ? [] : this.#offsets), offset].slice(-limits.clockBeats)
    this.#isOld = false
  }

  /** Milliseconds to add to the device's clock. */
  get offset(): number {
    const sorted = this.#offsets.toSorted((a, b) => a - b)
    return sorted[sorted.length >> 1]!
  }
}
