import { statement, type Db, type Tx } from '../../platform/database/db.ts'
import { instantOfMicros, microsOf, plusMillis, type Clock, type Instant } from '../../platform/clock.ts'
import { AppError } from '../../platform/errors.ts'
import type { KeyedHash } from '../../platform/keyed-hash.ts'
import { limits } from '../../platform/limits.ts'
import { SignInCrowd } from './sign-in-crowd.ts'

/** A key under which failures are counted, and its limit. */
export interface Counted {
  readonly key: string
  readonly most: number
}

/** What this process knows of one key. Times are in milliseconds. */
interface Attempts {
  /** The times of failures here, oldest first. */
  failedAt: number[]
  /** The database's count for all processes, when it was last read. */
  stored: { readonly failures: number; readonly since: number } | null
  underWay: number
  /** Callers that wait for a running attempt. */
  readonly waiting: (() => void)[]
}

/** The database's count of a key. */
interface Stored {
  readonly key: Buffer
  readonly failures: number
  readonly since: Instant
}

/** What counts as a failure; any other error does not count. */
const FAILURES = ['wrong-credentials', 'wrong-password', 'email-taken', 'wrong-code']

const readFailures = statement(
  'read-failed-attempts',
  `select key, failures, since from failed_attempts where key = any ($1::bytea[])`,
)

// Expired rows are deleted on the way: for each new failure, more than one old one is deleted. So there are never
// many more rows than failures in a window.
const noteFailures = statement(
  'note-failed-attempts',
  `with over as (
     delete from failed_attempts where key in (
       select f.key from failed_attempts f where f.since < $3 and f.key <> all ($1::bytea[]) order by f.since limit 10
       for update skip locked))
   insert into failed_attempts as f (key, failures, since) select key, 1, $2 from unnest($1::bytea[]) as key
   on conflict (key) do update set
     failures = case when f.since < $3 then 1 else f.failures + 1 end,
     since = case when f.since < $3 then excluded.since else f.since end`,
)

const KEY_BYTES = 16

/**
 * Slows down guesses of passwords, at both doors and wherever a password is asked for. After too many failures under
 * a key, nothing more is tried until the window has passed. The database counts failures for all processes; this
 * process counts those in progress. Successes do not count.
 */
export class SignInAttempts {
  readonly #db: Db
  readonly #clock: Clock
  readonly #hash: KeyedHash
  readonly #known = new Map<string, Attempts>()
  /** The number of sign-ins in progress. */
  readonly crowd: SignInCrowd

  constructor(db: Db, clock: Clock, hash: KeyedHash) {
    this.crowd = new SignInCrowd(() => clock.micros() / 1000)
    this.#db = db
    this.#clock = clock
    this.#hash = hash
  }

