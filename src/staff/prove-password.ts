import { statement } from '../platform/database/db.ts'
import { AppError, assert } from '../platform/errors.ts'
import { textField } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'
import { passwordFits, Secret } from '../platform/passwords.ts'
import type { ChangeDeps, Context } from '../changes/command/command.ts'

/**
 * A token may be stolen. So a person who sets a password or makes somebody an owner proves that they know their own
 * password. The check runs before the transaction, because it takes long. The refusal happens within it, because only
 * there it is known whether the proof is needed, and because a repeat gets its first answer.
 */

/** The acting person's current password hash. */
export class CurrentPassword extends Secret {
  fits = false
}

/** The own password, as a field of an input. */
export const currentPasswordField = textField(limits.passwordCharacters)
  .transform((text) => new CurrentPassword(text))
  .optional()
  .meta({ description: 'Your own password, to set a password or make somebody an owner' })

const readHash = statement(
  'read-password-hash',
  `select password_hash as hash from staff where restaurant_id = $1 and id = $2`,
)

/** Checks the password that was sent, if one was. Throws `AppError` too-many-attempts (429). */
export async function checkPassword(
  given: CurrentPassword | undefined,
  { restaurantId, actor }: Context,
  { db, secrets }: ChangeDeps,
): Promise<void> {
  if (!given) return
  assert(secrets, 'a command with a password is given what checks it')
  const { staffId } = actor
  assert(staffId !== null, 'a command with a password is one of staff')
  const [row] = await db.read<{ hash: string }>({ restaurantId }, readHash, [restaurantId, staffId])
  given.fits = await secrets.limited(staffId, async () => row !== undefined && passwordFits(given.text, row.hash))
}

/** Throws `AppError` password-needed, wrong-password (403) unless the right one was sent. Spec: A17. */
export function requirePassword(given: CurrentPassword | undefined): void {
  if (!given)
    throw new AppError('password-needed', 403, 'Send your own password as "currentPassword": a token is not enough')
  if (!given.fits) throw new AppError('wrong-password', 403, 'currentPassword is not your password')
}
