import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { bearerOf } from '../../platform/http/bearer.ts'
import { isId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import type { Clock } from '../../platform/clock.ts'
import { jsonObject } from '../../platform/json-object.ts'
import type { Logger } from '../../platform/observability/log.ts'
import { every } from '../../platform/shared-timer.ts'
import type { Context, Role } from '../../changes/command/command.ts'
import { Outbox } from '../../sockets/outbox.ts'
import { closeCodes, newHandshakes, refuseHandshake, Session } from '../../sockets/session.ts'
import type { SessionOwner, SessionTimes } from '../../sockets/session.ts'
import type { SocketObserver } from '../../sockets/socket-observer.ts'
import type { Hub } from '../../changes/hub/hub.ts'
import type { Reach } from '../../staff/access/access.ts'
import type { Access, AccessReview } from '../../staff/access/access-review.ts'
import type { Identities } from '../../staff/access/identify.ts'
import type { Proven } from '../../staff/staff.ts'
import { Feed, type Outboxes } from './feed.ts'
import { pythonJson } from './python-json.ts'
import type { Hearing } from './messages.ts'
import type { IosDeps } from '../route.ts'
import { answerSyncRequest } from './sync-requests.ts'
import { socketTime } from '../times.ts'

/** What the sockets stand on. */
export interface SocketDeps extends Pick<IosDeps, 'db' | 'historyDays' | 'floorDays' | 'answers'> {
  readonly hub: Hub
  readonly identities: Identities
  readonly access: AccessReview
  readonly clock: Clock
  readonly log: Logger
  readonly times: SessionTimes
  /** `off`, `on`, or the one restaurant that sockets without a token may hear. */
  readonly tokenless: string
  readonly observer?: SocketObserver
}

/** What a handshake asked for. `named`: the restaurant id as sent; `echo`: how the first message says it back. */
interface Asked {
  readonly hearing: Hearing
  readonly named: string | null
  readonly echo: string | number | null
}

/** A socket: nothing in it is made that it doesn't need while it is idle, since there are thousands. */
class Member implements Access {
  readonly session: Session
  readonly hearing: Hearing
  /** What it asked for, until its token is there. */
  asked: Asked | null
  deadline: NodeJS.Timeout | null = null
  /** The restaurant that it was let in to; null until then. */
  restaurantId: string | null = null
  /** Who it was opened for; nobody where no token was asked for. */
  staffId = ''
  role: Role = 'host'
  signInId: string | null = null
  generation: number | null = null
  /** Whether an answer to a request is being made: one at a time. */
  asking = false
  gone = false

  constructor(session: Session, asked: Asked) {
    this.session = session
    this.hearing = asked.hearing
    this.asked = asked
  }

  /** The socket ends with the account, the role, the restaurant or the sign-in that it was opened for. */
  close(): void {
    this.session.close(closeCodes.notSignedIn, 'no longer signed in')
  }
}

const PATHS: Record<string, 'realtime' | 'sync'> = { '/realtime': 'realtime', '/ws/restaurant/sync': 'sync' }
const kindOf = (hearing: Hearing) => (hearing === 'sync' ? 'sync' : 'realtime')
const SWEEP_MILLIS = 1_000
// How long a client has to leave by itself when the process does.
const LEAVE_MILLIS = 1_000

/**
 * The two sockets of the contract. Nothing is sent before the token is known to be good: refused with 403 before the upgrade, closed with 4401 after it.
 */
export class IosSockets {
  readonly #deps: SocketDeps
  readonly #outboxes: Outboxes
  readonly #feed: Feed
  /** The one of all sessions: it finds the member that one belongs to. */
  readonly #owner: SessionOwner = {
    onText: (session, text) => void this.#onText(this.#members.get(session)!, text),
    onGone: (session) => this.#onGone(this.#members.get(session)!),
    heartbeat: () => this.#frame({ type: 'heartbeat', timestamp: this.#now() }),
  }
  readonly #wss = newHandshakes()
  readonly #members = new Map<Session, Member>()
  readonly #stopSweeping: () => void
  #leaving = false

  constructor(deps: SocketDeps) {
    this.#deps = deps
    const { hub, observer } = deps
    this.#outboxes = { realtime: new Outbox('realtime', observer), sync: new Outbox('sync', observer) }
    this.#feed = new Feed(hub, this.#outboxes)
    this.#stopSweeping = every(SWEEP_MILLIS, () => this.#sweep())
  }

  /** Open sockets, and restaurants that have some. */
  get figures(): { sockets: number; restaurants: number } {
    return { sockets: this.#members.size, restaurants: this.#feed.size }
  }

  /** The sockets of each restaurant that has some. */
  byRestaurant(): Iterable<readonly [string, number]> {
    return this.#feed.byRestaurant()
  }

  /** Bytes that peers have not taken yet, of all sockets of each kind together. */
  get backlogBytes(): { readonly realtime: number; readonly sync: number } {
    const sum = { realtime: 0, sync: 0 }
    for (const { session, hearing } of this.#members.values()) sum[kindOf(hearing)] += session.backlogBytes
    return sum
  }

  /** Takes care of a handshake. */
  takes(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#admit(request, socket, head).catch((error: unknown) => {
      this.#deps.log.warn({ err: error }, 'a socket could not be let in')
      refuse(socket, 503)
    })
  }

  /** Asks every client to connect again and drops who doesn't leave. */
  async close(): Promise<void> {
    this.#leaving = true
    this.#stopSweeping()
    for (const { session } of this.#members.values()) session.close(closeCodes.goingAway, 'server stopping')
    const end = Date.now() + LEAVE_MILLIS
    while (this.#members.size > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20))
    for (const { session } of this.#members.values()) session.terminate()
    this.#wss.close()
  }

  async #admit(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const asked = askedBy(request)
    if (!asked) return refuse(socket, 403)
    if (this.#members.size >= limits.socketsPerProcess) return refuse(socket, 503)
    const token = tokenOf(request)
    if (token === null) return this.#upgrade(request, socket, head, asked, null)
    const { admitted: identity } = await this.#deps.identities.admit(token, reachOf(asked))
    if (!identity) return refuse(socket, 403)
    if (this.#feed.isFull(identity.restaurantId)) return refuse(socket, 503)
    this.#upgrade(request, socket, head, asked, identity)
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, asked: Asked, identity: Proven | null): void {
    if (socket.destroyed) return
    this.#wss.handleUpgrade(request, socket, head, (ws) => this.#welcome(ws, socket, asked, identity))
  }

  #welcome(ws: WebSocket, socket: Duplex, asked: Asked, identity: Proven | null): void {
    const outbox = this.#outboxes[kindOf(asked.hearing)]
    const session = new Session(ws, socket, outbox, this.#owner, this.#deps.times, Date.now())
    const member = new Member(session, asked)
    this.#members.set(session, member)
    // Its handshake was under way when all others were told.
    if (this.#leaving) {
      setTimeout(() => session.terminate(), LEAVE_MILLIS).unref()
      return session.close(closeCodes.goingAway, 'server stopping')
    }
    const open = identity ? identity.restaurantId : this.#withoutToken(asked)
    if (open !== null) return void this.#join(member, asked, open, identity)
    const late = () => session.close(closeCodes.notSignedIn, 'no token')
    member.deadline = setTimeout(late, limits.socketSignInMillis).unref()
  }

  /** The restaurant that a socket without a token may hear, where the operator lets such in. */
  #withoutToken({ named }: Asked): string | null {
    const { tokenless } = this.#deps
    if (tokenless === 'off') return null
    const wanted = named !== null && isId(named) ? named : null
    if (tokenless === 'on') return wanted
    return wanted === null || wanted === tokenless ? tokenless : null
  }

  async #join(member: Member, asked: Asked, restaurantId: string, identity: Proven | null): Promise<void> {
    const { session, hearing } = member
    member.asked = null
    if (identity && !member.gone) this.#watch(member, identity)
    member.restaurantId = restaurantId
    if (member.deadline) clearTimeout(member.deadline)
    member.deadline = null
    try {
      member.restaurantId = await this.#feed.join(restaurantId, hearing, session, this.#firstFrame(asked, restaurantId))
      if (member.gone) this.#feed.leave(restaurantId, hearing, session)
    } catch (error) {
      this.#deps.log.warn({ err: error, restaurantId }, 'a socket could not start to listen')
      session.close(closeCodes.goingAway, 'try again')
    }
  }

  #firstFrame({ hearing, echo }: Asked, restaurantId: string): string {
    const restaurant_id = echo ?? restaurantId
    return kindOf(hearing) === 'realtime'
      ? this.#frame({ type: 'restaurant_connect', restaurant_id, platform: 'iOS', timestamp: this.#now() })
      : this.#frame({ type: 'connection_established', restaurant_id, timestamp: this.#now(), server_version: '1.0.0' })
  }

  async #onText(member: Member, text: string): Promise<void> {
    const message = jsonObject(text)
    if (member.asked) return this.#signIn(member, member.asked, message)
    if (message?.['type'] === 'ping') return member.session.send(this.#frame({ type: 'pong', timestamp: this.#now() }))
    const { restaurantId, staffId } = member
    if (message && member.hearing === 'sync' && restaurantId !== null && !member.asking) {
      member.asking = true
      // A socket without a token may read what it hears anyway.
      const context: Context = { restaurantId, actor: { staffId, role: 'host' } }
      const answer = await answerSyncRequest(this.#deps, context, message)
      member.asking = false
      if (answer) member.session.send(this.#frame(answer))
    }
  }

  async #signIn(member: Member, asked: Asked, message: Record<string, unknown> | null): Promise<void> {
    const { session } = member
    const token = message?.['type'] === 'authenticate' ? message['token'] : undefined
    if (typeof token !== 'string') return session.close(closeCodes.notSignedIn, 'the first message must be the token')
    member.asked = null
    try {
      const { admitted: identity } = await this.#deps.identities.admit(token, reachOf(asked))
      if (!identity) return session.close(closeCodes.notSignedIn, 'token refused')
      if (this.#feed.isFull(identity.restaurantId)) return session.close(closeCodes.tooSlow, 'too many sockets')
      await this.#join(member, asked, identity.restaurantId, identity)
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'a token could not be checked')
      session.close(closeCodes.goingAway, 'try again')
    }
  }

  #onGone(member: Member): void {
    member.gone = true
    if (member.deadline) clearTimeout(member.deadline)
    this.#members.delete(member.session)
    if (member.restaurantId !== null) this.#feed.leave(member.restaurantId, member.hearing, member.session)
    this.#deps.access.forget(member)
  }

  #sweep(): void {
    const now = Date.now()
    for (const session of this.#members.keys()) session.sweep(now)
  }

  #watch(member: Member, { staffId, role, signInId, generation }: Proven): void {
    member.staffId = staffId
    member.role = role
    member.signInId = signInId
    member.generation = generation
    this.#deps.access.register(member)
  }

  #now(): string {
    return socketTime(this.#deps.clock.now())
  }

  #frame(message: object): string {
    return pythonJson(message)
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

function tokenOf(request: IncomingMessage): string | null {
  const bearer = bearerOf(request.headers.authorization)
  if (bearer.kind === 'token') return bearer.token
  if (bearer.kind === 'other-scheme') return ''
  return new URL(request.url ?? '/', 'http://host').searchParams.get('token')
}

/** The sync socket may leave the restaurant out, or name it by a number: the token's is meant. */
const reachOf = ({ hearing, named }: Asked): Reach => (hearing === 'sync' && named === null ? 'own' : () => named)

const refuse = (socket: Duplex, status: 403 | 503): void =>
  refuseHandshake(socket, status === 403 ? '403 Forbidden' : '503 Service Unavailable\r\nRetry-After: 1')
