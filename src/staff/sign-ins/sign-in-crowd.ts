import { AppError } from '../../platform/errors.ts'
import { limits } from '../../platform/limits.ts'

/** Who asks: `who` tells one asker from another, `network` is where they are, `isKnown` that their device has shown to have signed in before. */
export interface Asker {
  readonly who: string
  readonly network: string
  readonly isKnown: boolean
}

/**
 * Bounds how many sign in at once in this process, so that a flood of strangers takes neither the database's connections nor the turns of those who have signed
 * in from where they are; and tells a refusal again without asking the database.
 */
export class SignInCrowd {
  readonly #nowMillis: () => number
  readonly #inside = { known: 0, strangers: 0 }
  /** Where somebody signed in from lately. */
  readonly #networks = new Map<string, true>()
  /** Refusals: how long they are told again, and until when they hold. */
  readonly #refused = new Map<string, { readonly again: number; readonly until: number }>()

  constructor(nowMillis: () => number) {
    this.#nowMillis = nowMillis
  }

  /** What is remembered. */
  get figures(): { networks: number; refused: number } {
    return { networks: this.#networks.size, refused: this.#refused.size }
  }

  /** Somebody has signed in from there. */
  succeeded(network: string): void {
    keep(this.#networks, network, true)
  }

  /** Runs a sign-in. Throws `AppError` too-many-attempts (429), busy (503), and what it throws. */
  async run<T>(asker: Asker, signIn: () => Promise<T>): Promise<T> {
    const { who, network, isKnown } = asker
    this.#refuseAgain(who)
    const lane = isKnown || this.#networks.has(network) ? 'known' : 'strangers'
    if (this.#inside[lane] >= limits.signInsAtOnce[lane]) throw new AppError('busy', 503, 'Too many sign in at once')
    this.#inside[lane]++
    try {
      return await signIn()
    } catch (error) {
      if (error instanceof AppError && error.code === 'too-many-attempts') this.#remember(who, error)
      throw error
    } finally {
      this.#inside[lane]--
    }
  }

  #remember(who: string, { details }: AppError): void {
    const now = this.#nowMillis()
    const until = now + 1000 * Number(details['retryAfterSeconds'])
    // Not for longer: meanwhile they may have signed in elsewhere, and be known.
    keep(this.#refused, who, { again: Math.min(until, now + limits.signInRefusalMillis), until })
  }

  #refuseAgain(who: string): void {
    const refused = this.#refused.get(who)
    if (!refused) return
    const now = this.#nowMillis()
    if (refused.again <= now) return void this.#refused.delete(who)
    const retryAfterSeconds = Math.ceil((refused.until - now) / 1000)
    throw new AppError('too-many-attempts', 429, 'Too many attempts have failed', { retryAfterSeconds })
  }
}

/** Keeps something as the newest, and lets the oldest go where there are too many. */
function keep<V>(all: Map<string, V>, key: string, value: V): void {
  all.delete(key)
  all.set(key, value)
  const oldest = all.size > limits.signInFailureKeys ? all.keys().next() : undefined
  if (oldest && !oldest.done) all.delete(oldest.value)
}
