import { z } from 'zod'
import { statement, type Tx } from '../platform/database/db.ts'
import { AppError } from '../platform/errors.ts'
import { limits } from '../platform/limits.ts'
import { idField, sentInstant, textField } from '../platform/fields.ts'
import { NewPassword } from '../platform/passwords.ts'
import { ROLES, type Write } from '../changes/command/command.ts'

/** Staff as their restaurant sees them. */

/** A member of staff. Times are the server's. */
export const staffSchema = z
  .object({
    id: idField,
    email: z.string(),
    firstName: z.string().nullable(),
    lastName: z.string().nullable(),
    role: z.enum(ROLES),
    isActive: z.boolean(),
    lastSignInAt: sentInstant.nullable(),
    createdAt: sentInstant,
    updatedAt: sentInstant,
  })
  .meta({ id: 'Staff' })
export type Member = z.output<typeof staffSchema>

/** A first or last name, as a field of an input. */
export const nameField = textField(100).nullable()

/** A new password, as a field of an input. */
export const newPasswordField = textField(limits.passwordCharacters)
  .min(limits.newPasswordCharacters)
  .transform((text) => new NewPassword(text))

const columns = `id, email, first_name as "firstName", last_name as "lastName", role, is_active as "isActive",
  last_sign_in_at as "lastSignInAt", created_at as "createdAt", updated_at as "updatedAt"`

const readStaff = statement(
  'read-staff',
  `select ${columns} from staff where restaurant_id = $1 order by is_active desc, created_at, id limit $2`,
)

const readMember = statement('read-member', `select ${columns} from staff where restaurant_id = $1 and id = $2`)

const countStaff = statement('count-staff', `select count(*) as count from staff where restaurant_id = $1`)

// Also lock all owners. When two commands would remove the last two owners, one waits and then sees what the other
// did.
const lockMembers = statement(
  'lock-members',
  `select ${columns} from staff where restaurant_id = $1 and (id = $2 or (role = 'owner' and is_active)) order by id for update`,
)

const updateMember = statement(
  'update-member',
  `update staff set first_name = $3, last_name = $4, role = $5, is_active = $6, password_hash = coalesce($7, password_hash), updated_at = $8
   where restaurant_id = $1 and id = $2`,
)

/** All staff of a restaurant, `limits.staffPerRestaurant` at most; those who may sign in come first. */
export const readMembers = (tx: Tx, restaurantId: string): Promise<Member[]> =>
  tx.all<Member>(readStaff, [restaurantId, limits.staffPerRestaurant])

/** One member of staff, if there is one with this id. */
export const findMember = (tx: Tx, restaurantId: string, id: string): Promise<Member | undefined> =>
  tx.maybe<Member>(readMember, [restaurantId, id])

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

/** Stores a locked member of staff, with the hash of a new password if there is one. */
export async function saveMember(w: Write, m: Member, passwordHash: string | null): Promise<Member> {
  const values = [w.restaurantId, m.id, m.firstName, m.lastName, m.role, m.isActive, passwordHash, w.now]
  await w.tx.all(updateMember, values)
  return { ...m, updatedAt: w.now }
}

/** Nobody in this restaurant has this id. */
export const staffNotFound = (id: string): AppError =>
  new AppError('staff-not-found', 404, 'There is no such member of staff', { staffId: id })
