import type { Duplex } from 'node:stream'
import { WebSocket, type RawData } from 'ws'
import { limits } from '../platform/limits.ts'
import { closeCodes, endings } from './endings.ts'
import type { Outbox, Sender } from './outbox.ts'
import { Frame, ping, type Run } from './ws-frame.ts'

// A ping that is due this soon goes out with the frames that are written now: the write is most of its cost.
const PING_SLACK_MILLIS = 1_000

// A peer that is closed for its silence is dropped after this time at least, and twice this time at most.
const DROP_MILLIS = 1_000

/** The owner of a session. */
export interface SessionOwner {
  /** A text frame came. */
  onText(text: string): void
  /** The session is gone, whichever side closed it. Called once. */
  onGone(): void
  /** The frame of an application heartbeat; null where the protocol has none. */
  heartbeat(): string | null
}

/** Times of a session, in milliseconds. */
export interface SessionTimes {
  /** A client that is silent for so long gets a heartbeat, and the next after as long again. */
  readonly heartbeat: number
  /** A peer that leaves a ping unanswered for so long counts as dead. */
  readonly pingTimeout: number
  /** Age at which the socket is closed. */
  readonly maxAge: number
}

// The close codes of RFC 6455. Any other code that a peer sends is its own invention and is counted as 0.
const FIRST_CODE = 1000
const LAST_CODE = 1015

// All sockets share these listeners, which find their session by this symbol. Listeners of their own would cost five
// thousand idle sockets a megabyte.
const SESSION = Symbol('session')
interface Listened extends WebSocket {
  [SESSION]?: Session
}
let onMessage: (this: Listened, data: RawData, isBinary: boolean) => void
let onPong: (this: Listened) => void
let onClose: (this: Listened, code: number) => void
const onError = function (this: WebSocket): void {
  this.terminate()
}

/**
 * One socket: it sends frames, finds out whether the peer lives, and closes when the peer leaves too much unread. A
 * timer for each socket would be expensive; `sweep` is called about every second instead.
 *
 * The session writes text frames and pings to the connection below the WebSocket, all of one turn of the event loop in
 * one write. The WebSocket does the handshake, the closing and the reading. Both may write to the connection, because
 * each writes whole frames, nothing is compressed, and the session writes all that waits before a closing.
 */
export class Session implements Sender {
  readonly #ws: WebSocket
  readonly #connection: Duplex
  readonly #outbox: Outbox
  readonly #owner: SessionOwner
  readonly #times: SessionTimes
  readonly #openedAt: number
  #heardAt: number
  #heartbeatAt: number
  #pingAt: number
  #unanswered = false
  #unreadSince: number | null = null
  #gone = false
  /** The frames that wait for the end of the turn, and whether the outbox knows. */
  #run: Run | null = null
  #isListed = false
  /** The code that this server closed it with. */
  #code: number | null = null
  /** Runs until somebody has signed in. */
  #deadline: NodeJS.Timeout | null = null

  /** `connection`: the connection below the WebSocket. */
  constructor(
    ws: WebSocket,
    connection: Duplex,
    outbox: Outbox,
    owner: SessionOwner,
    times: SessionTimes,
    now: number,
  ) {
    this.#ws = ws
    this.#connection = connection
    this.#outbox = outbox
    this.#owner = owner
    this.#times = times
    this.#openedAt = now
    this.#heardAt = now
    this.#heartbeatAt = now
    this.#pingAt = now
    const listened: Listened = ws
    listened[SESSION] = this
    ws.on('message', onMessage)
    ws.on('pong', onPong)
    ws.on('error', onError)
    ws.on('close', onClose)
    outbox.opened()
  }

  static {
    onMessage = function (this: Listened, data, isBinary) {
      const session = this[SESSION]
      if (isBinary || !session) return
      session.#heardAt = Date.now()
      session.#owner.onText((data as Buffer).toString('utf8'))
    }
    onPong = function (this: Listened) {
      if (this[SESSION]) this[SESSION].#unanswered = false
    }
    onClose = function (this: Listened, code) {
      const session = this[SESSION]
      if (session) session.#closed(code)
    }
  }

  #closed(code: number): void {
    if (this.#gone) return
    this.#gone = true
    this.#run = null
    this.#outbox.closed(this.#code ?? (code >= FIRST_CODE && code <= LAST_CODE ? code : 0))
    this.signedIn()
    this.#owner.onGone()
  }

