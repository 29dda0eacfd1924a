import type { Db } from '../platform/db.ts'
import { isId } from '../platform/ids.ts'
import { limits } from '../platform/limits.ts'
import type { Tokens } from '../platform/tokens.ts'
import { findIdentity, type Identity } from './staff.ts'

/** Knows whom a token names. An answer is remembered for `limits.identityMillis`, so a change of staff counts that much later at most. */
export class Identities {
  readonly #db: Db
  readonly #tokens: Tokens
  readonly #nowMillis: () => number
  readonly #known = new Map<string, { readonly until: number; readonly identity: Promise<Identity | undefined> }>()

  constructor(db: Db, tokens: Tokens, nowMillis: () => number = Date.now) {
    this.#db = db
    this.#tokens = tokens
    this.#nowMillis = nowMillis
  }

  /** The identity that a token proves, or null: a bad token, or nobody has its id. Whether they are active is for the caller to look at. */
  async of(token: string): Promise<Identity | null> {
    const claims = this.#tokens.verify(token)
    if (!claims || !isId(claims.sub)) return null
    return (await this.byId(claims.sub)) ?? null
  }

  /** The identity of a member of staff, at most `limits.identityMillis` old. */
  async byId(staffId: string): Promise<Identity | undefined> {
    const now = this.#nowMillis()
    const known = this.#known.get(staffId)
    if (known && known.until > now) return known.identity
    const identity = this.#db.transaction({ staffId }, (tx) => findIdentity(tx, staffId))
    this.#known.delete(staffId)
    if (this.#known.size >= limits.identities) {
      const oldest = this.#known.keys().next()
      if (!oldest.done) this.#known.delete(oldest.value)
    }
    this.#known.set(staffId, { until: now + limits.identityMillis, identity })
    try {
      return await identity
    } catch (error) {
      this.#known.delete(staffId)
      throw error
    }
  }
}
