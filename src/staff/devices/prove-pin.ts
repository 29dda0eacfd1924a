import { statement } from '../../platform/database/db.ts'
import { microsOf, plusMillis, type Instant } from '../../platform/clock.ts'
import { AppError } from '../../platform/errors.ts'
import { limits } from '../../platform/limits.ts'
import { passwordFits } from '../../platform/passwords.ts'
import type { Role } from '../../changes/command/command.ts'
import type { SignInDeps } from '../sign-ins/start-sign-in.ts'
import { makeGrant } from './grants.ts'
import { waitAfter } from './rules.ts'

/** What a device gets for a person's PIN. */
export interface ProvenPin {
  readonly staffId: string
  readonly role: Role
  /** Sent as `x-person` with what this person does on this device. */
  readonly grant: string
  readonly expiresAt: Instant
  /** Whether the device may check this PIN without a network from now on. */
  readonly mayCheckOffline: boolean
}

const readPin = statement(
  'read-pin',
  `select s.role, s.token_generation as generation, s.pin_hash as "pinHash", d.checks_pins_offline as "mayCheckOffline"
   from staff s join devices d on d.restaurant_id = s.restaurant_id and d.id = $3
   where s.restaurant_id = $1 and s.id = $2 and s.is_active and s.pin_hash is not null`,
)

const insertTries = statement(
  'insert-pin-tries',
  `insert into pin_tries (restaurant_id, device_id, staff_id, failures, tried_at) values ($1, $2, $3, 0, $4)
   on conflict (restaurant_id, device_id, staff_id) do nothing`,
)

const lockTries = statement(
  'lock-pin-tries',
  `select failures, tried_at as "triedAt" from pin_tries
   where restaurant_id = $1 and device_id = $2 and staff_id = $3 for update`,
)

const updateTries = statement(
  'update-pin-tries',
  `update pin_tries set failures = $4, tried_at = $5 where restaurant_id = $1 and device_id = $2 and staff_id = $3`,
)

interface Pin {
  readonly role: Role
  readonly generation: number
  readonly pinHash: string
  readonly mayCheckOffline: boolean
}

/**
 * Checks a person's PIN on a device, and grants the device to act for them. A try counts as failed before it is checked,
 * so that many at once are as many. Throws `AppError` pin-not-set (409), also for nobody of this restaurant and for
 * somebody inactive; wrong-pin (403), too-many-attempts (429). Spec: A22, A23.
 */
export async function provePin(
  deps: SignInDeps,
  device: { readonly restaurantId: string; readonly deviceId: string },
  staffId: string,
  pin: string,
): Promise<ProvenPin> {
  const { restaurantId, deviceId } = device
  const now = deps.clock.now()
  const key = [restaurantId, deviceId, staffId]
  const found = await deps.db.transaction({ restaurantId }, async (tx) => {
    const known = await tx.maybe<Pin>(readPin, [restaurantId, staffId, deviceId])
    if (!known) throw new AppError('pin-not-set', 409, 'This person has no PIN here', { staffId })
    const [, { failures, triedAt }] = await Promise.all([
      tx.all(insertTries, [...key, now]),
      tx.one<{ failures: number; triedAt: Instant }>(lockTries, key),
    ])
    const waitMillis = waitAfter(failures) - (microsOf(now) - microsOf(triedAt)) / 1000
    if (waitMillis > 0) {
      const retryAfterSeconds = Math.ceil(waitMillis / 1000)
      throw new AppError('too-many-attempts', 429, 'Too many wrong PINs', { retryAfterSeconds })
    }
    await tx.all(updateTries, [...key, failures + 1, now])
    return { ...known, failures: failures + 1 }
  })
  if (!(await passwordFits(pin, found.pinHash))) {
    const retryAfterSeconds = Math.ceil(waitAfter(found.failures) / 1000)
    throw new AppError('wrong-pin', 403, 'This is not the PIN', { staffId, retryAfterSeconds })
  }
  await deps.db.transaction({ restaurantId }, (tx) => tx.all(updateTries, [...key, 0, now]))
  const { role, generation, pinHash, mayCheckOffline } = found
  const grant = makeGrant(deps.tokens, { restaurantId, deviceId, staffId, generation, pinHash }, now)
  return { staffId, role, grant, expiresAt: plusMillis(now, limits.grantMillis), mayCheckOffline }
}
