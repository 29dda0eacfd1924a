import { z } from 'zod'
import { statement } from '../platform/database/db.ts'
import { idField } from '../platform/fields.ts'
import { NewPassword } from '../platform/passwords.ts'
import { command, ROLES } from '../changes/command/command.ts'
import { PIN } from './devices/rules.ts'
import { lockMember, saveMember, staffSchema, type Member } from './members.ts'
import { checkPassword, currentPasswordField, requirePassword } from './prove-password.ts'
import { AppError } from '../platform/errors.ts'

/** A PIN, as a field of an input. */
export const pinField = z.string().regex(PIN, 'must be four to six digits')

const updatePin = statement(
  'update-pin',
  `update staff set pin_hash = $3::text, has_pin = $3::text is not null where restaurant_id = $1 and id = $2`,
)

/**
 * Sets or clears the PIN by which a person switches on shared devices. Everyone sets their own, by their password; those
 * of a higher role set those of lower ones. What was proven by an earlier PIN counts no more. Throws `AppError`
 * staff-not-found (404), not-allowed, password-needed, wrong-password (403), too-many-attempts (429). Spec: A22.
 */
export const setPin = command({
  name: 'set-pin',
  summary: "Set or clear somebody's PIN: one's own with one's password, or that of somebody of a lower role",
  method: 'POST',
  path: '/staff/:staffId/pin',
  role: 'host',
  inBatch: false,
  budget: [7, 2],
  input: z.strictObject({
    staffId: idField,
    pin: pinField.transform((text) => new NewPassword(text)).nullable(),
    currentPassword: currentPasswordField,
  }),
  answer: staffSchema,
  prepare: ({ pin, currentPassword }, context, deps) =>
    Promise.all([pin?.hash(), checkPassword(currentPassword, context, deps)]),
  async run(w, { staffId, pin, currentPassword }): Promise<Member> {
    const { member } = await lockMember(w, staffId)
    const isOwn = w.actor.staffId === staffId
    const isAbove = ROLES.indexOf(w.actor.role as (typeof ROLES)[number]) > ROLES.indexOf(member.role)
    if (!isOwn && !isAbove) throw new AppError('not-allowed', 403, 'This needs a role above theirs, or to be oneself')
    if (pin && isOwn) requirePassword(currentPassword)
    if (!pin && !member.hasPin) return member
    w.tx.send(updatePin, [w.restaurantId, staffId, pin ? await pin.hash() : null])
    return saveMember(w, { ...member, hasPin: pin !== null }, null)
  },
})
