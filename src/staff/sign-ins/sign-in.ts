import type { Db } from '../../platform/database/db.ts'
import { AppError } from '../../platform/errors.ts'
import { microsOf, type Clock, type Instant } from '../../platform/clock.ts'
import { limits } from '../../platform/limits.ts'
import type { Origin } from '../../platform/http/origin.ts'
import { hashPassword, isOutdated, passwordFits } from '../../platform/passwords.ts'
import type { Tokens } from '../../platform/tokens.ts'
import { makeDevice, networkOf, staffOfDevice } from './known-devices.ts'
import type { Counted, SignInAttempts } from './sign-in-attempts.ts'
import { findAccount, noteSignIn, type Account } from '../staff.ts'

/** What signing in needs, at either door. */
export interface SignInWays {
  readonly db: Db
  readonly clock: Clock
  readonly tokens: Tokens
  readonly attempts: SignInAttempts
}

/** The credentials and the place of a sign-in. */
export interface Credentials {
  readonly email: string
  readonly password: string
  readonly origin: Origin
}

// An unknown e-mail costs the same as a known one: the password is checked against a hash that nothing fits.
let decoy: Promise<string> | undefined

/**
 * Finds the account of this e-mail and password, and the hash of the password. Replaces a hash of an older kind. A
 * device or address that signed in before is counted apart from strangers, so guesses from elsewhere do not lock it
 * out. Throws `AppError` wrong-credentials, account-inactive, restaurant-inactive (401), too-many-attempts (429),
 * busy (503). Spec: A2, A14.
 */
export async function signIn(deps: SignInWays, { email, password, origin }: Credentials): Promise<Account> {
  const { db, clock, tokens, attempts } = deps
  const network = networkOf(origin.address)
  const device = origin.device === null ? null : { text: origin.device, staffId: staffOfDevice(tokens, origin.device) }
  const ways = waysOf(email, network, device?.staffId ? device.text : null)
  const asker = { who: ways.who, network, isKnown: ways.device !== null }
  return attempts.crowd.run(asker, async () => {
    const account = await db.transaction({ email }, async (tx) => {
      const [found] = await Promise.all([
        findAccount(tx, email, attempts.placeOf(network)),
        attempts.look(ways.all, tx),
      ])
      return found
    })
    const now = clock.now()
    const isKnownDevice = account !== undefined && device?.staffId === account.staffId
    const placeAge = account?.placeUsedAt ? ageOf(account.placeUsedAt, now) : Infinity
    const isKnownPlace = placeAge < limits.knownPlaceMillis
    const known = [...(isKnownDevice ? [ways.device!] : []), ...(isKnownPlace ? [ways.place] : [])]
    // When their own guesses are used up, they count as strangers.
    const own = known.find((counted) => attempts.hasRoom(counted))
    const counted = own ? [own] : ways.strangers
    const lane = own ? 'known' : 'strangers'
    const better = await attempts.run(counted, () => check(account, password, lane))
    attempts.crowd.succeeded(network)
    if (!isKnownDevice) origin.remember(makeDevice(tokens, account!.staffId))
    const place = placeAge < limits.knownPlaceRenewMillis ? null : attempts.placeOf(network)
    await db.transaction({ restaurantId: account!.restaurantId }, (tx) => noteSignIn(tx, account!, now, better, place))
    return { ...account!, passwordHash: better ?? account!.passwordHash }
  })
}

/** Whether the password is the account's, and the account active. Returns a better hash, if one is needed. */
async function check(
  account: Account | undefined,
  password: string,
  lane: 'known' | 'strangers',
): Promise<string | null> {
  decoy ??= hashPassword('a password that nobody has')
  const fits = await passwordFits(password, account?.passwordHash ?? (await decoy), lane)
  if (!account || !fits) throw new AppError('wrong-credentials', 401, 'Incorrect email or password')
  if (!account.isActive) throw new AppError('account-inactive', 401, 'Account is inactive')
  if (!account.restaurantIsActive) throw new AppError('restaurant-inactive', 401, 'Restaurant account is inactive')
  return isOutdated(account.passwordHash) ? hashPassword(password) : null
}

const ageOf = (at: Instant, now: Instant): number => (microsOf(now) - microsOf(at)) / 1000

/** The keys under which failures of a sign-in are counted, by the caller. */
function waysOf(email: string, network: string, device: string | null) {
  const account = sameEmail(email)
  const most = limits.signInFailuresPerKnown
  const strangers: readonly Counted[] = [
    addressKey(network),
    { key: `e-mail ${account}`, most: limits.signInFailuresPerEmail },
  ]
  const place = { key: `place ${network} ${account}`, most }
  const ofDevice = device === null ? null : { key: `device ${device} ${account}`, most }
  const all = [...strangers, place, ...(ofDevice ? [ofDevice] : [])]
  return { who: `${account} ${network} ${device ?? ''}`, strangers, place, device: ofDevice, all }
}

/**
 * One text for all spellings that the database may treat as the same e-mail. Its lower() may remove the dot of a
 * Turkish capital I.
 */
export const sameEmail = (email: string): string => email.normalize('NFKD').toLowerCase().replaceAll('\u0307', '')

/** The key for failures from an address, whatever was tried. */
export const addressKey = (network: string): Counted => ({
  key: `address ${network}`,
  most: limits.signInFailuresPerAddress,
})
