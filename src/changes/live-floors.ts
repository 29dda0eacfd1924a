import type { Db, Tx } from '../platform/db.ts'
import { AppError } from '../platform/errors.ts'
import type { Logger } from '../platform/log.ts'
import { limits } from '../platform/limits.ts'
import { instantOfMicros, microsOf, type Clock, type Instant } from '../platform/clock.ts'
import { Floor, type EntityValue } from './floor.ts'
import type { Hub } from './hub.ts'
import { headOf, type Change } from './log.ts'

/** How the entities of one kind are read: all but those that ended before the horizon. */
export interface FloorKind {
  readonly kind: string
  read(tx: Tx, restaurantId: string, horizon: Instant): Promise<readonly EntityValue[]>
}

/** Hears a floor after it has moved. Must not throw. */
export interface Watcher {
  /** A change was applied; `text` is its JSON. */
  onChange(change: Change, text: string): void
  /** The floor was read anew: nothing that was told of it counts any more. */
  onReset(): void
  /** The floor can't be kept, because the database can't be read. */
  onLost(): void
}

/** A change as it is sent, kept for a while for those who come back after a moment. */
export interface Recent {
  readonly seq: number
  readonly at: Instant
  readonly text: string
}

/** What live floors stand on. */
export interface FloorDeps {
  readonly db: Db
  readonly hub: Hub
  readonly clock: Clock
  readonly log: Logger
  readonly kinds: readonly FloorKind[]
  /** Days that a visit stays on the floor after its end. */
  readonly historyDays: number
}

const HOUR_MICROS = 3_600_000_000

/**
 * The horizon at a time: some days back, at a full hour, so that every process says the same and a floor is gone through once an hour.
 */
export const horizonAt = (now: Instant, days: number): Instant =>
  instantOfMicros(Math.max(0, Math.floor(microsOf(now) / HOUR_MICROS) - days * 24) * HOUR_MICROS)

/** The floor of a restaurant as long as somebody holds it: in memory, moved forward by each change as it is delivered. */
export class LiveFloor {
  readonly restaurantId: string
  readonly #deps: FloorDeps
  readonly #watchers = new Set<Watcher>()
  #floor: Floor | null = null
  #waiting: Change[] | null = []
  #recent: Recent[] = []
  #recentCharacters = 0
  #stop: (() => void) | null = null
  #closed = false
  #isLost = false
  #anew: Promise<void> = Promise.resolve()

  constructor(restaurantId: string, deps: FloorDeps) {
    this.restaurantId = restaurantId
    this.#deps = deps
  }

