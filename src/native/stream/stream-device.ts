import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Db } from '../../platform/database/db.ts'
import { AppError } from '../../platform/errors.ts'
import { limits } from '../../platform/limits.ts'
import { jsonObject } from '../../platform/json-object.ts'
import type { Logger } from '../../platform/observability/log.ts'
import type { Frame } from '../../sockets/ws-frame.ts'
import type { LiveFloor } from '../../changes/floor/live-floor.ts'
import { said, type BeginsAnew, type Hello } from './protocol.ts'
import { closeCodes, Session, type SessionOwner, type SessionTimes } from '../../sockets/session.ts'
import type { AccessReview } from '../../staff/access/access-review.ts'
import type { Identities } from '../../staff/access/identify.ts'
import { Admission } from './admission.ts'
import type { Follower, RoomDeps, StreamRoom } from './stream-room.ts'

/** What the stream stands on. */
export interface StreamDeps extends RoomDeps {
  readonly db: Db
  readonly log: Logger
  readonly identities: Identities
  readonly access: AccessReview
  readonly times: SessionTimes
}

/** Where a device stands that has said hello. */
type Place = { readonly epoch: string; readonly since: number; readonly at?: Hello['at'] }

/** Where a device is: its restaurant and its connection. `token`: the handshake's, if it had one. */
interface Whereabouts {
  readonly restaurantId: string
  readonly ws: WebSocket
  readonly connection: Duplex
  readonly token: string | null
}

/** What a device asks of the stream that it belongs to. */
interface Surroundings {
  /** The room of a restaurant, opened for its first device. */
  room(restaurantId: string): StreamRoom
  gone(device: StreamDevice): void
}

/**
 * One device on the native stream: says hello, is brought to where the floor stands, and then hears every change. While it is brought up it is not among those that hear: what comes
 * meanwhile is read again from memory or from the log, so a slow device holds nothing but what is on its way to it.
 */
export class StreamDevice implements Follower, SessionOwner {
  #restaurantId: string
  readonly #deps: StreamDeps
  readonly #around: Surroundings
  readonly #session: Session
  /** Until it has said who it is. */
  #deadline: NodeJS.Timeout | null
  /** The token of the newest hello that had one, or of the handshake. */
  #token: string | null
  #admission: Admission | null = null
  #room: StreamRoom | null = null
  #floor: LiveFloor | null = null
  /** The change that it was sent last. */
  #seq = 0
  /** The change that it said last that it shows. */
  #applied = 0
  /** Counts the beginnings: one that isn't the newest any more stops. */
  #turn = 0
  /** The beginning whose place in the log is looked into. */
  #placing: number | null = null
  #helloAt = -Infinity
  #gone = false

  constructor({ restaurantId, ws, connection, token }: Whereabouts, deps: StreamDeps, surroundings: Surroundings) {
    this.#restaurantId = restaurantId
    this.#token = token
    this.#deps = deps
    this.#around = surroundings
    this.#session = new Session(ws, connection, deps.outbox, this, deps.times, Date.now())
    const late = () => this.close(closeCodes.notSignedIn, 'no hello')
    this.#deadline = setTimeout(late, limits.socketSignInMillis).unref()
  }

  /** Bytes that it has not taken yet. */
  get backlogBytes(): number {
    return this.#session.backlogBytes
  }

  tell(seq: number, frame: Frame): void {
    this.#seq = seq
    this.#session.send(frame)
  }

  send(frame: string | Frame): void {
    this.#session.send(frame)
  }

  sweep(now: number): void {
    this.#session.sweep(now)
  }

  close(code: number, reason: string): void {
    this.#turn++
    this.#session.close(code, reason)
  }

  terminate(): void {
    this.#session.terminate()
  }

