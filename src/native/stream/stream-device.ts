import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Db } from '../../platform/database/db.ts'
import { AppError } from '../../platform/errors.ts'
import { limits } from '../../platform/limits.ts'
import type { Logger } from '../../platform/observability/log.ts'
import { Session, type SessionOwner, type SessionTimes } from '../../sockets/session.ts'
import type { DoorSocket } from '../../sockets/socket-door.ts'
import type { Frame } from '../../sockets/ws-frame.ts'
import type { LiveFloor } from '../../changes/floor/live-floor.ts'
import type { Place } from '../../changes/log/since.ts'
import type { AccessReview } from '../../staff/access/access-review.ts'
import { Admission } from '../../staff/access/admission.ts'
import type { Identities } from '../../staff/access/identify.ts'
import type { Proven } from '../../staff/staff.ts'
import { next, type DeviceEvent, type DeviceState, type Effect } from './device-states.ts'
import { messageIn, type BeginsAnew } from './protocol.ts'
import type { Follower, RoomDeps, StreamRoom } from './stream-room.ts'

/** What the stream stands on. */
export interface StreamDeps extends RoomDeps {
  readonly db: Db
  readonly log: Logger
  readonly identities: Identities
  readonly access: AccessReview
  readonly times: SessionTimes
}

/** A device's restaurant and its connection. `token`: the handshake's; null where it had none. */
interface Whereabouts {
  readonly restaurantId: string
  readonly ws: WebSocket
  readonly connection: Duplex
  readonly token: string | null
}

/** What a device needs of the stream that it belongs to. */
interface Surroundings {
  /** The room of a restaurant, opened for its first device. */
  room(restaurantId: string): StreamRoom
  gone(device: StreamDevice): void
}

/**
 * One device on the native stream. `device-states.ts` decides what happens; this class turns messages and results into
 * events and applies the effects. While a device catches up it is not among those that hear changes: it reads them
 * later from memory or from the log, so that a slow device holds nothing but the frames on their way to it.
 */
export class StreamDevice implements Follower, SessionOwner, DoorSocket {
  readonly session: Session
  #restaurantId: string
  readonly #deps: StreamDeps
  readonly #around: Surroundings
  #state: DeviceState = { kind: 'silent' }
  /** The token of the newest hello that had one, or of the handshake. */
  #token: string | null
  #admission: Admission | null = null
  #room: StreamRoom | null = null
  #floor: LiveFloor | null = null
  /** The last change that it was sent. */
  #seq = 0
  /** The last change that it said it shows. */
  #applied = 0
  /** When a hello was answered last. */
  #helloAt = -Infinity
  #pacing: NodeJS.Timeout | null = null

  constructor({ restaurantId, ws, connection, token }: Whereabouts, deps: StreamDeps, surroundings: Surroundings) {
    this.#restaurantId = restaurantId
    this.#token = token
    this.#deps = deps
    this.#around = surroundings
    this.session = new Session(ws, connection, deps.outbox, this, deps.times, Date.now())
  }

  begin(): void {
    this.session.awaitSignIn(() => this.#on({ kind: 'late' }))
  }

  tell(seq: number, frame: Frame): void {
    this.#seq = seq
    this.session.send(frame)
  }

  send(frame: string | Frame): void {
    this.session.send(frame)
  }

  /** The process stops. */
  sendAway(): void {
    this.#on({ kind: 'stopping' })
  }

  accessEnded(): void {
    this.#on({ kind: 'access-ended' })
  }

  lost(): void {
    this.#on({ kind: 'lost' })
  }

  beginAnew(): void {
    this.#on({ kind: 'reset' })
  }

  /** None: the rooms send heartbeats of their own, with the head in them. */
  heartbeat(): null {
    return null
  }

  onText(text: string): void {
    this.#on(messageIn(text))
  }

  onGone(): void {
    this.#on({ kind: 'gone' })
  }

  #on(event: DeviceEvent): void {
    const [state, effects] = next(this.#state, event)
    this.#state = state
    // An effect that ends at once leads to the next event: such an effect is the last of its list.
    for (const effect of effects) this.#apply(effect)
  }

  #apply(effect: Effect): void {
    switch (effect.kind) {
      case 'check':
        return this.#run(this.#check(effect.attempt, effect.token))
      case 'admit':
        return this.#admit(effect.proven)
      case 'pace':
        return this.#pace(effect.attempt)
      case 'enter':
        return this.#run(this.#enter(effect.attempt))
      case 'find-place':
        return this.#run(this.#findPlace(effect.attempt, effect.place))
      case 'send-resumed':
        return this.#sendResumed(this.#floor!, effect.since)
      case 'send-snapshot':
        return this.#sendSnapshot(this.#floor!, effect.reason)
      case 'catch-up':
        return this.#run(this.#catchUp(effect.attempt, this.#floor!))
      case 'follow':
        return this.#room!.follow(this)
      case 'send-pong':
        return this.send('{"type":"pong"}')
      case 'note-applied':
        return this.#noteApplied(effect.seq)
      case 'send-reconnect':
        return this.#sendReconnect()
      case 'close':
        return this.session.close(...effect.ending)
      case 'leave':
        return this.#leave()
    }
  }

