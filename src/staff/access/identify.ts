import type { Db } from '../../platform/database/db.ts'
import { isId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import type { Claims, Tokens } from '../../platform/tokens.ts'
import { verdictOn, type Reach, type Verdict } from './access.ts'
import type { StaffActor } from '../../changes/command/command.ts'
import { findDevice } from '../devices/device-sign-in.ts'
import { personOf } from '../devices/grants.ts'
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
  /** People who act on devices, by the device and what they proved there. */
  readonly #people = new Map<string, { readonly until: number; readonly person: StaffActor }>()

  /** `most`: the number of remembered answers. */
  constructor(db: Db, tokens: Tokens, nowMillis: () => number = Date.now, most: number = limits.identities) {
    this.#most = most
    this.#db = db
    this.#tokens = tokens
    this.#nowMillis = nowMillis
  }

  /**
   * Admits the person that a token names, or says why not. An identity is returned only with access to what was asked
   * for. A shared device is nobody, unless the caller knows what to do with devices. Spec: A7, A16, A21.
   */
  async admit(token: string, reach: Reach, knows: 'people' | 'devices' = 'people'): Promise<Verdict> {
    const proven = await this.#of(token)
    return verdictOn(proven !== null && proven.deviceName !== null && knows === 'people' ? null : proven, reach)
  }

  /** The person who acts on a device, by what they proved there; null where that counts no more. Spec: A23. */
  async personOn({ restaurantId, staffId: deviceId }: Proven, grant: string): Promise<StaffActor | null> {
    const now = this.#nowMillis()
    const key = `${deviceId} ${grant}`
    const known = this.#people.get(key)
    if (known && known.until > now) return known.person
    const person = await personOf({ db: this.#db, tokens: this.#tokens }, { restaurantId, deviceId }, grant, now)
    this.#people.delete(key)
    const [oldest] = this.#people.keys()
    if (oldest !== undefined && this.#people.size >= this.#most) this.#people.delete(oldest)
    if (person) this.#people.set(key, { until: now + limits.identityMillis, person })
    return person
  }

  /** Who is admitted to this restaurant, if the person is remembered; otherwise null. */
  admitKnown(token: string, restaurantId: string): Proven | null {
    return verdictOn(this.#knownOf(token), () => restaurantId).admitted
  }

  /** The identity that a token proves, or null: an invalid token, an unknown id, or a sign-in that is over. */
  async #of(token: string): Promise<Proven | null> {
    const claims = this.#tokens.verify(token)
    if (!claims || !isId(claims.sub)) return null
    if (claims.dev !== undefined)
      return isId(claims.dev) ? ((await this.#find(claims.sub, ofDevice(claims.sub), claims.dev)) ?? null) : null
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
    // A shared device reads by the native API only.
    return (known && known.until > this.#nowMillis() && known.found?.deviceName === null && known.found) || null
  }

  /** Forgets a member of staff who has changed. */
  forget(staffId: string): void {
    for (const [key, known] of this.#known) if (known.staffId === staffId) this.#known.delete(key)
    for (const [key, { person }] of this.#people) if (person.staffId === staffId) this.#people.delete(key)
  }

  /** `home`: the restaurant of a device; undefined for a person. */
  async #find(staffId: string, of: TokenOf, home?: string): Promise<Proven | undefined> {
    const key = keyOf(staffId, of.signInId ?? undefined, of.generation ?? undefined)
    const now = this.#nowMillis()
    const known = this.#known.get(key)
    if (known && known.until > now) return known.proven
    const proven = this.#read(staffId, of, home)
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

  async #read(staffId: string, of: TokenOf, home: string | undefined): Promise<Proven | undefined> {
    if (home !== undefined) {
      const device = await findDevice(this.#db, home, staffId)
      return device && provenOf(device, staffId, of, device.deviceName)
    }
    const row = await findIdentity(this.#db, staffId, of)
    return row && provenOf(row, staffId, of, null)
  }
}

const tokenOf = ({ sid, gen = 0 }: Claims): TokenOf =>
  sid === undefined ? { signInId: null, generation: gen } : { signInId: sid, generation: null }

/** A device has one sign-in, which has its id. */
const ofDevice = (deviceId: string): TokenOf => ({ signInId: deviceId, generation: null })

const keyOf = (staffId: string, signInId: string | undefined, generation = 0): string => {
  if (signInId !== undefined) return `${staffId} ${signInId}`
  return generation === 0 ? staffId : `${staffId} ${generation}`
}

/**
 * Copies field by field: a spread row keeps a hidden class of its own, at some hundred bytes each. The id is the
 * token's, which is kept anyway.
 */
function provenOf(row: Identity, staffId: string, of: TokenOf, deviceName: string | null): Proven {
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
    deviceName,
  }
  return made as Proven
}
