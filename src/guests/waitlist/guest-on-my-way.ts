import { z } from 'zod'
import { idField, versionField } from '../../platform/fields.ts'
import { command } from '../../changes/command/command.ts'
import { lockedFloor } from '../../parties/parties.ts'
import { guestSchema, lockGuests, type Guest } from '../guests.ts'
import { apply } from '../seating.ts'
import { decideGuestOnMyWay } from './rules.ts'

/** A waiting party says that it comes: a guest themselves, or a host for them. Spec: G18. */
export const guestOnMyWay = command({
  name: 'guest-on-my-way',
  summary: 'A waiting party says that it is on its way',
  method: 'POST',
  path: '/guests/:guestId/on-my-way',
  role: 'guest',
  inBatch: true,
  budget: [6, 2],
  input: z.strictObject({ guestId: idField, version: versionField }),
  answer: guestSchema,
  async run(w, input): Promise<Guest> {
    await lockGuests(w, [input.guestId])
    await apply(w, decideGuestOnMyWay(lockedFloor(w), input, w.now))
    return w.locked.of<Guest>('guest', input.guestId)!
  },
})
