import { z } from 'zod'
import { AppError } from '../platform/errors.ts'
import { idField } from '../platform/fields.ts'
import { command, ROLES } from '../changes/command/command.ts'
import { lockMember, nameField, newPasswordField, saveMember, staffSchema, type Member } from './members.ts'
import { checkPassword, currentPasswordField, requirePassword } from './prove-password.ts'
import { endAllAccess, type EndReason } from './sign-ins/sign-ins.ts'

const input = z.strictObject({
  staffId: idField,
  role: z.enum(ROLES).optional(),
  firstName: nameField.optional(),
  lastName: nameField.optional(),
  isActive: z.boolean().optional(),
  password: newPasswordField.optional(),
  currentPassword: currentPasswordField,
})
type Input = z.output<typeof input>

const isActiveOwner = ({ role, isActive }: Member) => role === 'owner' && isActive

/** A person whose rights or password change must sign in again: what they knew before gives no access. */
function endReasonOf(before: Member, now: Member, { password }: Input): EndReason | null {
  if (before.isActive && !now.isActive) return 'deactivated'
  if (password) return 'password-changed'
  return before.role === now.role ? null : 'role-changed'
}

/**
 * Changes a member of staff. Fields that are not sent stay. A new password, another role and deactivation end all of
 * their sign-ins and tokens. Throws `AppError` staff-not-found (404), last-owner (409), password-needed,
 * wrong-password (403). Spec: A9 to A11, A17.
 */
export const updateStaff = command({
  name: 'update-staff',
  summary: "Change somebody's role, name or password, or whether they may sign in",
  method: 'PATCH',
  path: '/staff/:staffId',
  role: 'owner',
  inBatch: false,
  budget: [4, 2],
  input,
  answer: staffSchema,
  prepare: ({ password, currentPassword }, context, deps) =>
    Promise.all([password?.hash(), checkPassword(currentPassword, context, deps)]),
  async run(w, given): Promise<Member> {
    const { member, owners } = await lockMember(w, given.staffId)
    const { role = member.role, isActive = member.isActive } = given
    const { firstName = member.firstName, lastName = member.lastName } = given
    const now: Member = { ...member, role, isActive, firstName, lastName }
    const isOwner = isActiveOwner(now)
    if (!isOwner && owners.length === 1 && owners[0] === member.id)
      throw new AppError('last-owner', 409, 'A restaurant keeps an active owner: make someone else one first', {
        staff: member,
      })
    if (given.password || (isOwner && !isActiveOwner(member))) requirePassword(given.currentPassword)
    const same = [role === member.role, isActive === member.isActive, firstName === member.firstName]
    if (!given.password && lastName === member.lastName && same.every(Boolean)) return member
    const saved = await saveMember(w, now, given.password ? await given.password.hash() : null)
    const why = endReasonOf(member, now, given)
    if (why) await endAllAccess(w.tx, w.restaurantId, member.id, why, w.now)
    return saved
  },
})
