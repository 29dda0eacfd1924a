import type { Duplex } from 'node:stream'
import { WebSocket, WebSocketServer, type RawData } from 'ws'
import { limits } from '../platform/limits.ts'
import { Frame, ping, type Run } from './ws-frame.ts'
import type { Outbox, Sender } from './outbox.ts'

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

/** What makes WebSockets of handshakes. It keeps no list of them: whoever asks for them has one. Without compression, because sessions write frames themselves. */
export const newHandshakes = (): WebSocketServer => new WebSocketServer(HANDSHAKES)

const HANDSHAKES = {
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: limits.socketFrameBytes,
  // Known to the library, not to its types: for a peer that doesn't answer a closing it would wait 30 s.
  closeTimeout: limits.closedSocketMillis,
}

/**
 * Refuses a handshake with a status line and more headers, and lets the connection go soon, whatever its peer does: one that keeps its half open would hold its
 * descriptor for ever.
 */
export function refuseHandshake(socket: Duplex, answer: string): void {
  if (socket.destroyed) return
  const late = setTimeout(() => socket.destroy(), limits.refusedSocketMillis).unref()
  socket.once('close', () => clearTimeout(late))
  // Otherwise nobody hears its peer close.
  socket.resume()
  socket.end(`HTTP/1.1 ${answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
}

// A ping that is due so soon goes out with what is written now: to write is most of what it costs.
const PING_SLACK_MILLIS = 1_000

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

// What a closing may say that this server didn't begin: the codes of RFC 6455 that are seen on the wire or stand for its end.
const FIRST_CODE = 1000
const LAST_CODE = 1015

// The same listeners for every socket, which find its session there: five thousand idle sockets would have a megabyte of their own.
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
 * One socket: what is sent to it, whether its peer lives, and how much it leaves unread. A timer of its own would cost each socket; instead `sweep` is
 * called about every second.
 *
 * Text frames and pings go to the connection below the WebSocket, all of a turn of the event loop in one write; handshake, closing and what comes in are the WebSocket's. Both may write
 * because each writes whole frames, no compression is agreed on, and whatever waits here goes out before a closing.
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
  /** What waits for the end of the turn, and whether the outbox knows. */
  #run: Run | null = null
  #isListed = false
  /** What it was closed with here. */
  #code: number | null = null

  /** `connection`: what the WebSocket was made on. */
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
      session.#owner.onText(session, (data as Buffer).toString('utf8'))
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
    this.#owner.onGone(this)
  }

  /** Bytes that the peer has not taken yet. */
  get backlogBytes(): number {
    return this.#connection.writableLength + (this.#run?.bytes ?? 0)
  }

  /** Sends a text frame at the end of this turn, unless the peer is gone; one that does not read is closed instead. */
  send(frame: string | Frame): void {
    if (this.#gone || this.#ws.readyState !== WebSocket.OPEN) return
    if (this.#connection.writableLength > limits.socketBacklogBytes)
      return this.close(closeCodes.tooSlow, 'reads too slowly')
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

  /** Writes what waits, in one write, and a ping behind it when one is due by then. Times in milliseconds. */
  #flush(now = Date.now(), slack = PING_SLACK_MILLIS): void {
    const run = this.#run
    this.#run = null
    // After a closing nothing may follow.
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

  /** Resolves when the peer has taken nearly all that it was sent, or is gone: what is more than one frame is sent in such steps. */
  async drained(): Promise<void> {
    while (!this.#gone && this.backlogBytes > limits.socketBacklogBytes / 4)
      await new Promise((resolve) => setTimeout(resolve, 5))
  }

  /** Closes; a peer that does not answer the closing is dropped at the next sweeps. */
  close(code: number, reason: string): void {
    if (this.#ws.readyState === WebSocket.OPEN) {
      if (this.#run) this.#flush()
      this.#code = code
      this.#ws.close(code, reason)
    }
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
