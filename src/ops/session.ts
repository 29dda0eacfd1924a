import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { AppError } from '../platform/errors.ts'
import { limits } from '../platform/limits.ts'
import { SignInAttempts } from '../staff/sign-in-attempts.ts'

const COOKIE = 'qtable_ops'

/** Signing in to the operations page with OPS_TOKEN. The cookie holds its end and an HMAC of that by the token: never the token, and with another token it is void. */
export class OpsSessions {
  readonly #token: string
  readonly #nowMillis: () => number
  readonly #attempts: SignInAttempts

  constructor(token: string, nowMillis: () => number) {
    this.#token = token
    this.#nowMillis = nowMillis
    this.#attempts = new SignInAttempts(nowMillis)
  }

  /**
   * A cookie for who knows the token. `address`: where the request is from. Throws `AppError` wrong-credentials (401), and too-many-attempts (429) after
   * `limits.signInFailuresPerEmail` failures of an address within the window.
   */
  async signIn(token: string, address: string, secure: boolean): Promise<string> {
    return this.#attempts.run(address, address, async () => {
      if (!isSame(token, this.#token)) throw new AppError('wrong-credentials', 401, 'This is not the token')
      const until = this.#nowMillis() + limits.opsSessionMillis
      return cookie(`${until}.${this.#signed(until)}`, limits.opsSessionMillis / 1000, secure)
    })
  }

  /** A cookie that ends the session in that browser. */
  signOut(secure: boolean): string {
    return cookie('', 0, secure)
  }

  /** Whether a request's `Cookie` header is of a session that hasn't ended. */
  isSignedIn(header: string | undefined): boolean {
    const value = new RegExp(`(?:^|;\\s*)${COOKIE}=(\\d{1,16})\\.([\\w-]+)(?:;|$)`).exec(header ?? '')
    if (!value) return false
    const until = Number(value[1])
    return until > this.#nowMillis() && isSame(value[2]!, this.#signed(until))
  }

  #signed(until: number): string {
    return createHmac('sha256', this.#token).update(`qtable ops session until ${until}`).digest('base64url')
  }
}

function cookie(value: string, maxAgeSeconds: number, secure: boolean): string {
  const parts = [`${COOKIE}=${value}`, 'Path=/ops', `Max-Age=${maxAgeSeconds}`, 'HttpOnly', 'SameSite=Strict']
  return [...parts, ...(secure ? ['Secure'] : [])].join('; ')
}

/** Compares in a time that says nothing of either text. */
export function isSame(a: string, b: string): boolean {
  const [x, y] = [a, b].map((text) => createHash('sha256').update(text).digest())
  return timingSafeEqual(x!, y!)
}
