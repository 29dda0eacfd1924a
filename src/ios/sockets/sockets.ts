import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { sentToken } from '../../platform/http/bearer.ts'
import { refusals } from '../../sockets/handshake.ts'
import { Outbox } from '../../sockets/outbox.ts'
import { SocketDoor, type Decision } from '../../sockets/socket-door.ts'
import type { SocketObserver } from '../../sockets/socket-observer.ts'
import type { Hub } from '../../changes/hub/hub.ts'
import { Feed, type Outboxes } from './feed.ts'
import { IosSocket, kindOf, reachOf, type Asked, type SocketDeps, type Surroundings } from './ios-socket.ts'

/** What the sockets are made with. */
export interface IosSocketsOptions extends SocketDeps {
  readonly hub: Hub
  readonly observer?: SocketObserver
}

const PATHS: Record<string, 'realtime' | 'sync'> = { '/realtime': 'realtime', '/ws/restaurant/sync': 'sync' }

/**
 * The two sockets of the contract. Nothing is sent before the token is known to be good: a bad one is refused with 403
 * before the upgrade and closed with 4401 after it.
 */
export class IosSockets {
  readonly #deps: SocketDeps
  readonly #outboxes: Outboxes
  readonly #feed: Feed
  readonly #door: SocketDoor<IosSocket>
  readonly #around: Surroundings

  constructor({ hub, observer, ...deps }: IosSocketsOptions) {
    this.#deps = deps
    this.#outboxes = { realtime: new Outbox('realtime', observer), sync: new Outbox('sync', observer) }
    this.#feed = new Feed(hub, this.#outboxes)
    this.#door = new SocketDoor(deps.log, observer)
    this.#around = { deps, feed: this.#feed, gone: (socket) => this.#door.gone(socket) }
  }

  /** Open sockets, and restaurants that have some. */
  get figures(): { sockets: number; restaurants: number } {
    return { sockets: this.#door.sockets.size, restaurants: this.#feed.size }
  }

  /** The sockets of each restaurant that has some. */
  byRestaurant(): Iterable<readonly [string, number]> {
    return this.#feed.byRestaurant()
  }

  /** Bytes that peers have not taken yet, of all sockets of each kind together. */
  get backlogBytes(): { readonly realtime: number; readonly sync: number } {
    const sum = { realtime: 0, sync: 0 }
    for (const { session, hearing } of this.#door.sockets) sum[kindOf(hearing)] += session.backlogBytes
    return sum
  }

  /** Takes every handshake, and refuses those that are for no socket. */
  takes(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const handshake = { request, socket, head }
    const asked = askedBy(request)
    if (!asked) return this.#door.refuse(handshake, refusals.forbidden)
    this.#door.admit(handshake, () => this.#decide(request, asked))
  }

  /** Asks every client to connect again, and drops those that do not leave. */
  close(): Promise<void> {
    return this.#door.close()
  }

  async #decide(request: IncomingMessage, asked: Asked): Promise<Decision<IosSocket>> {
    const token = tokenOf(request)
    const admitted = token === null ? null : (await this.#deps.identities.admit(token, reachOf(asked))).admitted
    if (token !== null && !admitted) return refusals.forbidden
    if (admitted && this.#feed.isFull(admitted.restaurantId)) return refusals.tryAgain
    const outbox = this.#outboxes[kindOf(asked.hearing)]
    return (ws, connection) => new IosSocket({ ws, connection, outbox, asked, admitted }, this.#around)
  }
}

/** What a handshake asks for, or null where no socket is. */
function askedBy(request: IncomingMessage): Asked | null {
  if (!URL.canParse(request.url ?? '/', 'http://host')) return null
  const url = new URL(request.url ?? '/', 'http://host')
  const kind = PATHS[url.pathname]
  if (!kind) return null
  const named = url.searchParams.get('restaurant_id')
  const hearing = kind === 'realtime' && url.searchParams.get('reservations') === '1' ? 'reservations' : kind
  if (kind === 'realtime') return named === null ? null : { hearing, named, echo: named }
  const integer = named !== null && /^-?\d{1,15}$/.test(named)
  return { hearing, named: integer ? null : named, echo: integer ? Number(named) : null }
}

/** The token of a handshake, in its header or its address. */
const tokenOf = (request: IncomingMessage): string | null =>
  sentToken(request.headers.authorization) ?? new URL(request.url ?? '/', 'http://host').searchParams.get('token')
