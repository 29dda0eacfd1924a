import { z } from 'zod'
import { idField, versionField } from '../platform/fields.ts'
import { AppError } from '../platform/errors.ts'
import { command } from '../changes/command/command.ts'
import { guestSchema, type Guest } from './guests.ts'
import { changeParty, lockParty } from './seating.ts'
import { canSeat } from '../parties/rules.ts'

/** A waiting party takes a free table. Of two at once one sits there and the other is refused with the table as it is. Spec: G4 to G8. */
export const seatGuest = command({
  name: 'seat-guest',
  summary: 'Seat a waiting party at a free table',
  method: 'POST',
  path: '/guests/:guestId/seat',
  role: 'host',
  inBatch: true,
  budget: [8, 2],
  input: z.strictObject({ guestId: idField, tableId: idField, force: z.boolean().optional(), version: versionField }),
  answer: guestSchema,
  async run(w, { guestId, tableId, force, version }): Promise<Guest> {
    const party = await lockParty(w, guestId, tableId, version)
    if (!force && !canSeat(party.guest.status))
      throw new AppError('guest-not-waiting', 409, `A guest who is ${party.guest.status} can't be seated`, {
        guest: party.guest,
      })
    return changeParty(w, party, { status: 'seated', tableId, force, event: 'status-changed' })
  },
})
