import { statement, type Db, type Tx } from '../platform/database/db.ts'
import { limits } from '../platform/limits.ts'
import type { Instant } from '../platform/clock.ts'
import type { Role } from '../changes/command/command.ts'

/** A person who signs in, with their restaurant. */
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

/** What a token belongs to: a sign-in of the native API, or a generation of the account's tokens of the iPad's sign-in. */
export type TokenOf =
  | { readonly signInId: string; readonly generation: null }
  | { readonly signInId: null; readonly generation: number }

/** The person that a token names, and what the token belongs to. */
export type Proven = Identity &
  TokenOf & {
    /** The name of a shared device, which has no person of its own: `staffId` and `signInId` are the device's id. */
    readonly deviceName: string | null
  }

/** An identity and what proves it. */
export interface Account extends Identity {
  readonly passwordHash: string
  /** The generation: how often all tokens of the iPad's sign-in were ended. */
  readonly tokenGeneration: number
  /** When they last signed in from their current place; null if never. */
  readonly placeUsedAt: Instant | null
}

const identity = `s.id as "staffId", s.email, s.first_name as "firstName", s.last_name as "lastName", s.role, s.is_active as "isActive",
  s.restaurant_id as "restaurantId", r.name as "restaurantName", r.is_active as "restaurantIsActive"`

const readIdentity = statement(
  'read-identity',
  `select ${identity} from staff s join restaurants r on r.restaurant_id = s.restaurant_id
   where s.id = $1 and s.token_generation = $2`,
)

// The sign-in is found by its key, as in the access review.
const readSignedIn = statement(
  'read-signed-in',
  `select ${identity} from staff s join restaurants r on r.restaurant_id = s.restaurant_id
   left join sign_ins i on i.restaurant_id = s.restaurant_id and i.id = $2
   where s.id = $1 and coalesce(i.staff_id = s.id and i.revoked_at is null, false)`,
)

// The exact spelling comes first: imported accounts may differ only in case.
const readAccount = statement(
  'read-account',
  `select ${identity}, s.password_hash as "passwordHash", s.token_generation as "tokenGeneration",
     k.used_at as "placeUsedAt"
   from staff s join restaurants r on r.restaurant_id = s.restaurant_id
   left join known_places k on k.restaurant_id = s.restaurant_id and k.staff_id = s.id and k.place = $2
   where s.email = $1 or s.email_key = lower($1) order by (s.email = $1) desc limit 1`,
)

const findStaff = statement('has-staff', `select 1 from staff where restaurant_id = $1 and id = $2`)

const updateSignIn = statement(
  'update-sign-in',
  // A better hash replaces only the hash that it was made for, never that of a password set meanwhile.
  `update staff set last_sign_in_at = $3,
     password_hash = case when password_hash = $4 then coalesce($5, password_hash) else password_hash end
   where restaurant_id = $1 and id = $2`,
)

const insertPlace = statement(
  'insert-known-place',
  `insert into known_places (restaurant_id, staff_id, place, used_at) values ($1, $2, $3, $4)
   on conflict (restaurant_id, staff_id, place) do update set used_at = excluded.used_at`,
)

const forgetPlaces = statement(
  'forget-known-places',
  `delete from known_places where restaurant_id = $1 and staff_id = $2 and place in (
     select place from known_places where restaurant_id = $1 and staff_id = $2 order by used_at desc offset $3)`,
)

/**
 * The person with this id, if what their token belongs to is not over: a sign-in, or a generation of their tokens.
 */
export const findIdentity = async (db: Db, staffId: string, of: TokenOf): Promise<Identity | undefined> =>
  (of.signInId === null
    ? await db.read<Identity>({ staffId }, readIdentity, [staffId, of.generation])
    : await db.read<Identity>({ staffId }, readSignedIn, [staffId, of.signInId])
  )[0]

/** The account with this e-mail, in a transaction scoped to it. `place`: where they sign in from. */
export const findAccount = (tx: Tx, email: string, place: Buffer): Promise<Account | undefined> =>
  tx.maybe<Account>(readAccount, [email, place])

/** Whether somebody of the staff has this id. */
export const hasStaff = async (tx: Tx, restaurantId: string, id: string): Promise<boolean> =>
  (await tx.maybe(findStaff, [restaurantId, id])) !== undefined

/** Notes a sign-in, a better hash of the password if there is one, and `place` if it was not known yet. */
export async function noteSignIn(
  tx: Tx,
  who: Account,
  now: Instant,
  betterHash: string | null,
  place: Buffer | null,
): Promise<void> {
  const { restaurantId, staffId, passwordHash } = who
  await Promise.all([
    tx.all(updateSignIn, [restaurantId, staffId, now, passwordHash, betterHash]),
    place && tx.all(insertPlace, [restaurantId, staffId, place, now]),
    place && tx.all(forgetPlaces, [restaurantId, staffId, limits.knownPlaces]),
  ])
}
