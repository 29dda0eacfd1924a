import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { sentToken } from '../../platform/http/bearer.ts'
import { every } from '../../platform/shared-timer.ts'
import { refusals, type Refusal } from '../../sockets/handshake.ts'
import { Outbox } from '../../sockets/outbox.ts'
import { SocketDoor, type Decision } from '../../sockets/socket-door.ts'
import type { SocketObserver } from '../../sockets/socket-observer.ts'
import type { AccessRefusal } from '../../staff/access/access.ts'
import { StreamDevice, type StreamDeps } from './stream-device.ts'
import { StreamRoom } from './stream-room.ts'

const PATH = /^\/v2\/restaurants\/([0-9a-f-]{36})\/stream$/
const BEAT_MILLIS = 500

const refused: Readonly<Record<AccessRefusal, Refusal>> = {
  unknown: refusals.notSignedIn,
  inactive: refusals.notSignedIn,
  elsewhere: refusals.notFound,
  suspended: refusals.forbidden,
}

/** What the sockets of the stream are made with. */
export interface StreamOptions extends Omit<StreamDeps, 'outbox'> {
  readonly observer?: SocketObserver
}

/** The native stream: who may open a socket, and the rooms of the restaurants. */
export class Stream {
  readonly #deps: StreamDeps
  readonly #door: SocketDoor<StreamDevice>
  readonly #rooms = new Map<string, StreamRoom>()
  readonly #stopBeating: () => void

  constructor({ observer, ...deps }: StreamOptions) {
    this.#deps = { ...deps, outbox: new Outbox('stream', observer) }
    this.#door = new SocketDoor(deps.log, observer)
    this.#stopBeating = every(BEAT_MILLIS, () => this.#beat())
  }

  /** Open sockets, and restaurants that have some. */
  get figures(): { sockets: number; restaurants: number } {
    return { sockets: this.#door.sockets.size, restaurants: this.#rooms.size }
  }

  /** The sockets of each restaurant that has some. A socket counts from its hello on. */
  *byRestaurant(): Iterable<readonly [string, number]> {
    for (const [restaurantId, room] of this.#rooms) yield [restaurantId, room.size]
  }

  /** Bytes that devices have not taken yet, all together. */
  get backlogBytes(): number {
    let sum = 0
    for (const { session } of this.#door.sockets) sum += session.backlogBytes
    return sum
  }

  /** Takes a handshake that is for the stream; false for any other. */
  takes(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const [, restaurantId] = PATH.exec((request.url ?? '').split('?', 1)[0]!) ?? []
    if (restaurantId === undefined) return false
    this.#door.admit({ request, socket, head }, () => this.#decide(restaurantId, request))
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
    this.#door.gone(device)
  }

  /** Tells every device to come back, each at its own time, and closes its socket. */
  async close(): Promise<void> {
    this.#stopBeating()
    await this.#door.close()
    for (const room of this.#rooms.values()) room.close()
  }

  /** A device without a token in its handshake says it in its hello. */
  async #decide(restaurantId: string, request: IncomingMessage): Promise<Decision<StreamDevice>> {
    const token = sentToken(request.headers.authorization)
    if (token !== null) {
      const verdict = await this.#deps.identities.admit(token, () => restaurantId, 'devices')
      if (!verdict.admitted) return refused[verdict.why]
    }
    return (ws, connection) => new StreamDevice({ restaurantId, ws, connection, token }, this.#deps, this)
  }

  #beat(): void {
    for (const room of this.#rooms.values()) {
      room.beat()
      room.tidy()
    }
  }
}
