import { z } from 'zod'
import { constraintOf, statement, type Tx } from '../platform/database/db.ts'
import { AppError } from '../platform/errors.ts'
import { limits } from '../platform/limits.ts'
import { sentInstant, textField } from '../platform/fields.ts'
import { NewPassword } from '../platform/passwords.ts'
import type { Instant } from '../platform/clock.ts'
import type { Role, Write } from '../changes/command/command.ts'
import { entity, type EntityOf } from '../changes/entity.ts'
import { noun } from '../changes/floor/noun.ts'
import { staffFields } from './fields.ts'

/** Staff as their restaurant sees them: devices see `StaffMember`, managers also e-mails (`Member`). */

/** A member of staff as devices see one. */
export const staffEntity = entity('staff', 'StaffMember', staffFields, {
  table: 'staff',
  insert: `insert into staff (restaurant_id, id, email, email_key, password_hash, first_name, last_name, role, created_at, updated_at)
   values ($1, $2, $3, lower($3), $4, $5, $6, $7, $8, $8)`,
})
export type StaffMember = EntityOf<typeof staffFields>

/** What happened to a member of staff. */
export type StaffEvent = 'created' | 'edited'

/** A member of staff as managers see one. Times are the server's. */
export const staffSchema = z
  .object({ ...staffEntity.schema.shape, email: z.string(), lastSignInAt: sentInstant.nullable() })
  .meta({ id: 'Staff' })
export type Member = StaffMember & { readonly email: string; readonly lastSignInAt: Instant | null }

/** A first or last name, as a field of an input. */
export const nameField = textField(100).nullable()

/** A new password, as a field of an input. */
export const newPasswordField = textField(limits.passwordCharacters)
  .min(limits.newPasswordCharacters)
  .transform((text) => new NewPassword(text))

const columns = `${staffEntity.columns}, email, last_sign_in_at as "lastSignInAt"`

const readOnFloor = statement(
  'read-staff-on-floor',
  `select ${staffEntity.columns} from staff where restaurant_id = $1 order by id`,
)

const lockOnFloor = statement(
  'lock-staff',
  `select ${staffEntity.columns} from staff where restaurant_id = $1 and id = any ($2::uuid[]) order by id for update`,
)

const readStaff = statement(
  'read-staff',
  `select ${columns} from staff where restaurant_id = $1 order by is_active desc, created_at, id limit $2`,
)

const countStaff = statement('count-staff', `select count(*) as count from staff where restaurant_id = $1`)

// Also lock all owners. When two commands would remove the last two owners, one waits and then sees what the other
// did.
const lockMembers = statement(
  'lock-members',
  `select ${columns} from staff where restaurant_id = $1 and (id = $2 or (role = 'owner' and is_active)) order by id for update`,
)

const updatePassword = statement(
  'update-password',
  `update staff set password_hash = $3 where restaurant_id = $1 and id = $2`,
)

/** Staff as the floor has them: all, so that a name of somebody who has left is still told. */
export const staffOnFloor = noun(staffEntity, {
  read: (tx, restaurantId) => tx.all<StaffMember>(readOnFloor, [restaurantId]),
  lock: async (w, ids) => ids.length > 0 && w.tx.all(lockOnFloor, [w.restaurantId, ids]),
})

/** All staff of a restaurant, `limits.staffPerRestaurant` at most; those who may sign in come first. */
export const readMembers = (tx: Tx, restaurantId: string): Promise<Member[]> =>
  tx.all<Member>(readStaff, [restaurantId, limits.staffPerRestaurant])

/** The number of staff of a restaurant, active or not. */
export const countMembers = async (w: Write): Promise<number> =>
  (await w.tx.one<{ count: number }>(countStaff, [w.restaurantId])).count

/**
 * Locks a member of staff and every active owner. Returns the member, and the ids of those owners. Throws `AppError`
 * staff-not-found (404).
 */
export async function lockMember(w: Write, id: string): Promise<{ member: Member; owners: string[] }> {
  const all = await w.tx.all<Member>(lockMembers, [w.restaurantId, id])
  const member = all.find((each) => each.id === id)
  if (!member) throw staffNotFound(id)
  return { member, owners: all.filter(({ role, isActive }) => role === 'owner' && isActive).map((each) => each.id) }
}

/** Stores a new member of staff and tells of them. Throws `AppError` email-taken (409). */
export async function makeMember(w: Write, made: Omit<NewStaff, 'restaurantId'>): Promise<Member> {
  await storeStaff(w.tx, { restaurantId: w.restaurantId, ...made }, w.now)
  const { id, email, firstName, lastName, role } = made
  const stamps = { version: 1, createdAt: w.now, updatedAt: w.now }
  const member: Member = {
    id,
    firstName,
    lastName,
    role,
    isActive: true,
    hasPin: false,
    ...stamps,
    email,
    lastSignInAt: null,
  }
  tell(w, 'created', member)
  return member
}

/** Stores a locked member of staff, with the hash of a new password if there is one, and tells of them. */
export async function saveMember(w: Write, changed: Member, passwordHash: string | null): Promise<Member> {
  const member = { ...changed, version: changed.version + 1, updatedAt: w.now }
  w.tx.send(staffEntity.update, staffEntity.row(w, member))
  if (passwordHash) w.tx.send(updatePassword, [w.restaurantId, member.id, passwordHash])
  tell(w, 'edited', member)
  return member
}

/** Devices hear neither of e-mails nor of sign-ins. */
function tell(w: Write, event: StaffEvent, { email: _email, lastSignInAt: _at, ...value }: Member): void {
  w.put('staff', value.id, event, value.version, value)
}

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
    await tx.all(staffEntity.insert, [
      s.restaurantId,
      s.id,
      s.email,
      s.passwordHash,
      s.firstName,
      s.lastName,
      s.role,
      now,
    ])
  } catch (error) {
    if (constraintOf(error) !== 'staff_email_key') throw error
    throw new AppError('email-taken', 409, 'Email already registered')
  }
}

/** Nobody in this restaurant has this id. */
export const staffNotFound = (id: string): AppError =>
  new AppError('staff-not-found', 404, 'There is no such member of staff', { staffId: id })
