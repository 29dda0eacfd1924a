import { createHash, timingSafeEqual } from 'node:crypto'
import { bearerOf } from '../platform/http/bearer.ts'
import { limits } from '../platform/limits.ts'

/** What access says to a request: `in`; `closed`, there is no token that opens it; `no`, not with this one; `wait`, too many were wrong. */
export type Admission = 'in' | 'closed' | 'no' | 'wait'

/**
 * Who may read the figures of the whole installation: whoever has OPS_TOKEN. Wrong ones are compared in constant time, and after so many of one address no more are
 * looked at for a while. Spec: M1.
 */
export class OpsAccess {
  readonly #token: string | null
  readonly #nowMillis: () => number
  readonly #failures = new Map<string, number>()
  #failed = 0
  #windowEnds = 0

  /** `token`: null where nothing opens it. */
  constructor(token: string | null, nowMillis: () => number) {
    this.#token = token
    this.#nowMillis = nowMillis
  }

  /** Whether a request with this Authorization header may. */
  admits(authorization: string | undefined, address: string): Admission {
    if (this.#token === null) return 'closed'
    const bearer = bearerOf(authorization)
    return bearer.kind === 'token' ? this.tries(bearer.token, address) : 'no'
  }

  /** Whether a token is the right one, unless too many were wrong. */
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
    // An address that has not been wrong is looked at however many others guess: so they can't shut out the one that scrapes.
    if (isSame(token, this.#token)) return 'in'
    if (this.#failed >= limits.opsFailuresAltogether) return 'wait'
    this.#failed++
    this.#failures.set(address, failures + 1)
    return 'no'
  }
}

/** Compares in a time that tells nothing of either. */
function isSame(a: string, b: string): boolean {
  const [x, y] = [a, b].map((text) => createHash('sha256').update(text).digest())
  return timingSafeEqual(x!, y!)
}