  /** The number of remembered keys. */
  get figures(): { keys: number } {
    return { keys: this.#known.size }
  }

  /** The stored form of the place of a sign-in. */
  placeOf(network: string): Buffer {
    return this.#hashOf(`known ${network}`)
  }

  /** Reads what all processes have counted under these keys, in a larger transaction or in one of its own. */
  async look(counted: readonly Counted[], tx?: Tx): Promise<void> {
    const keys = new Map(counted.map(({ key }) => [this.#hashOf(key).toString('hex'), key]))
    const values = [[...keys.keys()].map((hex) => Buffer.from(hex, 'hex'))]
    const rows = tx
      ? await tx.all<Stored>(readFailures, values)
      : await this.#db.read<Stored>({ restaurantId: '' }, readFailures, values)
    for (const { key, failures, since } of rows) {
      const stored = { failures, since: microsOf(since) / 1000 }
      if (stored.since > this.#windowStart()) this.#of(keys.get(key.toString('hex'))!).stored = stored
    }
  }

  /** Whether one more attempt is allowed under a key, as far as this process knows. */
  hasRoom({ key, most }: Counted): boolean {
    const attempts = this.#known.get(key)
    return !attempts || this.#failures(attempts) < most
  }

  /**
   * Makes an attempt, unless too many have failed under one of the keys. Throws `AppError` too-many-attempts (429),
   * busy (503), and the errors of the attempt. Spec: A14.
   */
  async run<T>(counted: readonly Counted[], attempt: () => Promise<T>): Promise<T> {
    const noted = async () => {
      try {
        return await attempt()
      } catch (error) {
        if (error instanceof AppError && FAILURES.includes(error.code)) await this.#note(counted)
        throw error
      }
    }
    return counted.reduceRight<() => Promise<T>>((inner, each) => () => this.#within(each, inner), noted)()
  }

  /** Checks the password of a person who is signed in. Throws `AppError` too-many-attempts (429). Spec: A17. */
  async limited(staffId: string, check: () => Promise<boolean>): Promise<boolean> {
    const counted = [{ key: `staff ${staffId}`, most: limits.signInFailuresPerEmail }]
    const wrong = new AppError('wrong-password', 403, 'This is not the password')
    await this.look(counted)
    try {
      return await this.run(counted, async () => {
        if (!(await check())) throw wrong
        return true
      })
    } catch (error) {
      if (error === wrong) return false
      throw error
    }
  }

  async #within<T>({ key, most }: Counted, attempt: () => Promise<T>): Promise<T> {
    const attempts = this.#of(key)
    // All attempts in progress may fail, so one that could exceed the limit waits for their results. Everyone with
    // the same correct password gets in.
    while (this.#failures(attempts) + attempts.underWay >= most) {
      if (this.#failures(attempts) >= most) throw this.#tooMany(attempts)
      if (attempts.waiting.length >= limits.attemptsWaiting) throw new AppError('busy', 503, 'Too many sign in at once')
      await new Promise<void>((resolve) => attempts.waiting.push(resolve))
    }
    attempts.underWay++
    try {
      return await attempt()
    } finally {
      attempts.underWay--
      const waiting = attempts.waiting.splice(0)
      for (const wake of waiting) wake()
      const isIdle = this.#failures(attempts) + attempts.underWay + waiting.length === 0
      if (isIdle && this.#known.get(key) === attempts) this.#known.delete(key)
    }
  }

  async #note(counted: readonly Counted[]): Promise<void> {
    const micros = this.#clock.micros()
    for (const { key } of counted) this.#of(key).failedAt.push(micros / 1000)
    // Use one order, so that two processes that count the same keys never deadlock.
    const keys = counted.map(({ key }) => this.#hashOf(key)).sort((a, b) => a.compare(b))
    const now = instantOfMicros(micros)
    const values = [keys, now, plusMillis(now, -limits.signInFailureWindowMillis)]
    await this.#db.transaction({ restaurantId: '' }, (tx) => tx.all(noteFailures, values))
  }

  #of(key: string): Attempts {
    const attempts = this.#known.get(key) ?? { failedAt: [], stored: null, underWay: 0, waiting: [] }
    this.#known.delete(key)
    this.#known.set(key, attempts)
    if (this.#known.size > limits.signInFailureKeys) {
      const oldest = this.#known.keys().next()
      if (!oldest.done) this.#known.delete(oldest.value)
    }
    return attempts
  }

  /** The number of failures: here, or in all processes as far as known. The latter include those here. */
  #failures(attempts: Attempts): number {
    const since = this.#windowStart()
    attempts.failedAt = attempts.failedAt.filter((at) => at > since)
    if (attempts.stored && attempts.stored.since <= since) attempts.stored = null
    return Math.max(attempts.failedAt.length, attempts.stored?.failures ?? 0)
  }

  #tooMany({ failedAt, stored }: Attempts): AppError {
    const first = Math.min(failedAt[0] ?? Infinity, stored?.since ?? Infinity)
    const millis = first + limits.signInFailureWindowMillis - this.#nowMillis()
    const retryAfterSeconds = Math.max(1, Math.ceil(millis / 1000))
    return new AppError('too-many-attempts', 429, 'Too many attempts have failed', { retryAfterSeconds })
  }

  #nowMillis(): number {
    return this.#clock.micros() / 1000
  }

  #windowStart(): number {
    return this.#nowMillis() - limits.signInFailureWindowMillis
  }

  #hashOf(key: string): Buffer {
    return this.#hash(key).subarray(0, KEY_BYTES)
  }
}
