import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { bearerOf } from '../../platform/http/bearer.ts'
import { limits } from '../../platform/limits.ts'
import { every } from '../../platform/shared-timer.ts'
import { Outbox } from '../../sockets/outbox.ts'
import { newHandshakes, refuseHandshake } from '../../sockets/session.ts'
import type { SocketObserver } from '../../sockets/socket-observer.ts'
import type { AccessRefusal } from '../../staff/access/access.ts'
import { StreamDevice, type StreamDeps } from './stream-device.ts'
import { StreamRoom } from './stream-room.ts'

const PATH = /^\/v2\/restaurants\/([0-9a-f-]{36})\/stream$/
const SWEEP_MILLIS = 500
const SWEEPS_PER_SECOND = 1_000 / SWEEP_MILLIS
// How long a device has to leave by itself when the process does.
const LEAVE_MILLIS = 1_000

const NOT_SIGNED_IN = '401 Unauthorized\r\nWWW-Authenticate: Bearer'
const REFUSALS: Readonly<Record<AccessRefusal, string>> = {
  unknown: NOT_SIGNED_IN,
  inactive: NOT_SIGNED_IN,
  elsewhere: '404 Not Found',
  suspended: '403 Forbidden',
}

/** What the sockets of the stream are made with. */
export interface StreamOptions extends Omit<StreamDeps, 'outbox'> {
  readonly observer?: SocketObserver
}

/** The native stream's sockets: who is let in, and what is done for all of them from time to time. */
export class Stream {
  readonly #deps: StreamDeps
  readonly #wss = newHandshakes()
  readonly #devices = new Set<StreamDevice>()
  readonly #rooms = new Map<string, StreamRoom>()
  readonly #stopSweeping: () => void
  #sweeps = 0
  #leaving = false

  constructor({ observer, ...deps }: StreamOptions) {
    this.#deps = { ...deps, outbox: new Outbox('stream', observer) }
    this.#stopSweeping = every(SWEEP_MILLIS, () => this.#sweep())
  }

  /** Open sockets, and restaurants that have some. */
  get figures(): { sockets: number; restaurants: number } {
    return { sockets: this.#devices.size, restaurants: this.#rooms.size }
  }

  /** The sockets of each restaurant that has some; one that hasn't said hello isn't counted. */
  *byRestaurant(): Iterable<readonly [string, number]> {
    for (const [restaurantId, room] of this.#rooms) yield [restaurantId, room.size]
  }

  /** Bytes that devices have not taken yet, all together. */
  get backlogBytes(): number {
    let sum = 0
    for (const device of this.#devices) sum += device.backlogBytes
    return sum
  }

  /** Whether a handshake is for the stream; then it is taken care of. */
  takes(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const [, restaurantId] = PATH.exec((request.url ?? '').split('?', 1)[0]!) ?? []
    if (restaurantId === undefined) return false
    this.#admit(restaurantId, request, socket, head).catch((error: unknown) => {
      this.#deps.log.warn({ err: error }, 'a socket could not be let in')
      refuseHandshake(socket, '503 Service Unavailable\r\nRetry-After: 1')
    })
    return true
  }

  /** The room of a restaurant, opened for its first device. */
  room(restaurantId: string): StreamRoom {
    const open = this.#rooms.get(restaurantId)
    if (open) return open
    const room = new StreamRoom(restaurantId, this.#deps, () => {
      if (this.#rooms.get(restaurantId) === room) this.#rooms.delete(restaurantId)
    })
    this.#rooms.set(restaurantId, room)
    return room
  }

  /** A device has left. */
  gone(device: StreamDevice): void {
    this.#devices.delete(device)
  }

  /** Tells every device to come back, each at its own time, and closes its socket. */
  async close(): Promise<void> {
    this.#leaving = true
    this.#stopSweeping()
    for (const device of this.#devices) device.sendAway()
    const end = Date.now() + LEAVE_MILLIS
    while (this.#devices.size > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20))
    for (const device of this.#devices) device.terminate()
    for (const room of this.#rooms.values()) room.close()
    this.#wss.close()
  }

  async #admit(restaurantId: string, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (this.#devices.size >= limits.socketsPerProcess)
      return refuseHandshake(socket, '503 Service Unavailable\r\nRetry-After: 1')
    const bearer = bearerOf(request.headers.authorization)
    const token = bearer.kind === 'token' ? bearer.token : null
    if (bearer.kind !== 'missing') {
      const verdict = await this.#deps.identities.admit(token ?? '', () => restaurantId)
      if (!verdict.admitted) return refuseHandshake(socket, REFUSALS[verdict.why])
    }
    if (socket.destroyed) return
    this.#wss.handleUpgrade(request, socket, head, (ws) => {
      const device = new StreamDevice({ restaurantId, ws, connection: socket, token }, this.#deps, this)
      this.#devices.add(device)
      // Its handshake was under way when all others were told: it is told too, and not cut off with nothing said.
      if (!this.#leaving) return
      device.sendAway()
      setTimeout(() => device.terminate(), LEAVE_MILLIS).unref()
    })
  }

  #sweep(): void {
    const now = Date.now()
    this.#sweeps++
    for (const room of this.#rooms.values()) {
      room.beat()
      room.tidy()
    }
    if (this.#sweeps % SWEEPS_PER_SECOND === 0) for (const device of this.#devices) device.sweep(now)
  }
}
