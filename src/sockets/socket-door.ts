import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { limits } from '../platform/limits.ts'
import type { Logger } from '../platform/observability/log.ts'
import { every } from '../platform/shared-timer.ts'
import { newHandshakes, refuseHandshake, refusals, type Handshake, type Refusal } from './handshake.ts'
import type { Session } from './session.ts'
import { unobserved, type SocketObserver } from './socket-observer.ts'

/** One open socket of a door. */
export interface DoorSocket {
  readonly session: Session
  /** Called once after the handshake, unless the process stops. */
  begin(): void
  /** Closes the session: the process stops. */
  sendAway(): void
}

/** A door's decision on a handshake: the status line that refuses it, or how to make its socket. */
export type Decision<S> = Refusal | ((ws: WebSocket, connection: Duplex) => S)

const SWEEP_MILLIS = 1_000
// How long peers have to leave by themselves when the process stops.
const LEAVE_MILLIS = 1_000
const LOOK_MILLIS = 20

/** The open sockets of one door: lets them in, counts them, sweeps them and closes them when the process stops. */
export class SocketDoor<S extends DoorSocket> {
  readonly #log: Logger
  readonly #observer: SocketObserver
  readonly #most: number
  readonly #handshakes = newHandshakes()
  readonly #sockets = new Set<S>()
  readonly #stopSweeping: () => void
  #isStopping = false

  /** `most`: how many sockets may be open. */
  constructor(log: Logger, observer: SocketObserver = unobserved, most: number = limits.socketsPerProcess) {
    this.#log = log
    this.#observer = observer
    this.#most = most
    this.#stopSweeping = every(SWEEP_MILLIS, () => this.#sweep())
  }

  /** The open sockets. */
  get sockets(): ReadonlySet<S> {
    return this.#sockets
  }

  /** Opens a socket, or refuses its handshake, as `decide` says. A decision that fails tells the peer to try again. */
  admit(handshake: Handshake, decide: () => Promise<Decision<S>>): void {
    if (this.#sockets.size >= this.#most) return this.refuse(handshake, refusals.tryAgain)
    this.#decide(handshake, decide).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'a socket could not be let in')
      this.refuse(handshake, refusals.tryAgain)
    })
  }

  /** Refuses a handshake. */
  refuse({ socket }: Handshake, refusal: Refusal): void {
    refuseHandshake(socket, refusal, this.#observer)
  }

  /** Forgets a socket that is gone. */
  gone(socket: S): void {
    this.#sockets.delete(socket)
  }

  /** Sends every socket away, and drops those that do not leave. */
  async close(): Promise<void> {
    this.#isStopping = true
    this.#stopSweeping()
    for (const socket of this.#sockets) socket.sendAway()
    const end = Date.now() + LEAVE_MILLIS
    while (this.#sockets.size > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, LOOK_MILLIS))
    for (const { session } of this.#sockets) session.terminate()
    this.#handshakes.close()
  }

  async #decide(handshake: Handshake, decide: () => Promise<Decision<S>>): Promise<void> {
    const decision = await decide()
    if (typeof decision === 'string') return this.refuse(handshake, decision)
    const { request, socket: connection, head } = handshake
    if (connection.destroyed) return
    this.#handshakes.handleUpgrade(request, connection, head, (ws) => this.#open(decision(ws, connection)))
  }

  #open(socket: S): void {
    this.#sockets.add(socket)
    if (!this.#isStopping) return socket.begin()
    // The handshake was under way when the others were sent away.
    socket.sendAway()
    setTimeout(() => socket.session.terminate(), LEAVE_MILLIS).unref()
  }

  #sweep(): void {
    const now = Date.now()
    for (const { session } of this.#sockets) session.sweep(now)
  }
}
