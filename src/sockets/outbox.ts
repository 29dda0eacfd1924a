import type { Instant } from '../platform/clock.ts'
import { unobserved, type SocketKind, type SocketObserver } from './socket-observer.ts'

/** A sender whose frames wait for the end of the turn. */
export interface Sender {
  /** Writes the frames. Called once each time that the sender was added. */
  turnEnds(): void
}

/**
 * The frames that the sockets of one kind send in this turn of the event loop. Each socket sends all frames of a turn,
 * of however many changes, in one write at its end: the write is most of the cost of a delivery. A single change does
 * not wait, because the turn ends with it.
 */
export class Outbox {
  readonly kind: SocketKind
  readonly #observer: SocketObserver
  #senders: Sender[] = []
  #told: Instant[] = []
  #frames = 0
  #writes = 0
  #waits = false

  constructor(kind: SocketKind, observer: SocketObserver = unobserved) {
    this.kind = kind
    this.#observer = observer
  }

  /** Has a sender write at the end of this turn. */
  add(sender: Sender): void {
    this.#senders.push(sender)
    this.#wait()
  }

  /** The frames of a change, committed at `at`, have been given to all who hear it. */
  told(at: Instant): void {
    this.#told.push(at)
    this.#wait()
  }

  /** A sender has written so many frames at once. */
  wrote(frames: number): void {
    this.#frames += frames
    this.#writes++
    this.#wait()
  }

  /** A device said that it shows a change. */
  applied(at: Instant): void {
    this.#observer.applied(at)
  }

  opened(): void {
    this.#observer.opened(this.kind)
  }

  closed(code: number): void {
    this.#observer.closed(this.kind, code)
  }

  #wait(): void {
    if (this.#waits) return
    this.#waits = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    const [senders, told] = [this.#senders, this.#told]
    this.#senders = []
    this.#told = []
    for (const sender of senders) sender.turnEnds()
    if (this.#writes > 0) {
      this.#observer.frames(this.kind, this.#frames)
      this.#observer.writes(this.kind, this.#writes)
    }
    this.#frames = 0
    this.#writes = 0
    for (const at of told) this.#observer.delivered(this.kind, at)
    this.#waits = false
    if (this.#senders.length > 0) this.#wait()
  }
}
