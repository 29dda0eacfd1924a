import { WebSocket } from 'ws'
import { limits } from '../platform/limits.ts'

/** Close codes that this server uses (RFC 6455 section 7.4; 4000 and up are its own). */
export const closeCodes = {
  /** The server is stopping: connect again. */
  goingAway: 1001,
  /** The peer left a ping unanswered. */
  dead: 1011,
  /** The peer does not read what it is sent: connect again and read everything anew. */
  tooSlow: 1013,
  /** A message could not be understood. */
  badMessage: 4400,
  /** No token within the time for it, or a wrong one, or one that no longer counts. */
  notSignedIn: 4401,
  /** The restaurant is another's or suspended. */
  notAllowed: 4403,
  /** The socket is older than the setting allows: connect again. */
  tooOld: 4408,
} as const

// How long a peer that is closed for its silence has to take note, at least; twice as long at most.
const DROP_MILLIS = 1_000

/** What a session's owner wants to be asked. */
export interface SessionOwner {
  /** A text frame came. */
  onText(session: Session, text: string): void
  /** It is gone, whoever closed it. Called once. */
  onGone(session: Session): void
  /** The frame of an application heartbeat, or null for none. */
  heartbeat(): string | null
}

/** Times of a session, in milliseconds. */
export interface SessionTimes {
  /** Silence of the client after which it gets a heartbeat, and again after as long. */
  readonly heartbeat: number
  /** How long a ping may stay unanswered before the peer is taken for dead. */
  readonly pingTimeout: number
  /** Age at which the socket is closed. */
  readonly maxAge: number
}

/**
 * One socket: what is sent to it, whether its peer lives, and how much it leaves unread. A timer of its own would cost each socket; instead `sweep` is
 * called about every second.
 */
export class Session {
  readonly #ws: WebSocket
  readonly #owner: SessionOwner
  readonly #times: SessionTimes
  readonly #openedAt: number
  #heardAt: number
  #heartbeatAt: number
  #pingAt: number
  #unanswered = false
  #unreadSince: number | null = null
  #gone = false

  constructor(ws: WebSocket, owner: SessionOwner, times: SessionTimes, now: number) {
    this.#ws = ws
    this.#owner = owner
    this.#times = times
    this.#openedAt = now
    this.#heardAt = now
    this.#heartbeatAt = now
    this.#pingAt = now
    ws.on('message', (data, isBinary) => {
      if (isBinary) return
      this.#heardAt = Date.now()
      this.#owner.onText(this, (data as Buffer).toString('utf8'))
    })
    ws.on('pong', () => (this.#unanswered = false))
    ws.on('error', () => ws.terminate())
    ws.on('close', () => {
      if (this.#gone) return
      this.#gone = true
      this.#owner.onGone(this)
    })
  }

  /** Bytes that the peer has not taken yet. */
  get backlogBytes(): number {
    return this.#ws.bufferedAmount
  }

  /** Sends a text frame, unless the peer is gone; one that does not read is closed instead. */
  send(frame: string | Buffer): void {
    if (this.#gone || this.#ws.readyState !== WebSocket.OPEN) return
    if (this.#ws.bufferedAmount > limits.socketBacklogBytes) return this.close(closeCodes.tooSlow, 'reads too slowly')
    this.#ws.send(frame, { binary: false })
  }

  /** Resolves when the peer has taken nearly all that it was sent, or is gone: what is more than one frame is sent in such steps. */
  async drained(): Promise<void> {
    while (!this.#gone && this.#ws.bufferedAmount > limits.socketBacklogBytes / 4)
      await new Promise((resolve) => setTimeout(resolve, 5))
  }

  /** Closes; a peer that does not answer the closing is dropped at the next sweeps. */
  close(code: number, reason: string): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.close(code, reason)
    // A peer that does not read won't see a closing frame either, which would wait behind all the rest.
    // Many stop reading at once when a network does, and to drop one costs a millisecond: not all of them in one turn.
    if (code === closeCodes.tooSlow || code === closeCodes.dead)
      setTimeout(() => this.#ws.terminate(), DROP_MILLIS * (1 + Math.random())).unref()
  }

  /** Drops the connection at once. */
  terminate(): void {
    this.#ws.terminate()
  }

  /** Looks after the socket. `now` in milliseconds. */
  sweep(now: number): void {
    if (this.#gone) return
    if (now - this.#openedAt >= this.#times.maxAge) return this.close(closeCodes.tooOld, 'connect again')
    if (this.#isStalled(now)) return this.close(closeCodes.tooSlow, 'reads too slowly')
    if (this.#unanswered && now - this.#pingAt >= this.#times.pingTimeout)
      return this.close(closeCodes.dead, 'keepalive ping timeout')
    if (!this.#unanswered && now - this.#pingAt >= limits.socketPingMillis) {
      this.#unanswered = true
      this.#pingAt = now
      this.#ws.ping()
    }
    const silentSince = Math.max(this.#heardAt, this.#heartbeatAt)
    if (now - silentSince >= this.#times.heartbeat) {
      this.#heartbeatAt = now
      const frame = this.#owner.heartbeat()
      if (frame !== null) this.send(frame)
    }
  }

  #isStalled(now: number): boolean {
    if (this.#ws.bufferedAmount === 0) this.#unreadSince = null
    else this.#unreadSince ??= now
    return this.#unreadSince !== null && now - this.#unreadSince >= limits.socketBacklogMillis
  }
}
