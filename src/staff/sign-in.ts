import type { Db } from '../platform/db.ts'
import { AppError } from '../platform/errors.ts'
import type { Clock } from '../platform/clock.ts'
import { hashPassword, isOutdated, passwordFits } from '../platform/passwords.ts'
import { findAccount, noteSignIn, type Account } from './staff.ts'

// An unknown e-mail costs what a known one does: the password is held against a hash that nothing fits.
let decoy: Promise<string> | undefined

/**
 * Who signs in with this e-mail and password, and the hash that it now fits. A hash of an older kind is replaced on the way. Throws `AppError`
 * wrong-credentials, account-inactive, restaurant-inactive (401).
 */
export async function signIn(
  deps: { readonly db: Db; readonly clock: Clock },
  email: string,
  password: string,
): Promise<Account> {
  const account = await deps.db.transaction({ email }, (tx) => findAccount(tx, email))
  decoy ??= hashPassword('a password that nobody has')
  const fits = await passwordFits(password, account?.passwordHash ?? (await decoy))
  if (!account || !fits) throw new AppError('wrong-credentials', 401, 'Incorrect email or password')
  if (!account.isActive) throw new AppError('account-inactive', 401, 'Account is inactive')
  if (!account.restaurantIsActive) throw new AppError('restaurant-inactive', 401, 'Restaurant account is inactive')
  const better = isOutdated(account.passwordHash) ? await hashPassword(password) : null
  const now = deps.clock.now()
  await deps.db.transaction({ restaurantId: account.restaurantId }, (tx) => noteSignIn(tx, account, now, better))
  return { ...account, passwordHash: better ?? account.passwordHash }
}
