import type { Db } from '../../platform/database/db.ts'
import { isId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import type { Claims, Tokens } from '../../platform/tokens.ts'
import { verdictOn, type Reach, type Verdict } from './access.ts'
import { findIdentity, type Identity, type Proven, type TokenOf } from '../staff.ts'

interface Known {
  readonly until: number
  readonly staffId: string
  readonly proven: Promise<Proven | undefined>
  /** The result of `proven`. */
  found?: Proven | undefined
}

/**
 * Finds the person that a token names. An answer is remembered for `limits.identityMillis`, so a change of staff
 * takes effect that much later at most.
 */
export class Identities {
  readonly #db: Db
  readonly #tokens: Tokens
  readonly #nowMillis: () => number
  readonly #most: number
  readonly #known = new Map<string, Known>()

  /** `most`: the number of remembered answers. */
  constructor(db: Db, tokens: Tokens, nowMillis: () => number = Date.now, most: number = limits.identities) {
    this.#most = most
    this.#db = db
    this.#tokens = tokens
    this.#nowMillis = nowMillis
  }

  /**
   * Admits the person that a token names, or says why not. An identity is returned only with access to what was asked
   * for. Spec: A7, A16.
   */
  async admit(token: string, reach: Reach): Promise<Verdict> {
    return verdictOn(await this.#of(token), reach)
  }

  /** Who is admitted to this restaurant, if the person is remembered; otherwise null. */
  admitKnown(token: string, restaurantId: string): Proven | null {
    return verdictOn(this.#knownOf(token), () => restaurantId).admitted
  }

  /** The identity that a token proves, or null: an invalid token, an unknown id, or a sign-in that is over. */
  async #of(token: string): Promise<Proven | null> {
    const claims = this.#tokens.verify(token)
    if (!claims || !isId(claims.sub)) return null
    const of = tokenOf(claims)
    if (of.signInId !== null && !isId(of.signInId)) return null
    return (await this.#find(claims.sub, of)) ?? null
  }

  /** Whether a token was signed here and has not expired, whomever it names now. Asks nobody. */
  isSigned(token: string): boolean {
    return this.#tokens.verify(token) !== null
  }

  #knownOf(token: string): Proven | null {
    const claims = this.#tokens.verify(token)
    const known = claims && this.#known.get(keyOf(claims.sub, claims.sid, claims.gen))
    return (known && known.until > this.#nowMillis() && known.found) || null
  }

  /** Forgets a member of staff who has changed. */
  forget(staffId: string): void {
    for (const [key, known] of this.#known) if (known.staffId === staffId) this.#known.delete(key)
  }

  async #find(staffId: string, of: TokenOf): Promise<Proven | undefined> {
    const key = keyOf(staffId, of.signInId ?? undefined, of.generation ?? undefined)
    const now = this.#nowMillis()
    const known = this.#known.get(key)
    if (known && known.until > now) return known.proven
    const proven = this.#read(staffId, of)
    this.#known.delete(key)
    this.#forgetOld(now)
    const made: Known = { until: now + limits.identityMillis, staffId, proven }
    this.#known.set(key, made)
    try {
      return (made.found = await proven)
    } catch (error) {
      if (this.#known.get(key) === made) this.#known.delete(key)
      throw error
    }
  }

  /** Removes expired entries, and the oldest when there are too many. Entries are in the order of their time. */
  #forgetOld(now: number): void {
    for (const [key, { until }] of this.#known) {
      if (until > now && this.#known.size < this.#most) return
      this.#known.delete(key)
    }
  }

  async #read(staffId: string, of: TokenOf): Promise<Proven | undefined> {
    const row = await findIdentity(this.#db, staffId, of)
    return row && provenOf(row, staffId, of)
  }
}

const tokenOf = ({ sid, gen = 0 }: Claims): TokenOf =>
  sid === undefined ? { signInId: null, generation: gen } : { signInId: sid, generation: null }

const keyOf = (staffId: string, signInId: string | undefined, generation = 0): string => {
  if (signInId !== undefined) return `${staffId} ${signInId}`
  return generation === 0 ? staffId : `${staffId} ${generation}`
}

/**
 * Copies field by field: a spread row keeps a hidden class of its own, at some hundred bytes each. The id is the
 * token's, which is kept anyway.
 */
function provenOf(row: Identity, staffId: string, of: TokenOf): Proven {
  const { email, firstName, lastName, role, isActive, restaurantId, restaurantName, restaurantIsActive } = row
  const made = {
    staffId,
    email,
    firstName,
    lastName,
    role,
    isActive,
    restaurantId,
    restaurantName,
    restaurantIsActive,
    signInId: of.signInId,
    generation: of.generation,
  }
  return made as Proven
}
