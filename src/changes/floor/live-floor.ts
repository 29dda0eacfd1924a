import type { Db, Tx } from '../../platform/database/db.ts'
import type { Logger } from '../../platform/observability/log.ts'
import { limits } from '../../platform/limits.ts'
import { instantOfMicros, microsOf, type Clock, type Instant } from '../../platform/clock.ts'
import { Floor, type EntityValue } from './floor.ts'
import type { Hub } from '../hub/hub.ts'
import { headOf, isNews, type Change } from '../log/log.ts'
import { RecentChanges, type Recent } from './recent.ts'
import { changesSince, type Place, type ResyncReason, type Since } from '../log/since.ts'

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
  readonly #onLost: (live: LiveFloor) => void
  readonly #watchers = new Set<Watcher>()
  #floor: Floor | null = null
  #waiting: Change[] | null = []
  readonly #recent = new RecentChanges()
  /** The reading of what devices missed that is under way. */
  #reaching: Promise<unknown> | null = null
  #stop: (() => void) | null = null
  #closed = false
  #isLost = false
  #anew: Promise<void> = Promise.resolve()
  #isReading = false
  /** Whether the log began anew since the reading that is under way began. */
  #isStale = false

  /** `onLost`: it can't be kept, and is of no use to anybody from now on. */
  constructor(restaurantId: string, deps: FloorDeps, onLost: (live: LiveFloor) => void) {
    this.restaurantId = restaurantId
    this.#deps = deps
    this.#onLost = onLost
  }

  /** Starts to follow the log. Rejects when the database can't be read. */
  async open(): Promise<void> {
    const stop = await this.#deps.hub.subscribe(
      this.restaurantId,
      (change) => this.#take(change),
      () => this.#beginAnew(),
    )
    if (this.#closed) return stop()
    this.#stop = stop
    const read = this.#read(() => undefined)
    this.#anew = read.catch(() => undefined)
    await read
  }

  get floor(): Floor {
    return this.#floor!
  }

  /** Whether it could not be read anew: it stands still for ever. */
  get isLost(): boolean {
    return this.#isLost
  }

  /** Whether it is read, and not being read anew. */
  get isSettled(): boolean {
    return this.#floor !== null && this.#waiting === null && !this.#isLost
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

  /** The changes after `since`, if memory reaches back that far. */
  after(since: number): readonly Recent[] | null {
    const { seq } = this.floor.standing
    if (since === seq) return []
    return since > seq ? null : this.#recent.after(since)
  }

  /** The time of a change, where memory knows it. */
  timeOf(seq: number): Instant | null {
    const { standing } = this.floor
    return seq === standing.seq ? standing.at : this.#recent.timeOf(seq)
  }

  /**
   * Why a device can't go on from its place, which is not ahead of the floor, or null when it can. A place that memory doesn't know is looked up in the log, and what
   * came after it is kept: when a process dies, all its devices come at once, and stand at nearly the same place.
   */
  async reasonAgainst(place: Place): Promise<ResyncReason | null> {
    const { epoch, seq } = this.floor.standing
    if (place.epoch !== epoch) return 'epoch'
    const known = this.#reasonKnown(place)
    if (known !== undefined) return known
    // Whoever missed more than is read at once reads page by page.
    if (seq - place.since > limits.changesPerRead) return this.#lookUp(place, 1)
    while (this.#reaching) await this.#reaching
    const found = this.#reasonKnown(place)
    if (found !== undefined) return found
    const reaching = this.#lookUp(place, limits.changesPerRead)
    this.#reaching = reaching.catch(() => undefined)
    try {
      return await reaching
    } finally {
      this.#reaching = null
    }
  }

  /** Waits until the floor has come to a change. Throws as `Hub.catchUp` does. */
  async reach(seq: number): Promise<void> {
    if (this.floor.standing.seq < seq) await this.#deps.hub.catchUp(this.restaurantId, seq)
  }

  /** Resolves when the floor is of the epoch that the database has, asked from now on. Rejects when it can't be asked. */
  async confirm(): Promise<void> {
    await this.#deps.hub.confirm(this.restaurantId)
    await this.settled
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
    this.#recent.push({ seq: change.seq, at: change.at, text })
    for (const watcher of this.#watchers) watcher.onChange(change, text)
  }

  /** As `reasonAgainst`, as far as memory tells; undefined when it doesn't. */
  #reasonKnown({ epoch, since, at }: Place): ResyncReason | null | undefined {
    const { standing } = this.floor
    if (epoch !== standing.epoch) return 'epoch'
    const known = since === standing.seq ? standing.at : this.#recent.timeOf(since)
    if (known !== null) return at === undefined || at === known ? null : 'diverged'
    return at === undefined && this.after(since) !== null ? null : undefined
  }

  /** What the log has after a place, `limit` changes at most. Rejects when the database can't be read. */
  async readLog(place: Place, limit: number): Promise<Since> {
    const { restaurantId } = this
    const found = await this.#deps.db.transaction({ restaurantId }, (tx) =>
      changesSince(tx, restaurantId, { ...place, limit }),
    )
    // Whoever begins anew now is sent this floor: it must not be of a log that has ended.
    if (found.kind === 'resync' && found.epoch !== this.floor.standing.epoch) await this.confirm()
    return found
  }

  async #lookUp(place: Place, limit: number): Promise<ResyncReason | null> {
    const found = await this.readLog(place, limit)
    if (found.kind === 'resync') return found.reason
    const { epoch, seq } = this.floor.standing
    const older = found.changes.map(({ frame, ...change }) => ({ text: frame, ...change }))
    if (epoch === found.epoch) this.#recent.prepend(older, { seq: place.since, at: place.at }, seq)
    return null
  }

  #beginAnew(): void {
    this.#waiting = []
    this.#recent.clear()
    // What is being read now is of a log that has ended: it is read again, and nobody is told twice.
    if (this.#isReading) this.#isStale = true
    else this.#anew = this.#readAnew()
  }

  async #readAnew(): Promise<void> {
    try {
      // Before they hear of any change of the new log.
      await this.#read(() => {
        for (const watcher of this.#watchers) watcher.onReset()
      })
    } catch (error) {
      this.#deps.log.warn({ err: error, restaurantId: this.restaurantId }, 'a floor could not be read anew')
      this.#isLost = true
      const watchers = [...this.#watchers]
      // First, so that whoever comes back at once finds another.
      this.#onLost(this)
      for (const watcher of watchers) watcher.onLost()
    }
  }

  /** Reads the floor, calls `then`, and goes on with what was delivered meanwhile. */
  async #read(then: () => void): Promise<void> {
    const { hub } = this.#deps
    this.#isReading = true
    try {
      let floor
      do {
        this.#isStale = false
        floor = await this.#readOnce()
        // The hub may have no word of its epoch yet, and would begin anew again as soon as it has.
        if (hub.awaits(this.restaurantId, floor.standing.epoch, 0)) await hub.confirm(this.restaurantId)
      } while (this.#isStale)
      this.#floor = floor
    } finally {
      this.#isReading = false
    }
    then()
    // What was delivered meanwhile and isn't in it yet.
    const waiting = this.#waiting ?? []
    this.#waiting = null
    for (const change of waiting) this.#take(change)
  }

  async #readOnce(): Promise<Floor> {
    const { db, clock, kinds, historyDays } = this.#deps
    const horizon = horizonAt(clock.now(), historyDays)
    const { restaurantId } = this
    return db.snapshot({ restaurantId }, async (tx) => {
      const [head, ...lists] = await Promise.all([
        headOf(tx, restaurantId),
        ...kinds.map(async (each) => {
          const values = await each.read(tx, restaurantId, horizon)
          return values.map((value) => ({ kind: each.kind, value }))
        }),
      ])
      return new Floor({ epoch: head.epoch, seq: head.seq, at: head.lastAt, horizon }, lists.flat())
    })
  }
}

/** A change as the stream tells it. */
export function changeText(change: Change): string {
  return JSON.stringify({ ...change, restaurantId: undefined, entries: change.entries.filter(isNews) })
}
