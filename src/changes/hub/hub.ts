import type { Db } from '../../platform/database/db.ts'
import type { Logger } from '../../platform/observability/log.ts'
import { limits } from '../../platform/limits.ts'
import { AppError, assert } from '../../platform/errors.ts'
import { every } from '../../platform/shared-timer.ts'
import { aheadOfLog, changesAfter, headsOf, type Change, type Head } from '../log/log.ts'
import {
  advance,
  askNext,
  isAnyInDoubt,
  lagOf,
  newRoom,
  noteBehind,
  restart,
  type Lag,
  type Listener,
  type RanBack,
  type ResetListener,
  type Room,
  type Wire,
} from './room.ts'

/**
 * Delivers changes in order. A change that follows the last delivered one goes straight to the listeners; a missing
 * one is read from the log. So callers of `publish` may forget, repeat or reorder: listeners receive everything once
 * and in order, at worst one poll of the heads later.
 */
export class Hub {
  readonly #db: Db
  readonly #log: Logger
  readonly #rooms = new Map<string, Room>()
  readonly #stopPolling: () => void
  readonly #renew: RanBack | undefined
  #wire: Wire | null = null
  #polling = false
  #ticks = 0

  /** `isSole`: no other process writes to this database, so the heads are polled rarely. */
  constructor(db: Db, log: Logger, pollMillis: number = limits.headPollMillis, isSole = false, ranBack?: RanBack) {
    this.#renew = ranBack
    this.#db = db
    this.#log = log
    const seldom = isSole ? limits.solePollTicks : 1
    this.#stopPolling = every(pollMillis, () => {
      if (++this.#ticks % seldom === 0 || isAnyInDoubt(this.#rooms.values())) void this.poll()
    })
  }

  /** The number of restaurants with listeners, and of changes that wait for their turn. */
  get figures(): { rooms: number; early: number } {
    const early = [...this.#rooms.values()].reduce((sum, room) => sum + room.early.size, 0)
    return { rooms: this.#rooms.size, early }
  }

  /** The number of known but undelivered changes, and for how many seconds the oldest has been known. */
  get lag(): Lag {
    return lagOf(this.#rooms.values())
  }

  /** Tells a wire which restaurants have listeners, the current ones included. */
  connect(wire: Wire): void {
    this.#wire = wire
    for (const restaurantId of this.#rooms.keys()) wire.watch(restaurantId)
  }

  /** Starts listening: every later commit is delivered. Rejects without the database. Call the result to stop. */
  async subscribe(
    restaurantId: string,
    onChange: Listener,
    onReset: ResetListener = () => undefined,
  ): Promise<() => void> {
    const room = this.#rooms.get(restaurantId) ?? this.#open(restaurantId)
    const subscriber = { onChange, onReset }
    room.subscribers.add(subscriber)
    const stop = () => {
      room.subscribers.delete(subscriber)
      if (room.subscribers.size > 0 || this.#rooms.get(restaurantId) !== room) return
      this.#rooms.delete(restaurantId)
      this.#wire?.unwatch(restaurantId)
    }
    try {
      await room.ready
      return stop
    } catch (error) {
      stop()
      throw error
    }
  }

  /** Takes in a committed change. */
  publish(change: Change): void {
    const room = this.#rooms.get(change.restaurantId)
    if (room) this.#take(room, change)
  }

  /**
   * The newest change of a restaurant that this process knows of, delivered or not. It includes what this process
   * commits before its caller is answered. Null without listeners, and while the outcome of a commit is unknown.
   */
  newest(restaurantId: string): Pick<Head, 'epoch' | 'seq'> | null {
    const room = this.#rooms.get(restaurantId)
    if (!room?.at || room.isInDoubt) return null
    return room.behind ? { epoch: room.at.epoch, seq: room.behind.seq } : room.at
  }

  /** A commit's answer was lost, so nobody may publish its change. It is looked for until the database answers. */
  doubt(restaurantId: string): void {
    const room = this.#rooms.get(restaurantId)
    if (!room) return
    room.isInDoubt = true
    void this.#compare([room])
  }

  /** Whether listeners have not received a change yet: a wire may skip parsing one that they have. */
  awaits(restaurantId: string, epoch: string, seq: number): boolean {
    const room = this.#rooms.get(restaurantId)
    return room !== undefined && (room.at === null || room.at.epoch !== epoch || room.at.seq < seq)
  }

  /** Notes that the log of a restaurant has reached `seq`. */
  hint(restaurantId: string, epoch: string, seq: number): void {
    const room = this.#rooms.get(restaurantId)
    if (!room?.at) return
    if (room.at.epoch !== epoch) void this.#compare([room])
    else void this.#fill(room, seq)
  }

  /**
   * Resolves when the listeners of a restaurant have received everything up to `seq`. Throws `AppError` ahead-of-log
   * (409) when the log does not reach that far, and busy (503) when it cannot be read.
   */
  async catchUp(restaurantId: string, seq: number): Promise<void> {
    const room = this.#rooms.get(restaurantId)
    assert(room, 'only a restaurant that is listened to can be caught up with')
    await room.ready
    if (room.at!.seq >= seq) return
    const { seq: head } = (await headsOf(this.#db, [restaurantId])).get(restaurantId)!
    if (head < seq) throw aheadOfLog(head, seq)
    await this.#fill(room, seq)
    if (room.at!.seq < seq) throw new AppError('busy', 503, 'The change log could not be read')
  }

  /** Compares the heads of all rooms with what was delivered and reads what is missing. Never rejects. */
  async poll(): Promise<void> {
    if (this.#polling || this.#rooms.size === 0) return
    this.#polling = true
    await this.#compare([...this.#rooms.values()])
    this.#polling = false
  }

  /** Forgets every listener and stops the poll. */
  close(): void {
    this.#stopPolling()
    for (const restaurantId of this.#rooms.keys()) this.#wire?.unwatch(restaurantId)
    this.#rooms.clear()
  }

  async #compare(rooms: readonly Room[]): Promise<void> {
    try {
      const known = rooms.map(({ restaurantId, at, isInDoubt }) => [restaurantId, at, isInDoubt] as const)
      const heads = await headsOf(
        this.#db,
        known.map(([restaurantId]) => restaurantId),
      )
      for (const [restaurantId, before, wasInDoubt] of known) {
        const head = heads.get(restaurantId)
        const room = this.#rooms.get(restaurantId)
        // Code that moved listeners to another epoch meanwhile knew more than this answer.
        if (!head || !room?.at || !before || room.at.epoch !== before.epoch) continue
        if (head.epoch !== before.epoch) this.#reset(room, head)
        // The heads are compared with what was delivered before the query: more may have arrived since.
        else if (head.seq < before.seq) this.#ranBack(room, head)
        else await this.#fill(room, head.seq)
        if (wasInDoubt && room.at.seq >= head.seq) room.isInDoubt = false
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'the heads of the change logs could not be read; trying again')
    }
  }

  #reset(room: Room, head: Pick<Head, 'epoch' | 'seq'>): void {
    this.#log.warn({ restaurantId: room.restaurantId, was: room.at, is: head }, 'the change log has begun anew')
    restart(room, head)
    for (const { onReset } of room.subscribers) onReset()
  }

  #open(restaurantId: string): Room {
    const start = async () => {
      const heads = await headsOf(this.#db, [restaurantId])
      const head = heads.get(restaurantId)
      assert(head !== undefined, `restaurant ${restaurantId} has no change log`)
      room.at = head
      this.#drain(room)
    }
    const room = newRoom(restaurantId, Promise.resolve().then(start))
    this.#rooms.set(restaurantId, room)
    this.#wire?.watch(restaurantId)
    return room
  }

  #take(room: Room, change: Change): void {
    if (room.at && room.at.epoch !== change.epoch) return void this.#compare([room])
    if (room.at && change.seq <= room.at.seq) return this.#hearAgain(room, change)
    // Beyond the limit, the log still has it.
    if (room.early.size < limits.changesPerRead) room.early.set(change.seq, change)
    if (!room.at) return
    this.#drain(room)
    if (room.early.size > 0) void this.#fill(room, change.seq)
  }

  /** A change whose number was delivered: mostly the same one. A different one ends the epoch. */
  #hearAgain(room: Room, { seq, at }: Change): void {
    const known = room.times.get(seq)
    if (known === undefined) void this.#compare([room])
    else if (known !== at) this.#ranBack(room, { epoch: room.at!.epoch, seq: seq - 1 })
  }

  /** The log ends before what was delivered, or repeated a number: listeners may continue only in a new epoch. */
  #ranBack(room: Room, head: Pick<Head, 'epoch' | 'seq'>): void {
    const { restaurantId, isRenewing } = room
    if (!this.#renew) return this.#reset(room, head)
    if (isRenewing) return
    room.isRenewing = true
    this.#log.error({ restaurantId, was: room.at, is: head }, 'a change log ran back: it gets a new epoch')
    void this.#renew(restaurantId, head.epoch)
      .then(() => this.#compare([room]))
      .catch((error: unknown) => this.#log.error({ err: error }, 'no new epoch could be given: trying again'))
      .finally(() => (room.isRenewing = false))
  }

  /** Resolves when the listeners are in the database's current epoch. Rejects when the database cannot be asked. */
  confirm(restaurantId: string): Promise<void> {
    const room = this.#rooms.get(restaurantId)
    assert(room, 'only a restaurant that is listened to can be confirmed')
    return askNext(room, async () => {
      const before = room.at
      const head = (await headsOf(this.#db, [restaurantId])).get(restaurantId)
      if (head && before && room.at?.epoch === before.epoch && head.epoch !== before.epoch) this.#reset(room, head)
    })
  }

  #drain(room: Room): void {
    assert(room.at, 'a room is drained once its head is known')
    for (const [seq, { epoch }] of room.early) if (seq <= room.at.seq || epoch !== room.at.epoch) room.early.delete(seq)
    for (let next = room.early.get(room.at.seq + 1); next; next = room.early.get(room.at.seq + 1)) {
      room.early.delete(next.seq)
      this.#deliver(room, next)
    }
  }

  #deliver(room: Room, change: Change): void {
    advance(room, change)
    for (const { onChange } of room.subscribers) {
      try {
        onChange(change)
      } catch (error) {
        this.#log.error({ err: error, restaurantId: room.restaurantId, seq: change.seq }, 'a listener threw')
      }
    }
  }

  /** Reads what is missing up to `target` from the log, one read at a time. Never rejects: the next poll retries. */
  async #fill(room: Room, target: number): Promise<void> {
    if (room.at!.seq >= target) return
    noteBehind(room, target)
    while (room.filling) await room.filling
    if (room.at!.seq >= target) return
    room.filling = this.#read(room, target)
    await room.filling
  }

  async #read(room: Room, target: number): Promise<void> {
    try {
      // Slightly reordered changes of this process are on their way: wait for them before asking the database.
      await new Promise((resolve) => setImmediate(resolve))
      // Everything before a committed seq is committed too, so reading closes any gap.
      while (this.#rooms.get(room.restaurantId) === room && room.at!.seq < Math.max(target, ...room.early.keys())) {
        const from = room.at!.seq
        const page = await changesAfter(this.#db, room.restaurantId, from)
        for (const change of page) {
          if (change.epoch !== room.at!.epoch) return
          if (change.seq === room.at!.seq + 1) this.#deliver(room, change)
        }
        this.#drain(room)
        if (room.at!.seq === from) break
      }
    } catch (error) {
      this.#log.warn(
        { err: error, restaurantId: room.restaurantId },
        'a gap could not be filled; the next poll tries again',
      )
    } finally {
      room.filling = null
    }
  }
}
