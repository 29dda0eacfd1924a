import { AppError } from '../../platform/errors.ts'
import { limits } from '../../platform/limits.ts'

/**
 * The caller: `who` identifies the caller, `network` is their location, `isKnown` says that their device proved an
 * earlier sign-in.
 */
export interface Asker {
  readonly who: string
  readonly network: string
  readonly isKnown: boolean
}

/**
 * Limits how many sign in at once in this process. So a flood of strangers takes neither the database's connections
 * nor the turns of those who signed in from here before. It also repeats a refusal without asking the database.
 */
export class SignInCrowd {
  readonly #nowMillis: () => number
  readonly #inside = { known: 0, strangers: 0 }
  /** Places of recent sign-ins. */
  readonly #networks = new Map<string, true>()
  /** Refusals: how long they are repeated, and until when they hold. */
  readonly #refused = new Map<string, { readonly again: number; readonly until: number }>()

  constructor(nowMillis: () => number) {
    this.#nowMillis = nowMillis
  }

  /** The number of remembered entries. */
  get figures(): { networks: number; refused: number } {
    return { networks: this.#networks.size, refused: this.#refused.size }
  }

  /** Notes a successful sign-in from there. */
  succeeded(network: string): void {
    keep(this.#networks, network, true)
  }

  /** Runs a sign-in. Throws `AppError` too-many-attempts (429), busy (503), and the errors of the sign-in. */
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
    // Not for longer: meanwhile they may sign in elsewhere and become known.
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

/** Keeps an entry as the newest, and removes the oldest when there are too many. */
function keep<V>(all: Map<string, V>, key: string, value: V): void {
  all.delete(key)
  all.set(key, value)
  const oldest = all.size > limits.signInFailureKeys ? all.keys().next() : undefined
  if (oldest && !oldest.done) all.delete(oldest.value)
}
