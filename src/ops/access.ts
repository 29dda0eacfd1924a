import { createHash, timingSafeEqual } from 'node:crypto'
import { bearerOf } from '../platform/http/bearer.ts'
import { limits } from '../platform/limits.ts'

/**
 * The result of an access check: `in`; `closed`, no token opens it; `no`, not with this token; `wait`, too many were
 * wrong.
 */
export type Admission = 'in' | 'closed' | 'no' | 'wait'

/**
 * Grants access to the figures of the whole installation with OPS_TOKEN. Tokens are compared in constant time. After
 * too many wrong ones from an address, no more are checked for a while. Spec: M1.
 */
export class OpsAccess {
  readonly #token: string | null
  readonly #nowMillis: () => number
  readonly #failures = new Map<string, number>()
  #failed = 0
  #windowEnds = 0

  /** `token`: null if nothing opens it. */
  constructor(token: string | null, nowMillis: () => number) {
    this.#token = token
    this.#nowMillis = nowMillis
  }

  /** Checks the Authorization header of a request. */
  admits(authorization: string | undefined, address: string): Admission {
    if (this.#token === null) return 'closed'
    const bearer = bearerOf(authorization)
    return bearer.kind === 'token' ? this.tries(bearer.token, address) : 'no'
  }

  /** Checks a token, unless too many were wrong. */
  tries(token: string, address: string): Admission {
    if (this.#token === null) return 'closed'
    const now = this.#nowMillis()
    if (now >= this.#windowEnds) {
      this.#windowEnds = now + limits.opsFailureWindowMillis
      this.#failures.clear()
      this.#failed = 0
    }
    const failures = this.#failures.get(address) ?? 0
    if (failures >= limits.opsFailures) return 'wait'
    // A token from an address without failures is always checked, however many others guess. So guesses cannot lock
    // out the scraper.
    if (isSame(token, this.#token)) return 'in'
    if (this.#failed >= limits.opsFailuresAltogether) return 'wait'
    this.#failed++
    this.#failures.set(address, failures + 1)
    return 'no'
  }
}

/** Compares in a time that reveals nothing about either. */
function isSame(a: string, b: string): boolean {
  const [x, y] = [a, b].map((text) => createHash('sha256').update(text).digest())
  return timingSafeEqual(x!, y!)
}
