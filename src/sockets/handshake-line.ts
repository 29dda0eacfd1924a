import type { Duplex } from 'node:stream'
import { elapsedMillis } from '../platform/clock.ts'
import { limits } from '../platform/limits.ts'
import { refuseHandshake, refusals } from './handshake.ts'
import { unobserved, type SocketObserver } from './socket-observer.ts'

const TICK_MILLIS = 20

/**
 * Paces WebSocket handshakes. When a network comes back, a thousand devices connect in one moment. To let them all in
 * at once would hold up everybody's requests for as long as it takes. `limits.handshakesAtOnce` go in directly; the
 * others wait in order and go in at `limits.handshakesPerSecond`. A server that falls behind lets in fewer: it does not
 * make up for lost time.
 */
export class HandshakeLine {
  readonly #observer: SocketObserver
  readonly #waiting: { readonly socket: Duplex; readonly admit: () => void }[] = []
  #free: number = limits.handshakesAtOnce
  #lookedAt = elapsedMillis()
  #timer: NodeJS.Timeout | null = null

  constructor(observer: SocketObserver = unobserved) {
    this.#observer = observer
  }

  /** Handshakes that wait. */
  get length(): number {
    return this.#waiting.length
  }

  /** Calls `admit` at once or in its turn, unless the socket is gone by then. A full line refuses the handshake. */
  enter(socket: Duplex, admit: () => void): void {
    this.#accrue()
    if (this.#waiting.length === 0 && this.#free >= 1) {
      this.#free--
      return admit()
    }
    if (this.#waiting.length >= limits.handshakesWaiting) return this.#refuse(socket)
    this.#waiting.push({ socket, admit })
    this.#timer ??= setInterval(() => this.#advance(), TICK_MILLIS).unref()
  }

  /** Refuses all that wait: the server stops. */
  close(): void {
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
    for (const { socket } of this.#waiting.splice(0)) this.#refuse(socket)
  }

  #refuse(socket: Duplex): void {
    refuseHandshake(socket, refusals.lineFull, this.#observer)
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
    // While some wait, no more than two ticks' worth: a late turn must not let in a crowd.
    const millis = this.#waiting.length > 0 ? Math.min(now - this.#lookedAt, 2 * TICK_MILLIS) : now - this.#lookedAt
    this.#lookedAt = now
    this.#free = Math.min(limits.handshakesAtOnce, this.#free + (millis * limits.handshakesPerSecond) / 1_000)
  }
}