  /** Lets the work of an effect run. What it came to is an event of its own. */
  #run(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#deps.log.warn({ err: error, restaurantId: this.#restaurantId }, 'a device could not be brought up')
      this.#on({ kind: 'failed' })
    })
  }

  /** Asks for each hello anew whether the device is known and belongs here. */
  async #check(attempt: number, token: string | undefined): Promise<void> {
    this.#token = token ?? this.#token
    const verdict = await this.#deps.identities.admit(this.#token ?? '', () => this.#restaurantId, 'devices')
    if (verdict.admitted) this.#on({ kind: 'admitted', attempt, proven: verdict.admitted })
    else this.#on({ kind: 'refused', why: verdict.why })
  }

  #admit(proven: Proven): void {
    this.session.signedIn()
    this.#endReview()
    this.#admission = new Admission(proven, this)
    this.#deps.access.register(this.#admission)
  }

  #endReview(): void {
    if (this.#admission) this.#deps.access.forget(this.#admission)
  }

  #pace(attempt: number): void {
    const paced = () => {
      this.#helloAt = performance.now()
      this.#on({ kind: 'paced', attempt })
    }
    if (this.#pacing) clearTimeout(this.#pacing)
    const wait = this.#helloAt + limits.streamHelloMillis - performance.now()
    if (wait > 0) this.#pacing = setTimeout(paced, wait)
    else paced()
  }

  async #enter(attempt: number): Promise<void> {
    const room = this.#room ?? this.#around.room(this.#restaurantId)
    if (!this.#room && room.isFull) return this.#on({ kind: 'full', attempt })
    this.#room = room
    // All devices of a room share its text of the id. The device's own is a part of its address and would keep that.
    this.#restaurantId = room.restaurantId
    room.pause(this)
    this.#floor = await room.enter(this)
    this.#on({ kind: 'entered', attempt })
  }

  async #findPlace(attempt: number, place: Place): Promise<void> {
    const live = this.#floor!
    const reason = await this.#reasonAgainst(live, place)
    // Meanwhile the log may have begun anew.
    const isOver = reason === null && place.epoch !== live.floor.standing.epoch
    this.#on({ kind: 'placed', attempt, reason: isOver ? 'epoch' : reason })
  }

  /** Why the device cannot go on from its place, or null when it can. */
  async #reasonAgainst(live: LiveFloor, place: Place): Promise<BeginsAnew | null> {
    const isOfFloor = () => place.epoch === live.floor.standing.epoch
    // The device may come from a process that knew of a new epoch before this one. It must not step back to the old
    // epoch and then begin anew twice.
    if (!isOfFloor()) await live.confirm()
    if (!isOfFloor()) return 'epoch'
    try {
      await live.reach(place.since)
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'ahead-of-log') throw error
      await live.confirm()
      return isOfFloor() ? 'ahead' : 'epoch'
    }
    return this.#room!.catchUp.reasonAgainst(place, () => live.reasonAgainst(place))
  }

  #sendResumed({ floor }: LiveFloor, since: number): void {
    const { epoch, seq } = floor.standing
    this.send(JSON.stringify({ type: 'resumed', epoch, head: seq }))
    this.#seq = since
  }

  #sendSnapshot({ floor }: LiveFloor, reason: BeginsAnew): void {
    const { epoch, seq } = floor.standing
    this.send(JSON.stringify({ type: 'resync', reason, epoch, head: seq }))
    this.send(this.#room!.catchUp.snapshot(floor))
    this.#seq = seq
    this.#applied = seq
  }

  /** Sends what the device missed until it stands where the floor does. */
  async #catchUp(attempt: number, live: LiveFloor): Promise<void> {
    while (await this.#canGoOn(attempt)) {
      const recent = live.after(this.#seq)
      // At once: a change in between would be missed.
      if (recent?.length === 0) return this.#on({ kind: 'caught-up', attempt })
      await this.#sendMissed(attempt, recent)
    }
  }

  /** Sends the changes after the last one sent: those in memory, or the log's where memory does not reach back so far. */
  async #sendMissed(attempt: number, recent: readonly { seq: number; text: string }[] | null): Promise<void> {
    const { catchUp } = this.#room!
    const missed = recent ? { kind: 'steps' as const, steps: catchUp.recent(recent) } : await catchUp.page(this.#seq)
    if (!this.#isCatchingUp(attempt)) return
    if (missed.kind === 'resync') return this.#on({ kind: 'cut-off', attempt, reason: missed.reason })
    for (const { last, frame } of missed.steps) {
      this.#seq = last
      this.#applied = last
      this.send(frame)
      if (!(await this.#canGoOn(attempt))) return
    }
  }

  /** Waits until the device has taken nearly everything. False: this attempt is over. */
  async #canGoOn(attempt: number): Promise<boolean> {
    await this.session.drained()
    return this.#isCatchingUp(attempt)
  }

  #isCatchingUp(attempt: number): boolean {
    return this.#state.kind === 'catching-up' && this.#state.attempt === attempt
  }

  /** Counts changes that the device heard as they came. Those that it had missed are old. */
  #noteApplied(seq: number): void {
    if (seq <= this.#applied || seq > this.#seq) return
    this.#applied = seq
    const at = this.#floor?.timeOf(seq) ?? null
    if (at !== null) this.#deps.outbox.applied(at)
  }

  #sendReconnect(): void {
    const afterMillis = Math.floor(this.#deps.random() * limits.reconnectSpreadMillis)
    this.send(JSON.stringify({ type: 'reconnect', afterMillis, reason: 'the server is stopping' }))
  }

  #leave(): void {
    if (this.#pacing) clearTimeout(this.#pacing)
    this.#endReview()
    this.#room?.leave(this)
    this.#around.gone(this)
  }
}
