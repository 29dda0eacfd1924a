import { z } from 'zod'
import { AppError, assert } from '../platform/errors.ts'
import { limits } from '../platform/limits.ts'
import { emailField } from '../platform/fields.ts'
import { command, ROLES } from '../changes/command.ts'
import { countMembers, findMember, nameField, newPasswordField, staffSchema, type Member } from './members.ts'
import { storeStaff } from './staff.ts'

/**
 * A new member of staff, who may sign in at once. Devices are told of nobody, so it is no change of the log. Throws `AppError` email-taken (409), whichever
 * restaurant has it, too-many-staff (409). Spec: A9.
 */
export const addStaff = command({
  name: 'add-staff',
  summary: 'Add someone who may sign in',
  method: 'POST',
  path: '/staff',
  role: 'owner',
  input: z.strictObject({
    email: emailField,
    password: newPasswordField,
    role: z.enum(ROLES),
    firstName: nameField.default(null),
    lastName: nameField.default(null),
  }),
  answer: staffSchema,
  prepare: ({ password }) => password.hash(),
  async run(w, { password, ...made }): Promise<Member> {
    if ((await countMembers(w)) >= limits.staffPerRestaurant)
      throw new AppError('too-many-staff', 409, `A restaurant may have ${limits.staffPerRestaurant} members of staff`)
    const [id, { restaurantId }] = [w.newId(), w]
    await storeStaff(w.tx, { restaurantId, id, ...made, passwordHash: await password.hash() }, w.now)
    const member = await findMember(w.tx, restaurantId, id)
    assert(member, 'who was added is there')
    return member
  },
})
