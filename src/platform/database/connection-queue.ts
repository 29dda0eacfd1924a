import type { DbObserver } from './db-observer.ts'
import type { Gone } from '../http/client-gone.ts'
import { busy } from './database-errors.ts'
import { AppError } from '../errors.ts'

/**
 * Limits how many use the database at once. The others wait in the order of their arrival. A caller that waits too
 * long, or whose client has gone, leaves the queue without a turn.
 */
export class ConnectionQueue {
  readonly #most: number
  readonly #longest: number
  readonly #waitMillis: number
  readonly #observer: Pick<DbObserver, 'waited' | 'gaveUp'> | undefined
  readonly #waiters = new Set<() => void>()
  #used = 0

  /** At most `most` at once and `longest` waiting, each for `waitMillis`. */
  constructor(most: number, longest: number, waitMillis: number, observer?: Pick<DbObserver, 'waited' | 'gaveUp'>) {
    this.#most = most
    this.#longest = longest
    this.#waitMillis = waitMillis
    this.#observer = observer
  }

  /** The number of waiting callers. */
  get waiting(): number {
    return this.#waiters.size
  }

  /**
   * Waits for a turn. The caller calls `leave` afterwards. Throws `AppError` busy (503) when too many are waiting,
   * when its turn does not come in time, and when `gone` says that nobody waits for the answer.
   */
  async enter(gone?: Gone): Promise<void> {
    if (gone?.isGone) throw nobodyWaits()
    if (this.#used < this.#most) {
      this.#used++
      this.#observer?.waited(0)
      return
    }
    if (this.#waiters.size >= this.#longest) {
      this.#observer?.gaveUp('queue-full')
      throw busy('Too many requests are waiting for the database')
    }
    const began = performance.now()
    await this.#wait(gone?.signal)
    this.#observer?.waited((performance.now() - began) / 1000)
  }

  /** Passes the turn to the longest waiting caller. */
  leave(): void {
    const [next] = this.#waiters
    if (!next) return void this.#used--
    this.#waiters.delete(next)
    next()
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = (error: AppError) => {
        this.#waiters.delete(go)
        over()
        reject(error)
      }
      const late = setTimeout(() => {
        this.#observer?.gaveUp('deadline')
        giveUp(busy('No database connection was free in time'))
      }, this.#waitMillis)
      const onAbort = () => giveUp(nobodyWaits())
      const over = () => {
        clearTimeout(late)
        signal?.removeEventListener('abort', onAbort)
      }
      const go = () => {
        over()
        resolve()
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiters.add(go)
    })
  }
}

const nobodyWaits = (): AppError => new AppError('busy', 503, 'Nobody waits for the answer any more')
