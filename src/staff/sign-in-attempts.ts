import { AppError } from '../platform/errors.ts'
import { limits } from '../platform/limits.ts'

interface Attempts {
  /** When sign-ins failed, oldest first, in milliseconds. */
  failedAt: number[]
  underWay: number
  /** Those who wait for one that is under way. */
  readonly waiting: (() => void)[]
}

/**
 * Slows down whoever guesses passwords: after so many failures of one e-mail, or from one address, nothing more is tried until the window has passed.
 * Sign-ins that succeed don't count, however many. Only in this process, and of the latest `limits.signInFailureKeys` each.
 */
export class SignInAttempts {
  readonly #nowMillis: () => number
  readonly #emails = new Map<string, Attempts>()
  readonly #addresses = new Map<string, Attempts>()

  constructor(nowMillis: () => number) {
    this.#nowMillis = nowMillis
  }

  /** E-mails and addresses that are remembered. */
  get figures(): { emails: number; addresses: number } {
    return { emails: this.#emails.size, addresses: this.#addresses.size }
  }

  /** Runs a sign-in, unless too many have failed. Throws `AppError` too-many-attempts (429), and what the sign-in throws. Spec: A14. */
  async run<T>(email: string, address: string, signIn: () => Promise<T>): Promise<T> {
    return this.#within(this.#addresses, address, limits.signInFailuresPerAddress, () =>
      this.#within(this.#emails, email.toLowerCase(), limits.signInFailuresPerEmail, signIn),
    )
  }

  async #within<T>(all: Map<string, Attempts>, key: string, most: number, work: () => Promise<T>): Promise<T> {
    const attempts = this.#of(all, key)
    // Those under way may all fail: what would be one too many then waits to see. Everyone with the same good password gets in.
    while (this.#failures(attempts) + attempts.underWay >= most) {
      if (attempts.failedAt.length >= most) throw this.#tooMany(attempts)
      await new Promise<void>((resolve) => attempts.waiting.push(resolve))
    }
    attempts.underWay++
    try {
      return await work()
    } catch (error) {
      if (error instanceof AppError && error.code === 'wrong-credentials') attempts.failedAt.push(this.#nowMillis())
      throw error
    } finally {
      attempts.underWay--
      const waiting = attempts.waiting.splice(0)
      for (const wake of waiting) wake()
      const isIdle = attempts.failedAt.length + attempts.underWay + waiting.length === 0
      if (isIdle && all.get(key) === attempts) all.delete(key)
    }
  }

  #of(all: Map<string, Attempts>, key: string): Attempts {
    const attempts = all.get(key) ?? { failedAt: [], underWay: 0, waiting: [] }
    all.delete(key)
    all.set(key, attempts)
    if (all.size > limits.signInFailureKeys) {
      const oldest = all.keys().next()
      if (!oldest.done) all.delete(oldest.value)
    }
    return attempts
  }

  #failures(attempts: Attempts): number {
    const since = this.#nowMillis() - limits.signInFailureWindowMillis
    attempts.failedAt = attempts.failedAt.filter((at) => at > since)
    return attempts.failedAt.length
  }

  #tooMany({ failedAt }: Attempts): AppError {
    const millis = failedAt[0]! + limits.signInFailureWindowMillis - this.#nowMillis()
    const retryAfterSeconds = Math.max(1, Math.ceil(millis / 1000))
    return new AppError('too-many-attempts', 429, 'Too many sign-ins have failed', { retryAfterSeconds })
  }
}
