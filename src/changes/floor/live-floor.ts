import type { Db, Tx } from '../../platform/database/db.ts'
import type { Logger } from '../../platform/observability/log.ts'
import { limits } from '../../platform/limits.ts'
import { instantOfMicros, microsOf, type Clock, type Instant } from '../../platform/clock.ts'
import { Floor, type EntityValue } from './floor.ts'
import type { Hub } from '../hub/hub.ts'
import { headOf, isNews, type Change } from '../log/log.ts'
import { RecentChanges, type Recent } from './recent.ts'
import { changesSince, type Place, type ResyncReason, type Since } from '../log/since.ts'

/** Reads the entities of one kind: all but those that ended before the horizon. */
export interface FloorKind {
  readonly kind: string
  read(tx: Tx, restaurantId: string, horizon: Instant): Promise<readonly EntityValue[]>
}

/** Is notified after a floor has moved. Must not throw. */
export interface Watcher {
  /** A change was applied; `text` is its JSON. */
  onChange(change: Change, text: string): void
  /** The floor was read again: earlier notifications no longer count. */
  onReset(): void
  /** The floor can no longer be followed, because the database cannot be read. */
  onLost(): void
}

/** What live floors need. */
export interface FloorDeps {
  readonly db: Db
  readonly hub: Hub
  readonly clock: Clock
  readonly log: Logger
  readonly kinds: readonly FloorKind[]
  /** The commands that write earlier changes again: what is kept of those is forgotten. `after` must not throw. */
  readonly forgets?: { readonly commands: ReadonlySet<string>; after(restaurantId: string): void }
  /** How many days a visit stays on the floor after its end. */
  readonly historyDays: number
}

const HOUR_MICROS = 3_600_000_000

/**
 * The horizon at a time: some days back, at a full hour. So every process has the same one, and a floor is searched
 * once an hour.
 */
export const horizonAt = (now: Instant, days: number): Instant =>
  instantOfMicros(Math.max(0, Math.floor(microsOf(now) / HOUR_MICROS) - days * 24) * HOUR_MICROS)

/** The floor of a restaurant while somebody holds it: in memory, moved forward by each delivered change. */
export class LiveFloor {
  readonly restaurantId: string
  readonly #deps: FloorDeps
  readonly #onLost: (live: LiveFloor) => void
  readonly #watchers = new Set<Watcher>()
  #floor: Floor | null = null
  #waiting: Change[] | null = []
  readonly #recent = new RecentChanges()
  /** The running read of what devices missed. */
  #reaching: Promise<unknown> | null = null
  #stop: (() => void) | null = null
  #closed = false
  #isLost = false
  #anew: Promise<void> = Promise.resolve()
  #isReading = false
  /** Whether the log started over since the running read began. */
  #isStale = false

  /** `onLost`: the floor can no longer be followed, and is useless from now on. */
  constructor(restaurantId: string, deps: FloorDeps, onLost: (live: LiveFloor) => void) {
    this.restaurantId = restaurantId
    this.#deps = deps
    this.#onLost = onLost
  }

  /** Starts to follow the log. Rejects when the database cannot be read. */
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

  /** Whether reading it again failed: it stands still for ever. */
  get isLost(): boolean {
    return this.#isLost
  }

  /** Whether it has been read, and is not being read again. */
  get isSettled(): boolean {
    return this.#floor !== null && this.#waiting === null && !this.#isLost
  }

  /** Resolves when it is not being read again: until then it belongs to a log that has ended. Never rejects. */
  get settled(): Promise<void> {
    return this.#anew
  }

  /** The watchers of changes. */
  get watchers(): number {
    return this.#watchers.size
  }

  /** Notifies a watcher of every change from now on. Call the result to stop. */
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

  /** The time of a change, if memory knows it. */
  timeOf(seq: number): Instant | null {
    const { standing } = this.floor
    return seq === standing.seq ? standing.at : this.#recent.timeOf(seq)
  }

