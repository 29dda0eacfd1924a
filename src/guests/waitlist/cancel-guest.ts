import { z } from 'zod'
import { idField, versionField } from '../../platform/fields.ts'
import { command } from '../../changes/command/command.ts'
import { lockedFloor } from '../../parties/parties.ts'
import { guestSchema, type Guest } from '../guests.ts'
import { apply, lockParty } from '../seating.ts'
import { decideCancelGuest } from './rules.ts'

/** A waiting party says that it does not come: a guest themselves, or a host for them. Spec: G19. */
export const cancelGuest = command({
  name: 'cancel-guest',
  summary: 'A waiting party says that it does not come',
  method: 'POST',
  path: '/guests/:guestId/cancel',
  role: 'guest',
  inBatch: true,
  budget: [7, 2],
  input: z.strictObject({ guestId: idField, version: versionField }),
  answer: guestSchema,
  async run(w, input): Promise<Guest> {
    await lockParty(w, input.guestId)
    await apply(w, decideCancelGuest(lockedFloor(w), input, w.now))
    return w.locked.of<Guest>('guest', input.guestId)!
  },
})
