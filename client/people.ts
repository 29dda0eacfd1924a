import { waitAfter } from '../src/staff/devices/rules.ts'
import { newId } from './ids.ts'
import { limits } from './limits.ts'
import { refusalOf, request, type Answer } from './request.ts'
import type { Session } from './session.ts'
import type { Op } from './storage.ts'
import type { Surroundings } from './surroundings.ts'
import { ClientError } from './words.ts'

/** Somebody who entered their PIN on this device, as it is stored. Times are milliseconds since 1970 by its clock. */
interface Known {
  readonly staffId: string
  readonly role: string
  /** What the server takes as a proof that this person did something here. */
  readonly grant: string
  readonly expiresAt: number
  /** For a check without a network; null where that is not allowed or not possible. */
  readonly check: { readonly salt: string; readonly hash: string } | null
  /** Wrong PINs in a row while there was no network, and the time of the last try. */
  readonly failures: number
  readonly triedAt: number
}

/** Who acts on a shared device. */
export interface Person {
  readonly staffId: string
  readonly role: string
}

/**
 * The people of a shared device. A PIN is checked by the server, and without a network by the device where a manager allows that. What a person did is sent
 * with their newest grant, whoever stands there by then. Spec: D24, D25.
 */
export class People {
  readonly #at: Surroundings
  readonly #session: Session
  readonly #server: string
  readonly #prefix: string
  readonly #known = new Map<string, Known>()
  #acting: string | null = null

  /** `prefix`: before the keys of this account. */
  constructor(
    at: Surroundings,
    session: Session,
    server: string,
    prefix: string,
    stored: ReadonlyMap<string, unknown>,
  ) {
    this.#at = at
    this.#session = session
    this.#server = server
    this.#prefix = prefix
    for (const [key, value] of stored)
      if (key.startsWith(`${prefix}person/`)) this.#known.set((value as Known).staffId, value as Known)
    const acting = stored.get(`${prefix}acting`)
    if (typeof acting === 'string' && this.#known.has(acting)) this.#acting = acting
  }

  /** Who acts now; null where nobody has entered a PIN, or has left. */
  get acting(): Person | null {
    const known = this.#acting === null ? undefined : this.#known.get(this.#acting)
    return known ? { staffId: known.staffId, role: known.role } : null
  }

  /** The proof that goes with what a person did; null where this device has none. */
  grantOf(staffId: string): string | null {
    return this.#known.get(staffId)?.grant ?? null
  }

  /**
   * Lets a person act from now on. Throws `ClientError`: wrong-pin, pin-not-set, too-many-attempts, storage; not-signed-in; unreachable where there is no
   * network and the PIN can't be checked here.
   */
  async switchTo(staffId: string, pin: string): Promise<Person> {
    const answer = await this.#ask(staffId, pin)
    if (answer?.status === 200 && typeof answer.body['grant'] === 'string') await this.#proven(staffId, pin, answer)
    else if (answer && answer.status < 500 && typeof answer.body['code'] === 'string')
      await this.#refused(staffId, answer)
    else await this.#checkHere(staffId, pin)
    return this.acting!
  }

  /** Nobody acts from now on. Throws `ClientError` storage. */
  async leave(): Promise<void> {
    this.#acting = null
    await this.#write([{ drop: `${this.#prefix}acting` }])
  }

  async #ask(staffId: string, pin: string): Promise<Answer | null> {
    for (let attempt = 1; attempt <= 2; attempt++) {
      let accessToken: string
      try {
        accessToken = await this.#session.token()
      } catch (error) {
        if (error instanceof ClientError && error.code === 'not-signed-in') throw error
        return null
      }
      const answer = await request(this.#at, 'POST', `${this.#server}/v2/prove-pin`, { accessToken, staffId, pin })
      if (answer?.status !== 401) return answer
      this.#session.expire(accessToken)
    }
    return null
  }

  async #proven(staffId: string, pin: string, { body }: Answer): Promise<void> {
    const { slowHash } = this.#at
    const salt = newId()
    const mayCheck = body['mayCheckOffline'] === true && slowHash !== undefined
    const now = this.#at.now()
    await this.#enter({
      staffId,
      role: String(body['role']),
      grant: String(body['grant']),
      // By this device's clock, which may be wrong: the server decides in the end.
      expiresAt: now + limits.grantMillis,
      check: mayCheck ? { salt, hash: await slowHash(pin, salt) } : null,
      failures: 0,
      triedAt: now,
    })
  }

  /** The server's word. Who has no PIN any more, or is not active, is not let in without a network either. */
  async #refused(staffId: string, answer: Answer): Promise<never> {
    const known = this.#known.get(staffId)
    if (known?.check && answer.body['code'] === 'pin-not-set') await this.#keep({ ...known, check: null })
    throw refusalOf(answer)
  }

  async #checkHere(staffId: string, pin: string): Promise<void> {
    const known = this.#known.get(staffId)
    const { slowHash } = this.#at
    if (!known?.check || !slowHash || known.expiresAt <= this.#at.now())
      throw new ClientError(
        'unreachable',
        'The server could not be asked, and this PIN can be checked with a network only',
      )
    const now = this.#at.now()
    // A clock that was set back shortens no wait.
    const waited = Math.max(0, now - known.triedAt)
    if (waited < waitAfter(known.failures)) throw new ClientError('too-many-attempts', 'Too many wrong PINs: wait')
    // Counted first, so that a device that is switched off in between has counted it.
    const tried = { ...known, failures: known.failures + 1, triedAt: now }
    await this.#keep(tried)
    if ((await slowHash(pin, known.check.salt)) !== known.check.hash)
      throw new ClientError('wrong-pin', 'This is not the PIN')
    await this.#enter({ ...tried, failures: 0 })
  }

  async #enter(known: Known): Promise<void> {
    await this.#keep(known, [{ put: `${this.#prefix}acting`, value: known.staffId }])
    this.#acting = known.staffId
  }

  async #keep(known: Known, more: readonly Op[] = []): Promise<void> {
    await this.#write([{ put: `${this.#prefix}person/${known.staffId}`, value: known }, ...more])
    this.#known.set(known.staffId, known)
  }

  async #write(ops: readonly Op[]): Promise<void> {
    try {
      await this.#at.storage.write(ops)
    } catch (error) {
      throw new ClientError('storage', 'Who acts could not be stored on this device', error)
    }
  }
}