  /**
   * Why a device cannot continue from its position, which is not ahead of the floor, or null if it can. A position
   * that memory does not know is looked up in the log, and the changes after it are kept: when a process dies, all
   * its devices return at once, at nearly the same position.
   */
  async reasonAgainst(place: Place): Promise<ResyncReason | null> {
    const { epoch, seq } = this.floor.standing
    if (place.epoch !== epoch) return 'epoch'
    const known = this.#reasonKnown(place)
    if (known !== undefined) return known
    // A device that missed more than one read returns reads page by page.
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

  /** Waits until the floor has reached a change. Throws as `Hub.catchUp` does. */
  async reach(seq: number): Promise<void> {
    if (this.floor.standing.seq < seq) await this.#deps.hub.catchUp(this.restaurantId, seq)
  }

  /** Resolves when the floor has the database's epoch, queried from now on. Rejects when the query fails. */
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
    const isRewritten = this.#deps.forgets?.commands.has(change.command) === true
    if (isRewritten) this.#forgetPast()
    const text = changeText(change)
    this.#recent.push({ seq: change.seq, at: change.at, text })
    for (const watcher of this.#watchers) watcher.onChange(change, text)
    if (isRewritten) this.#deps.forgets?.after(this.restaurantId)
  }

  /** Forgets earlier changes. The floor is made anew, so that whatever was written from it goes with it. */
  #forgetPast(): void {
    this.#recent.clear()
    this.#floor = this.#floor!.remade()
  }

  /** As `reasonAgainst`, as far as memory knows; otherwise undefined. */
  #reasonKnown({ epoch, since, at }: Place): ResyncReason | null | undefined {
    const { standing } = this.floor
    if (epoch !== standing.epoch) return 'epoch'
    const known = since === standing.seq ? standing.at : this.#recent.timeOf(since)
    if (known !== null) return at === undefined || at === known ? null : 'diverged'
    return at === undefined && this.after(since) !== null ? null : undefined
  }

  /** The changes of the log after a position, `limit` at most. Rejects when the database cannot be read. */
  async readLog(place: Place, limit: number): Promise<Since> {
    const { restaurantId } = this
    const found = await this.#deps.db.transaction({ restaurantId }, (tx) =>
      changesSince(tx, restaurantId, { ...place, limit }),
    )
    // A device that starts over now is sent this floor: it must not belong to a log that has ended.
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
    // The running read belongs to a log that has ended. It is read again, and watchers are notified once.
    if (this.#isReading) this.#isStale = true
    else this.#anew = this.#readAnew()
  }

  async #readAnew(): Promise<void> {
    try {
      // Before they receive any change of the new log.
      await this.#read(() => {
        for (const watcher of this.#watchers) watcher.onReset()
      })
    } catch (error) {
      this.#deps.log.warn({ err: error, restaurantId: this.restaurantId }, 'a floor could not be read anew')
      this.#isLost = true
      const watchers = [...this.#watchers]
      // First, so that a caller that retries at once finds another floor.
      this.#onLost(this)
      for (const watcher of watchers) watcher.onLost()
    }
  }

  /** Reads the floor, calls `then`, and continues with the changes delivered meanwhile. */
  async #read(then: () => void): Promise<void> {
    const { hub } = this.#deps
    this.#isReading = true
    try {
      let floor
      do {
        this.#isStale = false
        floor = await this.#readOnce()
        // The hub may not know its epoch yet, and would start over again as soon as it does.
        if (hub.awaits(this.restaurantId, floor.standing.epoch, 0)) await hub.confirm(this.restaurantId)
      } while (this.#isStale)
      this.#floor = floor
    } finally {
      this.#isReading = false
    }
    then()
    // The changes delivered meanwhile that are not in it yet.
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

/** A change in the stream's format. */
export function changeText(change: Change): string {
  return JSON.stringify({ ...change, restaurantId: undefined, entries: change.entries.filter(isNews) })
}
