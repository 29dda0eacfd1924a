import { constraintOf, statement, type Db, type Tx } from '../platform/db.ts'
import { AppError } from '../platform/errors.ts'
import type { Instant } from '../platform/clock.ts'
import type { Role } from '../changes/command.ts'

/** Someone who signs in, with the restaurant they work for. */
export interface Identity {
  readonly staffId: string
  readonly email: string
  readonly firstName: string | null
  readonly lastName: string | null
  readonly role: Role
  readonly isActive: boolean
  readonly restaurantId: string
  readonly restaurantName: string
  readonly restaurantIsActive: boolean
}

/** Someone whom a token names. `signInId`: the sign-in it belongs to; null for the iPad's tokens, which belong to none. */
export interface Proven extends Identity {
  readonly signInId: string | null
}

/** An identity and what proves it. */
export interface Account extends Identity {
  readonly passwordHash: string
}

const identity = `s.id as "staffId", s.email, s.first_name as "firstName", s.last_name as "lastName", s.role, s.is_active as "isActive",
  s.restaurant_id as "restaurantId", r.name as "restaurantName", r.is_active as "restaurantIsActive"`

const readIdentity = statement(
  'read-identity',
  `select ${identity} from staff s join restaurants r on r.restaurant_id = s.restaurant_id where s.id = $1`,
)

// The sign-in is found by its key, as in the review of access.
const readSignedIn = statement(
  'read-signed-in',
  `select ${identity} from staff s join restaurants r on r.restaurant_id = s.restaurant_id
   left join sign_ins i on i.restaurant_id = s.restaurant_id and i.id = $2
   where s.id = $1 and coalesce(i.staff_id = s.id and i.revoked_at is null, false)`,
)

// The exact spelling first: accounts brought over may differ only in case.
const readAccount = statement(
  'read-account',
  `select ${identity}, s.password_hash as "passwordHash"
   from staff s join restaurants r on r.restaurant_id = s.restaurant_id
   where s.email = $1 or s.email_key = lower($1) order by (s.email = $1) desc limit 1`,
)

const insertStaff = statement(
  'insert-staff',
  `insert into staff (restaurant_id, id, email, email_key, password_hash, first_name, last_name, role, created_at, updated_at)
   values ($1, $2, $3, lower($3), $4, $5, $6, $7, $8, $8)`,
)

const updateSignIn = statement(
  'update-sign-in',
  `update staff set last_sign_in_at = $3, password_hash = coalesce($4, password_hash) where restaurant_id = $1 and id = $2`,
)

/** Who has this id. With a sign-in only if it is theirs and not revoked. */
export const findIdentity = async (db: Db, staffId: string, signInId: string | null): Promise<Identity | undefined> =>
  (signInId === null
    ? await db.read<Identity>({ staffId }, readIdentity, [staffId])
    : await db.read<Identity>({ staffId }, readSignedIn, [staffId, signInId]))[0]

/** Whose e-mail this is, in a transaction scoped to it. */
export const findAccount = (tx: Tx, email: string): Promise<Account | undefined> =>
  tx.maybe<Account>(readAccount, [email])

/** A new member of staff. */
export interface NewStaff {
  readonly restaurantId: string
  readonly id: string
  readonly email: string
  readonly passwordHash: string
  readonly firstName: string | null
  readonly lastName: string | null
  readonly role: Role
}

/** Stores a new member of staff. Throws `AppError` email-taken (409), whichever restaurant has it. */
export async function storeStaff(tx: Tx, s: NewStaff, now: Instant): Promise<void> {
  try {
    await tx.all(insertStaff, [s.restaurantId, s.id, s.email, s.passwordHash, s.firstName, s.lastName, s.role, now])
  } catch (error) {
    if (constraintOf(error) !== 'staff_email_key') throw error
    throw new AppError('email-taken', 409, 'Email already registered')
  }
}

/** Notes a sign-in, and a better hash of the password where there is one. */
export async function noteSignIn(tx: Tx, who: Identity, now: Instant, betterHash: string | null): Promise<void> {
  await tx.all(updateSignIn, [who.restaurantId, who.staffId, now, betterHash])
}
