import type { Db } from '../platform/db.ts'
import type { Logger } from '../platform/log.ts'
import { limits } from '../platform/limits.ts'
import { assert } from '../platform/errors.ts'
import { changesAfter, headsOf, type Change } from './log.ts'

/** Hears every change of one restaurant after the moment it subscribed: each once, in the order of seq. Must not throw. */
export type Listener = (change: Change) => void

interface Room {
  readonly restaurantId: string
  readonly listeners: Set<Listener>
  /** The newest seq that listeners have heard; null until the head is known. */
  delivered: number | null
  /** Changes that came before their turn. */
  readonly early: Map<number, Change>
  readonly ready: Promise<void>
  filling: boolean
}

/**
 * Delivers changes in order. A change that follows the last delivered one goes straight to the listeners; when one is missing, it is read from the
 * log, which has every change up to any that was committed. So whoever calls `publish` may forget, repeat or reorder: listeners hear
 * everything once and in order, at worst one poll of the heads later.
 */
export class Hub {
  readonly #db: Db
  readonly #log: Logger
  readonly #rooms = new Map<string, Room>()
  readonly #timer: NodeJS.Timeout
  #polling = false

  constructor(db: Db, log: Logger, pollMillis: number = limits.headPollMillis) {
    this.#db = db
    this.#log = log
    this.#timer = setInterval(() => void this.poll(), pollMillis)
    this.#timer.unref()
  }

  /** Restaurants listened to, and changes that wait for their turn. */
  get figures(): { rooms: number; early: number } {
    let early = 0
    for (const room of this.#rooms.values()) early += room.early.size
    return { rooms: this.#rooms.size, early }
  }

  /**
   * Starts listening; resolves when every change that commits from now on will be heard. Rejects when the database can't be
   * asked where the log stands. Call the result to stop.
   */
  async subscribe(restaurantId: string, listener: Listener): Promise<() => void> {
    let room = this.#rooms.get(restaurantId)
    if (!room) {
      room = this.#open(restaurantId)
      this.#rooms.set(restaurantId, room)
    }
    const mine = room
    mine.listeners.add(listener)
    const stop = () => {
      mine.listeners.delete(listener)
      if (mine.listeners.size === 0 && this.#rooms.get(restaurantId) === mine) this.#rooms.delete(restaurantId)
    }
    try {
      await mine.ready
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

  /** Compares the heads of all rooms with what was delivered and fetches what is missing. Never rejects. */
  async poll(): Promise<void> {
    if (this.#polling || this.#rooms.size === 0) return
    this.#polling = true
    try {
      const heads = await headsOf(this.#db, [...this.#rooms.keys()])
      for (const [restaurantId, seq] of heads) {
        const room = this.#rooms.get(restaurantId)
        if (room && room.delivered !== null && seq > room.delivered) await this.#fill(room, seq)
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'the heads of the change logs could not be read; trying again')
    } finally {
      this.#polling = false
    }
  }

  /** Forgets every listener and stops the poll. */
  close(): void {
    clearInterval(this.#timer)
    this.#rooms.clear()
  }

  #open(restaurantId: string): Room {
    const start = async () => {
      const heads = await headsOf(this.#db, [restaurantId])
      const head = heads.get(restaurantId)
      assert(head !== undefined, `restaurant ${restaurantId} has no change log`)
      room.delivered = head
      this.#drain(room)
    }
    const room: Room = {
      restaurantId,
      listeners: new Set(),
      delivered: null,
      early: new Map(),
      ready: Promise.resolve().then(start),
      filling: false,
    }
    return room
  }

  #take(room: Room, change: Change): void {
    if (room.delivered !== null && change.seq <= room.delivered) return
    // Beyond the limit the log has it all the same.
    if (room.early.size < limits.changesPerRead) room.early.set(change.seq, change)
    if (room.delivered === null) return
    this.#drain(room)
    if (room.early.size > 0) void this.#fill(room, change.seq)
  }

  #drain(room: Room): void {
    assert(room.delivered !== null, 'a room is drained once its head is known')
    for (const seq of room.early.keys()) if (seq <= room.delivered) room.early.delete(seq)
    for (let next = room.early.get(room.delivered + 1); next; next = room.early.get(room.delivered + 1)) {
      room.early.delete(next.seq)
      this.#deliver(room, next)
    }
  }

  #deliver(room: Room, change: Change): void {
    room.delivered = change.seq
    for (const listener of room.listeners) {
      try {
        listener(change)
      } catch (error) {
        this.#log.error({ err: error, restaurantId: room.restaurantId, seq: change.seq }, 'a listener threw')
      }
    }
  }

  /** Reads what is missing up to `target` from the log. A seq that is committed has all before it committed too, so reading closes any gap. */
  async #fill(room: Room, target: number): Promise<void> {
    if (room.filling) return
    room.filling = true
    try {
      // Changes of this process that are a moment out of order are on their way: let them come before asking the database.
      await new Promise((resolve) => setImmediate(resolve))
      while (this.#rooms.get(room.restaurantId) === room && room.delivered! < Math.max(target, ...room.early.keys())) {
        const page = await changesAfter(this.#db, room.restaurantId, room.delivered!)
        if (page.length === 0) break
        for (const change of page) if (change.seq === room.delivered! + 1) this.#deliver(room, change)
        this.#drain(room)
      }
    } catch (error) {
      this.#log.warn(
        { err: error, restaurantId: room.restaurantId },
        'a gap could not be filled; the next poll tries again',
      )
    } finally {
      room.filling = false
    }
  }
}