  /** The process is leaving. */
  sendAway(): void {
    const afterMillis = Math.floor(this.#deps.random() * limits.reconnectSpreadMillis)
    this.send(JSON.stringify({ type: 'reconnect', afterMillis, reason: 'the server is stopping' }))
    this.close(closeCodes.goingAway, 'server stopping')
  }

  lost(): void {
    this.close(closeCodes.goingAway, 'the log cannot be read')
  }

  /** The stream has heartbeats of its own, with the head in them. */
  heartbeat(): null {
    return null
  }

  beginAnew(): void {
    // Where it stands is looked into right now: it may come from the new log, and is told so after that.
    if (this.#floor && this.#placing !== this.#turn) void this.#bringUp(++this.#turn, null, 'epoch')
  }

  onText(_: Session, text: string): void {
    const message = jsonObject(text)
    const type = message?.['type']
    if (type === 'hello') return void this.#hello(message)
    if (!this.#room) return this.close(closeCodes.badMessage, 'the first message is hello')
    if (type === 'ping') return this.send('{"type":"pong"}')
    if (type === 'applied') return this.#onApplied(message)
    if (typeof type !== 'string') this.close(closeCodes.badMessage, 'a message is a JSON object with a type')
  }

  /** Of changes that it was told as they came: those that it had missed are old. */
  #onApplied(message: unknown): void {
    const parsed = said.applied.safeParse(message)
    if (!parsed.success || parsed.data.seq <= this.#applied || parsed.data.seq > this.#seq) return
    this.#applied = parsed.data.seq
    const at = this.#floor?.timeOf(parsed.data.seq) ?? null
    if (at !== null) this.#deps.outbox.applied(at)
  }

  async #hello(message: unknown): Promise<void> {
    const parsed = said.hello.safeParse(message)
    if (!parsed.success) {
      const { path, message: why } = parsed.error.issues[0]!
      return this.close(closeCodes.badMessage, `hello: ${path.join('.')} ${why}`.slice(0, 120))
    }
    const turn = ++this.#turn
    try {
      if (!(await this.#mayEnter(parsed.data.token)) || turn !== this.#turn || this.#gone) return
      await this.#pace()
      if (turn !== this.#turn || this.#gone) return
      const { epoch, since, at } = parsed.data
      const place = epoch === undefined || since === undefined ? null : { epoch, since, at }
      await this.#enter()
      await this.#bringUp(turn, place, 'new')
    } catch (error) {
      this.#deps.log.warn({ err: error, restaurantId: this.#restaurantId }, 'a device could not be brought up')
      this.lost()
    }
  }

  /** Whether it is known and belongs here; closes the socket otherwise. Asked at each hello, never remembered from an earlier one. */
  async #mayEnter(token: string | undefined): Promise<boolean> {
    this.#token = token ?? this.#token
    const verdict = await this.#deps.identities.admit(this.#token ?? '', () => this.#restaurantId)
    if (this.#gone) return false
    if (!verdict.admitted) {
      const isUnknown = verdict.why === 'unknown' || verdict.why === 'inactive'
      if (isUnknown) this.close(closeCodes.notSignedIn, 'no valid token')
      else this.close(closeCodes.notAllowed, 'not this restaurant, or it is suspended')
      return false
    }
    this.#endDeadline()
    const { access } = this.#deps
    if (this.#admission) access.forget(this.#admission)
    this.#admission = new Admission(verdict.admitted, this)
    access.register(this.#admission)
    return true
  }

  #endDeadline(): void {
    if (this.#deadline) clearTimeout(this.#deadline)
    this.#deadline = null
  }

  /** A hello costs: the next one waits its time. */
  async #pace(): Promise<void> {
    const wait = this.#helloAt + limits.streamHelloMillis - performance.now()
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
    this.#helloAt = performance.now()
  }

  async #enter(): Promise<void> {
    if (this.#room) return this.#room.pause(this)
    const room = this.#around.room(this.#restaurantId)
    if (room.isFull) return this.close(closeCodes.tooSlow, 'too many sockets')
    this.#room = room
    // The same text for all of them: its own is a part of its address, and keeps that.
    this.#restaurantId = room.restaurantId
    this.#floor = await room.enter(this)
    if (this.#gone) room.leave(this)
  }

  /** Brings the device from its place to where the floor stands, and lets it follow. `turn` is this beginning's number. */
  async #bringUp(turn: number, place: Place | null, otherwise: BeginsAnew): Promise<void> {
    const floor = this.#floor
    if (!floor || turn !== this.#turn || this.#gone) return
    const reason = place ? await this.#lookInto(turn, floor, place) : otherwise
    if (turn !== this.#turn || this.#gone) return
    const { epoch, seq } = floor.floor.standing
    if (reason === null) this.send(JSON.stringify({ type: 'resumed', epoch, head: seq }))
    else this.#sendSnapshot(floor, reason)
    if (reason === null) this.#seq = place!.since
    while (turn === this.#turn && !this.#gone) {
      await this.#session.drained()
      if (turn !== this.#turn || this.#gone) return
      const recent = floor.after(this.#seq)
      if (recent?.length === 0) return this.#room!.follow(this)
      if (!(await this.#sendMissed(turn, recent))) return
    }
  }

  /** As `#reasonAgainst`; meanwhile the log may begin anew. */
  async #lookInto(turn: number, live: LiveFloor, place: Place): Promise<BeginsAnew | null> {
    this.#placing = turn
    const reason = await this.#reasonAgainst(live, place)
    if (this.#placing === turn) this.#placing = null
    return reason === null && place.epoch !== live.floor.standing.epoch ? 'epoch' : reason
  }

  /** Why a device can't go on from its place, or null when it can. */
  async #reasonAgainst(live: LiveFloor, place: Place): Promise<BeginsAnew | null> {
    const isOfFloor = () => place.epoch === live.floor.standing.epoch
    // The device may come from a process that knew of a new epoch before this one: it must not step back, and begin anew twice.
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

  /** Sends changes after the last one sent: those in memory, or where it doesn't have them the log's. False: this beginning is over. */
  async #sendMissed(turn: number, recent: readonly { seq: number; text: string }[] | null): Promise<boolean> {
    const { catchUp } = this.#room!
    const missed = recent ? { kind: 'steps' as const, steps: catchUp.recent(recent) } : await catchUp.page(this.#seq)
    if (turn !== this.#turn || this.#gone) return false
    if (missed.kind === 'resync') {
      void this.#bringUp(++this.#turn, null, missed.reason)
      return false
    }
    for (const { last, frame } of missed.steps) {
      this.#seq = last
      this.#applied = last
      this.send(frame)
      await this.#session.drained()
      if (turn !== this.#turn || this.#gone) return false
    }
    return true
  }

  #sendSnapshot({ floor }: LiveFloor, reason: BeginsAnew): void {
    const { epoch, seq } = floor.standing
    this.send(JSON.stringify({ type: 'resync', reason, epoch, head: seq }))
    this.send(this.#room!.catchUp.snapshot(floor))
    this.#seq = seq
    this.#applied = seq
  }

  onGone(): void {
    this.#gone = true
    this.#endDeadline()
    if (this.#admission) this.#deps.access.forget(this.#admission)
    this.#room?.leave(this)
    this.#around.gone(this)
  }
}
