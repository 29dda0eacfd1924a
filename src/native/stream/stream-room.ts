import { elapsedMillis, type Clock } from '../../platform/clock.ts'
import { limits } from '../../platform/limits.ts'
import { assert } from '../../platform/errors.ts'
import { CatchUp } from './catch-up.ts'
import { Frame } from '../../sockets/ws-frame.ts'
import type { Change } from '../../changes/log/log.ts'
import type { LiveFloor, Watcher } from '../../changes/floor/live-floor.ts'
import type { LiveFloors } from '../../changes/floor/live-floors.ts'
import type { Outbox } from '../../sockets/outbox.ts'

// A heartbeat that is due so soon goes out with a change: to write is most of what it costs.
const BEAT_SLACK_MILLIS = 1_000

/** One that hears the changes of a room. */
export interface Follower {
  /** A change that follows what it has. */
  tell(seq: number, frame: Frame): void
  send(frame: string | Frame): void
  /** The floor was read anew, with another epoch. */
  beginAnew(): void
  /** The floor can't be kept. */
  lost(): void
}

/** What a room stands on. */
export interface RoomDeps {
  readonly floors: LiveFloors
  readonly clock: Clock
  /** From 0 to 1: spreads what must not come at once. */
  readonly random: () => number
  /** What is sent to all sockets of the stream. */
  readonly outbox: Outbox
}

/** The devices of one restaurant that are up to date: each change is written out once for all of them. */
export class StreamRoom implements Watcher {
  readonly restaurantId: string
  /** What those who are not live yet are sent. */
  readonly catchUp = new CatchUp((since, limit) => {
    const floor = this.#floor!
    return floor.readLog({ epoch: floor.floor.standing.epoch, since }, limit)
  })
  readonly #deps: RoomDeps
  readonly #onEmpty: () => void
  readonly #present = new Set<Follower>()
  readonly #live = new Set<Follower>()
  #held: Promise<{ live: LiveFloor; release: () => void }> | null = null
  #floor: LiveFloor | null = null
  #unwatch: (() => void) | null = null
  #nextBeat = 0
  /** Whether anybody has entered or been behind since the last {@link tidy}. */
  #wasBehind = false

  constructor(restaurantId: string, deps: RoomDeps, onEmpty: () => void) {
    this.restaurantId = restaurantId
    this.#deps = deps
    this.#onEmpty = onEmpty
  }

  /** Whether one more device would be too many. */
  get isFull(): boolean {
    return this.#present.size >= limits.socketsPerRestaurant
  }

  /** Devices in it, whether they follow yet or not. */
  get size(): number {
    return this.#present.size
  }

  /** Lets a device in; it hears nothing until it `follows`. Rejects when the floor can't be read. */
  async enter(device: Follower): Promise<LiveFloor> {
    this.#present.add(device)
    this.#wasBehind = true
    this.#held ??= this.#open()
    try {
      return (await this.#held).live
    } catch (error) {
      this.leave(device)
      throw error
    }
  }

  /** From now on a device that stands where the floor does hears every change. */
  follow(device: Follower): void {
    assert(this.#present.has(device), 'a device enters before it follows')
    this.#live.add(device)
  }

  /** A device begins anew: it hears nothing until it follows again. */
  pause(device: Follower): void {
    this.#wasBehind = true
    this.#live.delete(device)
  }

  leave(device: Follower): void {
    this.#live.delete(device)
    this.#present.delete(device)
    if (this.#present.size === 0) this.close()
  }

  /** Forgets what was written for those who are brought up, where nobody has been since the last time. */
  tidy(): void {
    if (this.#live.size < this.#present.size) this.#wasBehind = true
    else if (this.#wasBehind) this.#wasBehind = false
    else this.catchUp.clear()
  }

  /** Sends the heartbeat when it is time, or will be in so many milliseconds. */
  beat(slack = 0): void {
    const now = elapsedMillis()
    if (!this.#floor || now + slack < this.#nextBeat) return
    // The first one at a moment of its own, so that not all restaurants beat at once.
    const first = this.#nextBeat === 0
    this.#nextBeat = now + limits.streamBeatMillis * (first ? this.#deps.random() : 1)
    if (!first) this.#sendBeat(this.#floor)
  }

  #sendBeat({ floor }: LiveFloor): void {
    const { epoch, seq, horizon } = floor.standing
    const at = this.#deps.clock.now()
    const frame = new Frame(JSON.stringify({ type: 'heartbeat', epoch, head: seq, at, horizon, hash: floor.hash }))
    for (const device of this.#live) device.send(frame)
  }

  onChange({ seq, at }: Change, text: string): void {
    if (this.#live.size === 0) return
    const frame = new Frame(`{"type":"changes","changes":[${text}]}`)
    for (const device of this.#live) device.tell(seq, frame)
    this.beat(BEAT_SLACK_MILLIS)
    this.#deps.outbox.told(at)
  }

  onReset(): void {
    this.#live.clear()
    this.#wasBehind = true
    this.catchUp.clear()
    for (const device of this.#present) device.beginAnew()
  }

  onLost(): void {
    for (const device of this.#present) device.lost()
  }

  /** Lets the floor go. */
  close(): void {
    this.#onEmpty()
    this.#unwatch?.()
    this.#unwatch = null
    this.#floor = null
    void this.#held?.then(
      ({ release }) => release(),
      () => undefined,
    )
    this.#held = null
  }

  async #open(): Promise<{ live: LiveFloor; release: () => void }> {
    const held = await this.#deps.floors.hold(this.restaurantId)
    // Whoever asked for it may have left.
    if (this.#present.size > 0) {
      this.#floor = held.live
      this.#unwatch = held.live.watch(this)
    }
    return held
  }
}
