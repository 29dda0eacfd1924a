import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Clock } from '../../platform/clock.ts'
import { isId } from '../../platform/ids.ts'
import { jsonObject } from '../../platform/json-object.ts'
import type { Logger } from '../../platform/observability/log.ts'
import { closeCodes, endings, type Ending } from '../../sockets/endings.ts'
import type { Outbox } from '../../sockets/outbox.ts'
import { Session, type SessionOwner, type SessionTimes } from '../../sockets/session.ts'
import type { DoorSocket } from '../../sockets/socket-door.ts'
import type { Reach } from '../../staff/access/access.ts'
import type { AccessReview } from '../../staff/access/access-review.ts'
import { Admission } from '../../staff/access/admission.ts'
import type { Identities } from '../../staff/access/identify.ts'
import type { Proven } from '../../staff/staff.ts'
import type { IosDeps } from '../route.ts'
import { socketTime } from '../times.ts'
import type { Feed } from './feed.ts'
import type { Hearing } from './messages.ts'
import { pythonJson } from './python-json.ts'
import { answerSyncRequest } from './sync-requests.ts'

/** What the sockets stand on. */
export interface SocketDeps extends Pick<IosDeps, 'db' | 'historyDays' | 'floorDays' | 'answers'> {
  readonly identities: Identities
  readonly access: AccessReview
  readonly clock: Clock
  readonly log: Logger
  readonly times: SessionTimes
  /** `off`, `on`, or the one restaurant that sockets without a token may hear. */
  readonly tokenless: string
}

/** What a handshake asked for. `named`: the restaurant id as sent; `echo`: the id as the first message repeats it. */
export interface Asked {
  readonly hearing: Hearing
  readonly named: string | null
  readonly echo: string | number | null
}

/** What a socket is made of. `admitted`: the identity of the handshake's token; null where it had none. */
interface Made {
  readonly ws: WebSocket
  readonly connection: Duplex
  readonly outbox: Outbox
  readonly asked: Asked
  readonly admitted: Proven | null
}

/** The endings that only the iPad's sockets have. */
const iosEndings = {
  firstIsToken: [closeCodes.notSignedIn, 'the first message must be the token'],
  noToken: [closeCodes.notSignedIn, 'no token'],
  refused: [closeCodes.notSignedIn, 'token refused'],
  tryAgain: [closeCodes.goingAway, 'try again'],
} as const satisfies Readonly<Record<string, Ending>>

export const kindOf = (hearing: Hearing): 'realtime' | 'sync' => (hearing === 'sync' ? 'sync' : 'realtime')

/** The sync socket may leave the restaurant out, or name it by a number: then the token's restaurant is meant. */
export const reachOf = ({ hearing, named }: Asked): Reach =>
  hearing === 'sync' && named === null ? 'own' : () => named

/** What the sockets share. */
export interface Surroundings {
  readonly deps: SocketDeps
  readonly feed: Feed
  gone(socket: IosSocket): void
}

/** One socket of the iPad. There are thousands: it makes nothing that it does not need while it is idle. */
export class IosSocket implements DoorSocket, SessionOwner {
  readonly session: Session
  readonly hearing: Hearing
  readonly #around: Surroundings
  /** What it asked for, until its token is there. */
  #asked: Asked | null
  /** The identity of the handshake's token, until the socket begins. */
  #admitted: Proven | null
  /** The restaurant that it was let in to. */
  #restaurantId: string | null = null
  /** Null where no token was asked for. */
  #admission: Admission | null = null
  /** Whether a request is being answered: one at a time. */
  #isAnswering = false
  #isGone = false

  constructor({ ws, connection, outbox, asked, admitted }: Made, around: Surroundings) {
    this.#around = around
    this.#asked = asked
    this.#admitted = admitted
    this.hearing = asked.hearing
    this.session = new Session(ws, connection, outbox, this, around.deps.times, Date.now())
  }