  /** Starts to follow the log. Rejects when the database can't be read. */
  async open(): Promise<void> {
    const stop = await this.#deps.hub.subscribe(
      this.restaurantId,
      (change) => this.#take(change),
      () => void (this.#anew = this.#readAnew()),
    )
    if (this.#closed) return stop()
    this.#stop = stop
    await this.#read()
  }

  get floor(): Floor {
    return this.#floor!
  }

  /** Whether it could not be read anew: it stands still for ever. */
  get isLost(): boolean {
    return this.#isLost
  }

  /** Resolves when it isn't being read anew: until then it is of a log that has ended. Never rejects. */
  get settled(): Promise<void> {
    return this.#anew
  }

  /** Those who are told of each change. */
  get watchers(): number {
    return this.#watchers.size
  }

  /** Tells a watcher of every change from now on. Call the result to stop. */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  /** The changes after `since`, if memory reaches back that far: it holds `limits.recentChanges` of the last ones at most. */
  after(since: number): readonly Recent[] | null {
    const { seq } = this.floor.standing
    if (since === seq) return []
    const first = this.#recent[0]
    if (!first || since < first.seq - 1 || since > seq) return null
    return this.#recent.slice(since + 1 - first.seq)
  }

  /** The time of a change, if memory holds it. */
  timeOf(seq: number): Instant | null {
    const { standing } = this.floor
    return seq === standing.seq ? standing.at : (this.#recent.find((each) => each.seq === seq)?.at ?? null)
  }

  /** Waits until the floor has come to a change. Throws as `Hub.catchUp` does. */
  async reach(seq: number): Promise<void> {
    if (this.floor.standing.seq < seq) await this.#deps.hub.catchUp(this.restaurantId, seq)
  }

  /** Stops following the log. */
  close(): void {
    this.#closed = true
    this.#stop?.()
    this.#watchers.clear()
  }

  #take(change: Change): void {
    if (!this.#floor || this.#waiting) return void this.#waiting!.push(change)
    const { standing } = this.#floor
    if (change.epoch !== standing.epoch || change.seq <= standing.seq) return
    this.#floor.letGo(horizonAt(change.at, this.#deps.historyDays))
    this.#floor.apply(change)
    const text = changeText(change)
    this.#remember({ seq: change.seq, at: change.at, text })
    for (const watcher of this.#watchers) watcher.onChange(change, text)
  }

  #remember(recent: Recent): void {
    this.#recent.push(recent)
    this.#recentCharacters += recent.text.length
    while (this.#recent.length > limits.recentChanges || this.#recentCharacters > limits.recentCharacters)
      this.#recentCharacters -= this.#recent.shift()!.text.length
  }

  async #readAnew(): Promise<void> {
    this.#waiting = []
    this.#recent = []
    this.#recentCharacters = 0
    try {
      await this.#read()
      for (const watcher of this.#watchers) watcher.onReset()
    } catch (error) {
      this.#deps.log.warn({ err: error, restaurantId: this.restaurantId }, 'a floor could not be read anew')
      this.#isLost = true
      for (const watcher of this.#watchers) watcher.onLost()
    }
  }

  async #read(): Promise<void> {
    const { db, clock, kinds, historyDays } = this.#deps
    const horizon = horizonAt(clock.now(), historyDays)
    const { restaurantId } = this
    this.#floor = await db.snapshot({ restaurantId }, async (tx) => {
      const [head, ...lists] = await Promise.all([
        headOf(tx, restaurantId),
        ...kinds.map(async (each) => {
          const values = await each.read(tx, restaurantId, horizon)
          return values.map((value) => ({ kind: each.kind, value }))
        }),
      ])
      return new Floor({ epoch: head.epoch, seq: head.seq, at: head.lastAt, horizon }, lists.flat())
    })
    // What was delivered meanwhile and isn't in it yet.
    const waiting = this.#waiting ?? []
    this.#waiting = null
    for (const change of waiting) this.#take(change)
  }
}

/** A change as the stream tells it. */
export function changeText(change: Change): string {
  return JSON.stringify({ ...change, restaurantId: undefined })
}

interface Kept {
  readonly live: LiveFloor
  readonly opened: Promise<void>
  holders: number
  idleSince: number
}

/** The floors that are in use, and for a while those that were. */
export class LiveFloors {
  readonly #deps: FloorDeps
  readonly #kept = new Map<string, Kept>()
  readonly #timer: NodeJS.Timeout

  constructor(deps: FloorDeps) {
    this.#deps = deps
    this.#timer = setInterval(() => this.#sweep(), limits.floorSweepMillis).unref()
  }

  /** Floors in memory, how many of them nobody holds, and the characters of JSON in all of them. */
  get figures(): { floors: number; idle: number; characters: number } {
    const all = [...this.#kept.values()]
    return {
      floors: all.length,
      idle: all.filter(({ holders }) => holders === 0).length,
      characters: all.reduce((sum, { live }) => sum + (live.floor?.characters ?? 0), 0),
    }
  }

  /** Holds a floor until `release` is called. Rejects when the database can't be read. */
  async hold(restaurantId: string): Promise<{ live: LiveFloor; release: () => void }> {
    const known = this.#kept.get(restaurantId)
    if (known?.live.isLost) this.#drop(restaurantId, known)
    const kept = this.#kept.get(restaurantId) ?? this.#open(restaurantId)
    kept.holders++
    let held = true
    const release = () => {
      if (held && --kept.holders === 0) kept.idleSince = performance.now()
      held = false
    }
    try {
      await kept.opened
      await kept.live.settled
      if (kept.live.isLost) throw new AppError('busy', 503, 'The floor could not be read')
      return { live: kept.live, release }
    } catch (error) {
      release()
      this.#drop(restaurantId, kept)
      throw error
    }
  }

  close(): void {
    clearInterval(this.#timer)
    for (const [restaurantId, kept] of this.#kept) this.#drop(restaurantId, kept)
  }

  #open(restaurantId: string): Kept {
    const live = new LiveFloor(restaurantId, this.#deps)
    const kept = { live, opened: live.open(), holders: 0, idleSince: performance.now() }
    this.#kept.set(restaurantId, kept)
    return kept
  }

  #drop(restaurantId: string, kept: Kept): void {
    if (this.#kept.get(restaurantId) === kept) this.#kept.delete(restaurantId)
    kept.live.close()
  }

  #sweep(): void {
    const now = performance.now()
    const idle = [...this.#kept].filter(([, { holders }]) => holders === 0)
    idle.sort(([, a], [, b]) => a.idleSince - b.idleSince)
    for (const [index, [restaurantId, kept]] of idle.entries())
      if (now - kept.idleSince > limits.floorIdleMillis || idle.length - index > limits.idleFloors)
        this.#drop(restaurantId, kept)
  }
}
