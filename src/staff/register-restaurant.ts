import type { Db } from '../platform/database/db.ts'
import type { Clock } from '../platform/clock.ts'
import { newEpoch } from '../platform/ids.ts'
import { hashPassword } from '../platform/passwords.ts'
import { startLog } from '../changes/log/log.ts'
import { storeRestaurant } from '../restaurants/restaurants.ts'
import type { Origin } from '../platform/http/origin.ts'
import { networkOf } from './sign-ins/known-devices.ts'
import { addressKey, type SignInWays } from './sign-ins/sign-in.ts'
import { storeStaff } from './members.ts'

/** The data of a new restaurant and its owner. */
export interface Registration {
  readonly restaurantName: string
  readonly email: string
  readonly password: string
  readonly firstName: string | null
  readonly lastName: string | null
}

/**
 * Creates a restaurant with its owner and an empty change log. It is not a command: nobody can act yet, and there is
 * no device to tell. Throws `AppError` email-taken (409).
 */
export async function registerRestaurant(
  deps: { readonly db: Db; readonly clock: Clock; readonly newId: () => string },
  made: Registration,
  lane: 'known' | 'strangers' = 'known',
): Promise<{ restaurantId: string; staffId: string }> {
  const passwordHash = await hashPassword(made.password, lane)
  const restaurantId = deps.newId()
  const staffId = deps.newId()
  const now = deps.clock.now()
  await deps.db.transaction({ restaurantId }, async (tx) => {
    await storeRestaurant(tx, restaurantId, made.restaurantName, now)
    await startLog(tx, restaurantId, newEpoch(), now)
    const { email, firstName, lastName } = made
    await storeStaff(tx, { restaurantId, id: staffId, email, passwordHash, firstName, lastName, role: 'owner' }, now)
  })
  return { restaurantId, staffId }
}

/**
 * The same for a stranger. It reveals whether somebody has an e-mail, so repeated attempts count as guesses. Throws
 * `AppError` too-many-attempts (429) and busy (503) too. Spec: A14.
 */
export function registerFrom(
  deps: SignInWays & { readonly newId: () => string },
  { address }: Origin,
  made: Registration,
): Promise<{ restaurantId: string; staffId: string }> {
  const { attempts } = deps
  const network = networkOf(address)
  const counted = [addressKey(network)]
  return attempts.crowd.run({ who: `registering ${network}`, network, isKnown: false }, async () => {
    await attempts.look(counted)
    return attempts.run(counted, () => registerRestaurant(deps, made, 'strangers'))
  })
}
