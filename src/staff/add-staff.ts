import { z } from 'zod'
import { AppError } from '../platform/errors.ts'
import { limits } from '../platform/limits.ts'
import { emailField } from '../platform/fields.ts'
import { command, ROLES } from '../changes/command/command.ts'
import { countMembers, makeMember, nameField, newPasswordField, staffSchema, type Member } from './members.ts'
import { checkPassword, currentPasswordField, requirePassword } from './prove-password.ts'

/**
 * Adds a member of staff, who may sign in at once. Devices are told the name and the role.
 * Throws `AppError` email-taken (409), whichever restaurant has it, too-many-staff (409), password-needed,
 * wrong-password (403) for an owner. Spec: A9, A17.
 */
export const addStaff = command({
  name: 'add-staff',
  summary: 'Add a person who may sign in',
  method: 'POST',
  path: '/staff',
  role: 'owner',
  inBatch: false,
  budget: [6, 3],
  input: z.strictObject({
    email: emailField,
    password: newPasswordField,
    role: z.enum(ROLES),
    firstName: nameField.default(null),
    lastName: nameField.default(null),
    currentPassword: currentPasswordField,
  }),
  answer: staffSchema,
  prepare: ({ password, currentPassword }, context, deps) =>
    Promise.all([password.hash(), checkPassword(currentPassword, context, deps)]),
  async run(w, { password, currentPassword, ...made }): Promise<Member> {
    if (made.role === 'owner') requirePassword(currentPassword)
    if ((await countMembers(w)) >= limits.staffPerRestaurant)
      throw new AppError('too-many-staff', 409, `A restaurant may have ${limits.staffPerRestaurant} members of staff`)
    return makeMember(w, { id: w.newId(), ...made, passwordHash: await password.hash() })
  },
})
