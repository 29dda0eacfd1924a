import { AppError } from '../../platform/errors.ts'
import { limits } from '../../platform/limits.ts'
import { DAY_MILLIS, microsOf, plusMillis, type Instant } from '../../platform/clock.ts'
import type { Role } from '../../changes/command/command.ts'
import { makeRefreshToken } from './refresh-tokens.ts'
import { signIn, type Credentials, type SignInWays } from './sign-in.ts'
import { storeSignIn } from './sign-ins.ts'

/** What making sign-ins needs. */
export interface SignInDeps extends SignInWays {
  readonly newId: () => string
  /** The lifetime of an access token. */
  readonly tokenMinutes: number
  /** The lifetime of a sign-in without a refresh. */
  readonly refreshDays: number
}

/** The answer to a device that signed in or refreshed. */
export interface SignedIn {
  readonly accessToken: string
  readonly expiresInSeconds: number
  readonly refreshToken: string
  readonly staffId: string
  readonly restaurantId: string
  readonly role: Role
}

/** When a sign-in that is used now expires, unless it is used again. */
export const expiryOf = (deps: SignInDeps, now: Instant): Instant => plusMillis(now, deps.refreshDays * DAY_MILLIS)

/** How long an access token is valid, in seconds: it never outlives its sign-in. */
export const lifeOf = (deps: SignInDeps): number =>
  Math.min(deps.tokenMinutes * 60, (deps.refreshDays * DAY_MILLIS) / 1000)

/** The answer to a sign-in or a refresh. The access token belongs to the sign-in, and never outlives it. */
export function answerWith(
  deps: SignInDeps,
  who: { readonly staffId: string; readonly restaurantId: string; readonly role: Role },
  signInId: string,
  refreshToken: string,
  now: Instant,
): SignedIn {
  const { staffId, restaurantId, role } = who
  const expiresInSeconds = lifeOf(deps)
  const exp = Math.floor(microsOf(now) / 1e6) + expiresInSeconds
  const accessToken = deps.tokens.sign({ sub: staffId, restaurant_id: restaurantId, sid: signInId, exp })
  return { accessToken, expiresInSeconds, refreshToken, staffId, restaurantId, role }
}

/**
 * Starts a sign-in: an access token and the first refresh token of a new family. Throws `AppError` wrong-credentials,
 * account-inactive, restaurant-inactive (401), too-many-attempts (429), busy (503), also when the account changes at
 * each attempt. Spec: A5, A14.
 */
export async function startSignIn(
  deps: SignInDeps,
  credentials: Credentials,
  device: string | null,
): Promise<SignedIn> {
  for (let attempt = 1; attempt <= limits.transactionAttempts; attempt++) {
    const who = await signIn(deps, credentials)
    const [id, now] = [deps.newId(), deps.clock.now()]
    const { text, hash } = makeRefreshToken(deps.tokens, who.restaurantId, id)
    const made = { id, device, now, expiresAt: expiryOf(deps, now), tokenHash: hash }
    const stored = await deps.db.transaction({ restaurantId: who.restaurantId }, (tx) => storeSignIn(tx, who, made))
    if (stored) return answerWith(deps, who, id, text, now)
  }
  throw new AppError('busy', 503, 'The account is being changed')
}
