import { elapsedMillis } from '../../platform/clock.ts'
import type { Db } from '../../platform/database/db.ts'
import { AppError } from '../../platform/errors.ts'
import { limits } from '../../platform/limits.ts'
import type { Hub } from '../hub/hub.ts'
import { headsOf, type Head } from '../log/log.ts'

/** The end of a log: everything up to it had been committed at the time of the query. */
export type End = Pick<Head, 'epoch' | 'seq'>

interface Batch {
  readonly ids: Set<string>
  readonly ends: Promise<Map<string, End>>
}

/**
 * Says where the log of a restaurant ends. No change that was acknowledged before the question is beyond it,
 * whichever process made it. A process that is alone on its database knows it by itself. One of several asks the
 * database, with one query for all who ask before it is sent: within a tick, and within {@link
 * limits.headSpacingMillis} of the last query.
 */
export class Heads {
  readonly #db: Db
  readonly #hub: Hub
  /** Whether no other process writes to this database. */
  readonly isSole: boolean
  #next: Batch | null = null
  readonly #free: (() => void)[] = []
  #underWay = 0
  #asked = 0
  #askedAt = -Infinity

  constructor(db: Db, hub: Hub, isSole: boolean) {
    this.#db = db
    this.#hub = hub
    this.isSole = isSole
  }

  /** The number of queries since the start. */
  get figures(): { asked: number } {
    return { asked: this.#asked }
  }

  /** The end as this process knows it by itself, or null if the database must be asked. */
  known(restaurantId: string): End | null {
    return this.isSole ? this.#hub.newest(restaurantId) : null
  }

  /**
   * Rejects with `AppError` busy when the database is unavailable, restaurant-not-found (404) when there is no such
   * log.
   */
  async of(restaurantId: string): Promise<End> {
    const known = this.known(restaurantId)
    if (known) return known
    if (this.#next && this.#next.ids.size >= limits.reviewIds) await this.#next.ends
    this.#next ??= this.#open()
    this.#next.ids.add(restaurantId)
    const end = (await this.#next.ends).get(restaurantId)
    if (!end) throw new AppError('restaurant-not-found', 404, 'There is no such restaurant')
    return end
  }

  /** A query that is sent at the end of this tick, or when a running one has been answered. */
  #open(): Batch {
    const ids = new Set<string>()
    const turn = this.#underWay < limits.headQuestions ? Promise.resolve() : this.#place()
    const ends = turn.then(async () => {
      // Each query costs both processes more than a small answer. While many ask, those of a few milliseconds share
      // one.
      const wait = this.#askedAt + limits.headSpacingMillis - elapsedMillis()
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
      await new Promise((resolve) => setImmediate(resolve))
      // Later callers may know of something newer than the answer to this query.
      this.#next = null
      this.#underWay++
      this.#asked++
      this.#askedAt = elapsedMillis()
      try {
        return await headsOf(this.#db, [...ids])
      } finally {
        this.#underWay--
        this.#free.shift()?.()
      }
    })
    return { ids, ends }
  }

  #place(): Promise<void> {
    return new Promise((resolve) => this.#free.push(resolve))
  }
}
