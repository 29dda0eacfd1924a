import { limits } from './limits.ts'
import { refusalOf, request, type Answer } from './request.ts'
import type { Surroundings } from './surroundings.ts'
import { ClientError } from './words.ts'

/** A sign-in as it is stored. */
export interface Tokens {
  readonly accessToken: string
  readonly refreshToken: string
  /** Milliseconds since 1970 by this device's clock. */
  readonly expiresAt: number
  readonly lifeMillis: number
  /** The person; or the shared device. */
  readonly staffId: string
  readonly restaurantId: string
  readonly role: string
  readonly isDevice?: boolean
}

/** The key of the stored tokens: one sign-in a storage. */
export const TOKENS = 'tokens'

/**
 * The sign-in of this device. Tokens are stored before they are used; the access token is renewed before it ends, by one request at a time in all tabs. A lost
 * answer is asked for again with the same refresh token. Only a refusal of the server ends it, never a broken network. Spec: D4, D5.
 */
export class Session {
  readonly #at: Surroundings
  readonly #base: string
  readonly #ended: () => void
  #tokens: Tokens | null = null
  /** Received but not stored yet: storing failed. */
  #unstored: Tokens | null = null
  #renewing: Promise<Tokens> | null = null

  /** `base` is the server's address without a slash at its end; `ended` is called when the server has ended the sign-in. */
  constructor(at: Surroundings, base: string, ended: () => void) {
    this.#at = at
    this.#base = base
    this.#ended = ended
  }

  /** Takes what was stored. */
  restore(stored: unknown): void {
    this.#tokens = (stored as Tokens | undefined) ?? null
  }

  get tokens(): Tokens | null {
    return this.#tokens
  }

  /** Throws `ClientError`: wrong-credentials or another code of the server's; unreachable, when nobody knows. */
  async signIn(email: string, password: string, device?: string): Promise<Tokens> {
    const answer = await this.#post('/v2/sign-in', { email, password, device })
    const tokens = answer && this.#read(answer)
    if (tokens) return this.#keep(tokens)
    throw refusalOf(answer)
  }

  /** Signs in as a shared device. Throws `ClientError`: wrong-code or another code of the server's; unreachable. */
  async pair(code: string): Promise<Tokens> {
    const answer = await this.#post('/v2/pair-device', { code })
    const tokens = answer && this.#read(answer)
    if (tokens) return this.#keep(tokens)
    throw refusalOf(answer)
  }

  /** Forgets the sign-in here, and ends it at the server where that can be reached. */
  async signOut(): Promise<void> {
    const tokens = this.#tokens
    this.#tokens = null
    this.#unstored = null
    await this.#at.storage.write([{ drop: TOKENS }])
    if (tokens) await this.#post('/v2/sign-out', { refreshToken: tokens.refreshToken })
  }

  /** An access token to use now, of this person where one is named. Throws `ClientError`: not-signed-in, unreachable, storage. */
  async token(staffId?: string): Promise<string> {
    const tokens = this.#tokens
    if (!tokens || (staffId !== undefined && tokens.staffId !== staffId))
      throw new ClientError('not-signed-in', 'Sign in first')
    const left = tokens.expiresAt - this.#at.now()
    // A clock that was set back makes a token look younger than it can be.
    if (left > Math.min(limits.tokenMarginMillis, tokens.lifeMillis / 2) && left <= tokens.lifeMillis)
      return tokens.accessToken
    try {
      const renewed = await this.#renew()
      if (renewed.staffId === tokens.staffId) return renewed.accessToken
    } catch (error) {
      // It is good for a little longer; renewing is tried again the next time.
      if (this.#tokens === tokens && left > 0 && left <= tokens.lifeMillis) return tokens.accessToken
      throw error
    }
    throw new ClientError('not-signed-in', 'Somebody else signed in in the meantime')
  }

  /** The server did not take this access token: the next one asked for is another. */
  expire(accessToken: string): void {
    if (this.#tokens?.accessToken === accessToken) this.#tokens = { ...this.#tokens, expiresAt: 0 }
  }

  #renew(): Promise<Tokens> {
    this.#renewing ??= this.#at
      .alone('qtable-tokens', () => this.#renewAlone())
      .finally(() => {
        this.#renewing = null
      })
    return this.#renewing
  }

  async #renewAlone(): Promise<Tokens> {
    if (this.#unstored) return this.#keep(this.#unstored)
    const mine = this.#tokens
    if (!mine) throw new ClientError('not-signed-in', 'Sign in first')
    const stored = ((await this.#at.storage.get(TOKENS)) ?? null) as Tokens | null
    // Another tab was here first.
    if (stored && stored.refreshToken !== mine.refreshToken && stored.staffId === mine.staffId)
      return (this.#tokens = stored)
    const answer = await this.#post(mine.isDevice ? '/v2/refresh-device' : '/v2/refresh', {
      refreshToken: mine.refreshToken,
    })
    const tokens = answer && this.#read(answer)
    if (this.#tokens?.refreshToken !== mine.refreshToken)
      throw new ClientError('not-signed-in', 'Signed out in the meantime')
    if (tokens) return this.#keep(tokens)
    if (answer?.status === 401 && answer.body['code'] === 'refresh-refused') {
      this.#tokens = null
      await this.#at.storage.write([{ drop: TOKENS }]).catch(() => undefined)
      this.#ended()
      throw new ClientError('not-signed-in', 'The sign-in has ended; sign in again')
    }
    throw refusalOf(null)
  }

  async #keep(tokens: Tokens): Promise<Tokens> {
    this.#unstored = tokens
    try {
      await this.#at.storage.write([{ put: TOKENS, value: tokens }])
    } catch (error) {
      throw new ClientError('storage', 'The sign-in could not be stored', error)
    }
    this.#unstored = null
    return (this.#tokens = tokens)
  }

  #post(path: string, body: object): Promise<Answer | null> {
    return request(this.#at, 'POST', this.#base + path, body)
  }

  /** The tokens of an answer, or null where it is none: a portal that answers for the server has no say here. */
  #read({ status, body }: Answer): Tokens | null {
    const { accessToken, refreshToken, expiresInSeconds, restaurantId, deviceId } = body
    const isDevice = deviceId !== undefined
    // A device has no role of its own: the person's counts.
    const [staffId, role] = isDevice ? [deviceId, 'host'] : [body['staffId'], body['role']]
    const texts = [accessToken, refreshToken, staffId, restaurantId, role]
    if (status !== 200 || typeof expiresInSeconds !== 'number' || !texts.every((text) => typeof text === 'string'))
      return null
    const lifeMillis = expiresInSeconds * 1000
    const [access, refresh, staff, restaurant, rank] = texts as [string, string, string, string, string]
    return {
      accessToken: access,
      refreshToken: refresh,
      expiresAt: this.#at.now() + lifeMillis,
      lifeMillis,
      staffId: staff,
      restaurantId: restaurant,
      role: rank,
      ...(isDevice && { isDevice }),
    }
  }
}
