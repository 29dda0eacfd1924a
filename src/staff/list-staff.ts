import { z } from 'zod'
import { query } from '../changes/query.ts'
import { readMembers, staffSchema, type Member } from './members.ts'

/** Everyone who may sign in, then those who no longer may. Spec: A9. */
export const listStaff = query({
  name: 'list-staff',
  summary: 'All staff; those who may sign in come first',
  path: '/staff',
  role: 'manager',
  budget: [5, 2],
  input: z.strictObject({}),
  answer: z.array(staffSchema),
  run: (r): Promise<Member[]> => readMembers(r.tx, r.restaurantId),
})
