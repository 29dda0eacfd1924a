import type { Duplex } from 'node:stream'
import { elapsedMillis } from '../platform/clock.ts'
import { limits } from '../platform/limits.ts'
import { refuseHandshake } from './session.ts'

const TICK_MILLIS = 20
const COME_BACK = '503 Service Unavailable\r\nRetry-After: 2'

/**
 * Paces WebSocket handshakes. When a network comes back, a thousand devices connect in one moment; to let them all in
 * at once would hold up everybody's requests for as long as it takes. `limits.handshakesAtOnce` go in directly, the
 * others wait for `limits.handshakesPerSecond`, first come, first served. A server that falls behind lets in fewer: time
 * that it lost is not made up for.
 */
export class HandshakeLine {
  readonly #waiting: { readonly socket: Duplex; readonly admit: () => void }[] = []
  #free: number = limits.handshakesAtOnce
  #lookedAt = elapsedMillis()
  #timer: NodeJS.Timeout | null = null

  /** Handshakes that wait. */
  get length(): number {
    return this.#waiting.length
  }

  /** Calls `admit` at once or when its turn comes, unless the socket is gone by then; a line that is full refuses. */
  enter(socket: Duplex, admit: () => void): void {
    this.#accrue()
    if (this.#waiting.length === 0 && this.#free >= 1) {
      this.#free--
      return admit()
    }
    if (this.#waiting.length >= limits.handshakesWaiting) return refuseHandshake(socket, COME_BACK)
    this.#waiting.push({ socket, admit })
    this.#timer ??= setInterval(() => this.#advance(), TICK_MILLIS).unref()
  }

  /** Refuses those that wait: the server stops. */
  close(): void {
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
    for (const { socket } of this.#waiting.splice(0)) refuseHandshake(socket, COME_BACK)
  }

  #advance(): void {
    this.#accrue()
    let done = 0
    while (this.#free >= 1 && done < this.#waiting.length) {
      const { socket, admit } = this.#waiting[done++]!
      if (socket.destroyed) continue
      this.#free--
      admit()
    }
    this.#waiting.splice(0, done)
    if (this.#waiting.length > 0 || !this.#timer) return
    clearInterval(this.#timer)
    this.#timer = null
  }

  #accrue(): void {
    const now = elapsedMillis()
    // While some wait, no more than two ticks' worth: a turn that came late must not bring a crowd.
    const millis = this.#waiting.length > 0 ? Math.min(now - this.#lookedAt, 2 * TICK_MILLIS) : now - this.#lookedAt
    this.#lookedAt = now
    this.#free = Math.min(limits.handshakesAtOnce, this.#free + (millis * limits.handshakesPerSecond) / 1_000)
  }
}
