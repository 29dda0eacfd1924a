import { z } from 'zod'
import { idField } from '../platform/fields.ts'
import { query } from '../changes/query.ts'
import { refused } from '../changes/decided.ts'
import { findGuest, guestSchema, type Guest } from './guests.ts'
import { guestNotFound } from './rules.ts'

/** One guest. */
export const getGuest = query({
  name: 'get-guest',
  summary: 'One guest',
  path: '/guests/:guestId',
  role: 'host',
  budget: [5, 2],
  followsLog: true,
  input: z.strictObject({ guestId: idField }),
  answer: guestSchema,
  async run(r, { guestId }): Promise<Guest> {
    const guest = await findGuest(r.tx, r.restaurantId, guestId)
    if (!guest) throw refused(guestNotFound(guestId))
    return guest
  },
})
