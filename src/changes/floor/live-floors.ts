import { AppError } from '../../platform/errors.ts'
import { limits } from '../../platform/limits.ts'
import { every } from '../../platform/shared-timer.ts'
import { LiveFloor, type FloorDeps } from './live-floor.ts'

interface Kept {
  readonly live: LiveFloor
  readonly opened: Promise<void>
  holders: number
  idleSince: number
}

/** How long an idle floor is kept, how many of them, and how often that is checked. */
export type IdleLimits = Readonly<
  Record<'floorIdleMillis' | 'idleFloors' | 'idleFloorCharacters' | 'floorSweepMillis', number>
>

/** The floors in use, and for a while those that were. */
export class LiveFloors {
  readonly #deps: FloorDeps
  readonly #idle: IdleLimits
  readonly #kept = new Map<string, Kept>()
  readonly #stopSweeping: () => void

  constructor(deps: FloorDeps, idle: IdleLimits = limits) {
    this.#deps = deps
    this.#idle = idle
    this.#stopSweeping = every(idle.floorSweepMillis, () => this.#sweep())
  }

  /** The number of floors in memory, how many are idle, and the characters of JSON in all of them. */
  get figures(): { floors: number; idle: number; characters: number } {
    const all = [...this.#kept.values()]
    return {
      floors: all.length,
      idle: all.filter(({ holders }) => holders === 0).length,
      characters: all.reduce((sum, { live }) => sum + charactersOf(live), 0),
    }
  }

  /** Holds a floor until `release` is called. Rejects when the database cannot be read. */
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

  /** A floor that can be read without waiting. */
  now(restaurantId: string): LiveFloor | null {
    const live = this.#kept.get(restaurantId)?.live
    return live?.isSettled ? live : null
  }

  /** Whether a floor is in memory, or being read. */
  has(restaurantId: string): boolean {
    return this.#kept.has(restaurantId)
  }

  /** Keeps an idle floor for a while longer, if it is in memory. */
  touch(restaurantId: string): void {
    const kept = this.#kept.get(restaurantId)
    if (kept) kept.idleSince = performance.now()
  }

  close(): void {
    this.#stopSweeping()
    for (const [restaurantId, kept] of this.#kept) this.#drop(restaurantId, kept)
  }

  #open(restaurantId: string): Kept {
    const live = new LiveFloor(restaurantId, this.#deps, (lost) => this.#forget(lost))
    const kept = { live, opened: live.open(), holders: 0, idleSince: performance.now() }
    this.#kept.set(restaurantId, kept)
    return kept
  }

  #forget(live: LiveFloor): void {
    const kept = this.#kept.get(live.restaurantId)
    if (kept?.live === live) this.#drop(live.restaurantId, kept)
  }

  #drop(restaurantId: string, kept: Kept): void {
    if (this.#kept.get(restaurantId) === kept) this.#kept.delete(restaurantId)
    kept.live.close()
  }

  #sweep(): void {
    const now = performance.now()
    const idle = [...this.#kept].filter(([, { holders }]) => holders === 0)
    idle.sort(([, a], [, b]) => a.idleSince - b.idleSince)
    let characters = idle.reduce((sum, [, { live }]) => sum + charactersOf(live), 0)
    for (const [index, [restaurantId, kept]] of idle.entries()) {
      const isTooMany = idle.length - index > this.#idle.idleFloors || characters > this.#idle.idleFloorCharacters
      if (now - kept.idleSince <= this.#idle.floorIdleMillis && !isTooMany) return
      characters -= charactersOf(kept.live)
      this.#drop(restaurantId, kept)
    }
  }
}

const charactersOf = (live: LiveFloor): number => live.floor?.characters ?? 0