  begin(): void {
    const asked = this.#asked!
    const admitted = this.#admitted
    this.#admitted = null
    const open = admitted ? admitted.restaurantId : this.#withoutToken(asked)
    if (open !== null) void this.#join(asked, open, admitted)
    else this.session.awaitSignIn(() => this.session.close(...iosEndings.noToken))
  }

  sendAway(): void {
    this.session.close(...endings.stopping)
  }

  accessEnded(): void {
    this.session.close(...endings.accessEnded)
  }

  heartbeat(): string {
    return pythonJson({ type: 'heartbeat', timestamp: this.#now() })
  }

  onText(text: string): void {
    const message = jsonObject(text)
    if (this.#asked) void this.#signIn(this.#asked, message)
    else if (message?.['type'] === 'ping') this.session.send(pythonJson({ type: 'pong', timestamp: this.#now() }))
    else if (message && this.hearing === 'sync') void this.#answer(message)
  }

  onGone(): void {
    const { deps, feed } = this.#around
    this.#isGone = true
    this.#around.gone(this)
    if (this.#restaurantId !== null) feed.leave(this.#restaurantId, this.hearing, this.session)
    if (this.#admission) deps.access.forget(this.#admission)
  }

  /** The restaurant that a socket without a token may hear, where the operator lets such in. */
  #withoutToken({ named }: Asked): string | null {
    const { tokenless } = this.#around.deps
    if (tokenless === 'off') return null
    const wanted = named !== null && isId(named) ? named : null
    if (tokenless === 'on') return wanted
    return wanted === null || wanted === tokenless ? tokenless : null
  }

  async #signIn(asked: Asked, message: Record<string, unknown> | null): Promise<void> {
    const { deps, feed } = this.#around
    const token = message?.['type'] === 'authenticate' ? message['token'] : undefined
    if (typeof token !== 'string') return this.session.close(...iosEndings.firstIsToken)
    this.#asked = null
    try {
      const { admitted } = await deps.identities.admit(token, reachOf(asked))
      if (!admitted) return this.session.close(...iosEndings.refused)
      if (feed.isFull(admitted.restaurantId)) return this.session.close(...endings.tooMany)
      await this.#join(asked, admitted.restaurantId, admitted)
    } catch (error) {
      deps.log.warn({ err: error }, 'a token could not be checked')
      this.session.close(...iosEndings.tryAgain)
    }
  }

  async #join(asked: Asked, restaurantId: string, admitted: Proven | null): Promise<void> {
    const { deps, feed } = this.#around
    this.#asked = null
    if (admitted && !this.#isGone) {
      this.#admission = new Admission(admitted, this)
      deps.access.register(this.#admission)
    }
    this.#restaurantId = restaurantId
    this.session.signedIn()
    try {
      const first = pythonJson(this.#firstMessage(asked, restaurantId))
      this.#restaurantId = await feed.join(restaurantId, this.hearing, this.session, first)
      if (this.#isGone) feed.leave(restaurantId, this.hearing, this.session)
    } catch (error) {
      deps.log.warn({ err: error, restaurantId }, 'a socket could not start to listen')
      this.session.close(...iosEndings.tryAgain)
    }
  }

  #firstMessage({ hearing, echo }: Asked, restaurantId: string): object {
    const restaurant_id = echo ?? restaurantId
    return kindOf(hearing) === 'realtime'
      ? { type: 'restaurant_connect', restaurant_id, platform: 'iOS', timestamp: this.#now() }
      : { type: 'connection_established', restaurant_id, timestamp: this.#now(), server_version: '1.0.0' }
  }

  /** Answers a request on the sync socket. A socket without a token may read what it hears anyway. */
  async #answer(message: Record<string, unknown>): Promise<void> {
    if (this.#restaurantId === null || this.#isAnswering) return
    this.#isAnswering = true
    const actor = { staffId: this.#admission?.staffId ?? '', role: 'host' as const }
    const answer = await answerSyncRequest(this.#around.deps, { restaurantId: this.#restaurantId, actor }, message)
    this.#isAnswering = false
    if (answer) this.session.send(pythonJson(answer))
  }

  #now(): string {
    return socketTime(this.#around.deps.clock.now())
  }
}
