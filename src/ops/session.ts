import { createHmac, timingSafeEqual } from 'node:crypto'
import { limits } from '../platform/limits.ts'

const COOKIE = 'qtable_ops'
const HELD = /(?:^|;\s*)qtable_ops=(\d{1,16})\.([\w-]{43})(?:;|$)/

/**
 * The session of the operations page. The cookie holds its end time and an HMAC of it, keyed by the token. It never
 * holds the token, and another token makes it void.
 */
export class OpsSessions {
  readonly #token: string
  readonly #nowMillis: () => number

  constructor(token: string, nowMillis: () => number) {
    this.#token = token
    this.#nowMillis = nowMillis
  }

  /** A cookie for a browser that sent the token. `secure`: over TLS. */
  begin(secure: boolean): string {
    const until = Math.round(this.#nowMillis() + limits.opsSessionMillis)
    return cookie(`${until}.${this.#signed(until)}`, limits.opsSessionMillis / 1000, secure)
  }

  /** A cookie that ends the session in that browser. */
  end(secure: boolean): string {
    return cookie('', 0, secure)
  }

  /** Whether a request's `Cookie` header has a session that has not ended. */
  isSignedIn(header: string | undefined): boolean {
    const value = HELD.exec(header ?? '')
    if (!value) return false
    const until = Number(value[1])
    return until > this.#nowMillis() && timingSafeEqual(Buffer.from(value[2]!), Buffer.from(this.#signed(until)))
  }

  #signed(until: number): string {
    return createHmac('sha256', this.#token).update(`qtable ops session until ${until}`).digest('base64url')
  }
}

function cookie(value: string, maxAgeSeconds: number, secure: boolean): string {
  const parts = [`${COOKIE}=${value}`, 'Path=/ops', `Max-Age=${maxAgeSeconds}`, 'HttpOnly', 'SameSite=Strict']
  return [...parts, ...(secure ? ['Secure'] : [])].join('; ')
}
