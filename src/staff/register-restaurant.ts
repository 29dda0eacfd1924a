import type { Db } from '../platform/db.ts'
import type { Clock } from '../platform/clock.ts'
import { newEpoch } from '../platform/ids.ts'
import { hashPassword } from '../platform/passwords.ts'
import { startLog } from '../changes/log.ts'
import { storeRestaurant } from '../restaurants/restaurants.ts'
import { storeStaff } from './staff.ts'

/** What a new restaurant and its owner are made of. */
export interface Registration {
  readonly restaurantName: string
  readonly email: string
  readonly password: string
  readonly firstName: string | null
  readonly lastName: string | null
}

/**
 * A new restaurant with its owner and an empty change log. Not a command: there is nobody yet to act and no device yet to tell. Throws `AppError`
 * email-taken (409).
 */
export async function registerRestaurant(
  deps: { readonly db: Db; readonly clock: Clock; readonly newId: () => string },
  made: Registration,
): Promise<{ restaurantId: string; staffId: string }> {
  const passwordHash = await hashPassword(made.password)
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
