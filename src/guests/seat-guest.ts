import { z } from 'zod'
import { idField, textField, versionField } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'
import { command } from '../changes/command/command.ts'
import { lockedFloor } from '../parties/parties.ts'
import { guestSchema, type Guest } from './guests.ts'
import { decideSeatGuest } from './rules.ts'
import { apply, lockParty, taking } from './seating.ts'

/** A waiting party takes a free table. Of two at once one sits there and the other is refused with the table as it is. Spec: G4 to G8. */
export const seatGuest = command({
  name: 'seat-guest',
  summary: 'Seat a waiting party at a free table',
  method: 'POST',
  path: '/guests/:guestId/seat',
  role: 'host',
  inBatch: true,
  budget: [8, 2],
  input: z.strictObject({
    guestId: idField,
    ...taking,
    /** Why this party is seated before others who have waited longer. */
    jumpReason: textField(limits.reasonCharacters).optional(),
    version: versionField,
  }),
  answer: guestSchema,
  async run(w, input): Promise<Guest> {
    await lockParty(w, input.guestId, [input.tableId, ...(input.joinedTableIds ?? [])])
    await apply(w, decideSeatGuest(lockedFloor(w), input, w.now))
    return w.locked.of<Guest>('guest', input.guestId)!
  },
})