  /** Calls `late` when the time to sign in is over, unless {@link signedIn} or the end of the session comes first. */
  awaitSignIn(late: () => void): void {
    this.#deadline = setTimeout(late, limits.socketSignInMillis).unref()
  }

  /** Somebody has signed in: there is no deadline any more. */
  signedIn(): void {
    if (this.#deadline) clearTimeout(this.#deadline)
    this.#deadline = null
  }

  /** Bytes that the peer has not taken yet. */
  get backlogBytes(): number {
    return this.#connection.writableLength + (this.#run?.bytes ?? 0)
  }

  /** Sends a text frame at the end of this turn. A peer that does not read is closed instead; a closed one gets nothing. */
  send(frame: string | Frame): void {
    if (this.#gone || this.#ws.readyState !== WebSocket.OPEN) return
    if (this.#connection.writableLength > limits.socketBacklogBytes) return this.close(...endings.tooSlow)
    const sent = typeof frame === 'string' ? new Frame(frame, false) : frame
    if (this.#run && this.#run.bytes + sent.bytes.length > limits.joinedBytes) this.#flush()
    this.#run = this.#run?.and(sent) ?? sent.alone
    if (this.#run.bytes > limits.joinedBytes) return this.#flush()
    if (this.#isListed) return
    this.#isListed = true
    this.#outbox.add(this)
  }

  /** Part of the outbox: the turn has ended. */
  turnEnds(): void {
    this.#isListed = false
    if (this.#run) this.#flush()
  }

  /** Writes the waiting frames in one write, and behind them a ping that is due within `slack` milliseconds. */
  #flush(now = Date.now(), slack = PING_SLACK_MILLIS): void {
    const run = this.#run
    this.#run = null
    // Nothing may follow a closing.
    if (this.#ws.readyState !== WebSocket.OPEN) return
    if (this.#pingIsDue(now + slack)) {
      this.#unanswered = true
      this.#pingAt = now
      this.#connection.write((run?.and(ping) ?? ping.alone).joined)
    } else if (run) {
      this.#connection.write(run.joined)
    }
    if (run) this.#outbox.wrote(run.count)
  }

  #pingIsDue(now: number): boolean {
    return !this.#unanswered && now - this.#pingAt >= limits.socketPingMillis
  }

  /** Resolves when the peer has taken nearly everything, or is gone. Whoever sends many frames waits for this in between. */
  async drained(): Promise<void> {
    while (!this.#gone && this.backlogBytes > limits.socketBacklogBytes / 4)
      await new Promise((resolve) => setTimeout(resolve, 5))
  }

  /** Closes the socket. The WebSocket drops a peer that does not answer the closing. */
  close(code: number, reason: string): void {
    if (this.#ws.readyState === WebSocket.OPEN) {
      if (this.#run) this.#flush()
      this.#code = code
      this.#ws.close(code, reason)
    }
    // A peer that does not read does not see the closing frame either: it waits behind all the others. When a network
    // fails, many peers stop reading at once. To drop one costs a millisecond, so each is dropped at a time of its own.
    if (code === closeCodes.tooSlow || code === closeCodes.dead)
      setTimeout(() => this.#ws.terminate(), DROP_MILLIS * (1 + Math.random())).unref()
  }

  /** Drops the connection at once. */
  terminate(): void {
    this.#ws.terminate()
  }

  /** Closes the socket when it is too old, stalled or dead; sends a ping or a heartbeat when it is due. `now` in milliseconds. */
  sweep(now: number): void {
    if (this.#gone) return
    if (now - this.#openedAt >= this.#times.maxAge) return this.close(...endings.tooOld)
    if (this.#isStalled(now)) return this.close(...endings.tooSlow)
    if (this.#unanswered && now - this.#pingAt >= this.#times.pingTimeout) return this.close(...endings.dead)
    if (this.#pingIsDue(now)) this.#flush(now, 0)
    const silentSince = Math.max(this.#heardAt, this.#heartbeatAt)
    if (now - silentSince >= this.#times.heartbeat) {
      this.#heartbeatAt = now
      const frame = this.#owner.heartbeat()
      if (frame !== null) this.send(frame)
    }
  }

  #isStalled(now: number): boolean {
    if (this.#connection.writableLength === 0) this.#unreadSince = null
    else this.#unreadSince ??= now
    return this.#unreadSince !== null && now - this.#unreadSince >= limits.socketBacklogMillis
  }
}
