import { statement, type Tx } from '../../platform/database/db.ts'
import type { Instant } from '../../platform/clock.ts'
import type { Role } from '../../changes/command/command.ts'
import type { Account } from '../staff.ts'

/** Stored sign-ins: one row is a family of refresh tokens. */

/** The reason for the end of a sign-in. */
export type EndReason = 'signed-out' | 'token-reused' | 'ended' | 'password-changed' | 'deactivated' | 'role-changed'

/** A sign-in with a locked row, and its person. */
export interface SignIn {
  readonly id: string
  readonly restaurantId: string
  readonly staffId: string
  readonly role: Role
  readonly isActive: boolean
  readonly restaurantIsActive: boolean
  readonly expiresAt: Instant
  readonly isRevoked: boolean
  readonly tokenHash: Buffer
  readonly previousHash: Buffer | null
  readonly previousRepeats: number
}

// The row of staff stays locked while the sign-in is stored. A change of the password or the account either ends what
// was there before, or comes first and is seen here.
const insertSignIn = statement(
  'insert-sign-in',
  `with who as (
     select s.restaurant_id, s.id from staff s join restaurants r on r.restaurant_id = s.restaurant_id
     where s.restaurant_id = $1 and s.id = $2 and s.password_hash = $3 and s.is_active and r.is_active for share of s)
   insert into sign_ins (restaurant_id, id, staff_id, device, created_at, used_at, expires_at, token_hash)
   select restaurant_id, $4, id, $5, $6, $6, $7, $8 from who
   returning true as stored`,
)

const readSignInLocked = statement(
  'read-sign-in-locked',
  `select i.id, i.restaurant_id as "restaurantId", i.staff_id as "staffId", s.role, s.is_active as "isActive",
     r.is_active as "restaurantIsActive", i.expires_at as "expiresAt", i.revoked_at is not null as "isRevoked",
     i.token_hash as "tokenHash", i.previous_hash as "previousHash", i.previous_repeats as "previousRepeats"
   from sign_ins i join staff s on s.restaurant_id = i.restaurant_id and s.id = i.staff_id
   join restaurants r on r.restaurant_id = i.restaurant_id
   where i.restaurant_id = $1 and i.id = $2 for update of i`,
)

const updateTokens = statement(
  'update-sign-in-tokens',
  `update sign_ins set token_hash = $3, previous_hash = $4, previous_repeats = $5, used_at = greatest(used_at, $6),
     expires_at = greatest(expires_at, $7)
   where restaurant_id = $1 and id = $2`,
)

const ending = `revoked_at = $3, revoked_why = $4, expires_at = least(expires_at, $3)`

const updateEnded = statement(
  'update-sign-in-ended',
  `update sign_ins set ${ending} where restaurant_id = $1 and id = $2 and revoked_at is null returning id`,
)

// Tokens of the iPad's sign-in end with their generation.
const updateAllEnded = statement(
  'update-sign-ins-ended',
  `with tokens as (update staff set token_generation = token_generation + 1 where restaurant_id = $1 and id = $2)
   update sign_ins set ${ending} where restaurant_id = $1 and staff_id = $2 and revoked_at is null
   returning expires_at = $3 as "wasLive"`,
)

/** A sign-in to be stored. */
export interface NewSignIn {
  readonly id: string
  readonly device: string | null
  readonly now: Instant
  readonly expiresAt: Instant
  readonly tokenHash: Buffer
}

/**
 * Stores a sign-in. Returns false, and stores nothing, when the account has changed since its password was checked.
 */
export async function storeSignIn(tx: Tx, who: Account, made: NewSignIn): Promise<boolean> {
  const { id, device, now, expiresAt, tokenHash } = made
  const values = [who.restaurantId, who.staffId, who.passwordHash, id, device, now, expiresAt, tokenHash]
  return (await tx.maybe(insertSignIn, values)) !== undefined
}

/** Locks a sign-in and returns it, even if it has ended. */
export const lockSignIn = (tx: Tx, restaurantId: string, id: string): Promise<SignIn | undefined> =>
  tx.maybe<SignIn>(readSignInLocked, [restaurantId, id])

/** Replaces the newest token by a new one. */
export async function replaceToken(
  tx: Tx,
  { restaurantId, id }: SignIn,
  tokens: { readonly hash: Buffer; readonly previous: Buffer; readonly repeats: number },
  now: Instant,
  expiresAt: Instant,
): Promise<void> {
  await tx.all(updateTokens, [restaurantId, id, tokens.hash, tokens.previous, tokens.repeats, now, expiresAt])
}

/** Ends one sign-in. Returns whether there was one to end. */
export async function revokeSignIn(
  tx: Tx,
  restaurantId: string,
  id: string,
  why: EndReason,
  now: Instant,
): Promise<boolean> {
  return (await tx.maybe(updateEnded, [restaurantId, id, now, why])) !== undefined
}

/**
 * Ends every sign-in and every token of a member of staff, whichever door issued it. Returns the number of sign-ins
 * that had not expired.
 */
export async function endAllAccess(
  tx: Tx,
  restaurantId: string,
  staffId: string,
  why: EndReason,
  now: Instant,
): Promise<number> {
  const rows = await tx.all<{ wasLive: boolean }>(updateAllEnded, [restaurantId, staffId, now, why])
  return rows.filter(({ wasLive }) => wasLive).length
}
