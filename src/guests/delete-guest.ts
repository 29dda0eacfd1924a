import { z } from 'zod'
import { idField, versionField } from '../platform/fields.ts'
import { command } from '../changes/command/command.ts'
import { lockedFloor } from '../parties/parties.ts'
import { hasExpectedReservation, lockReservationsOf } from '../reservations/reservations.ts'
import { decideDeleteGuest } from './rules.ts'
import { apply, lockParty } from './seating.ts'

/** A guest is gone for good, and the table it had has no party. Spec: G10, G16. */
export const deleteGuest = command({
  name: 'delete-guest',
  summary: 'Delete a guest and free its table',
  method: 'DELETE',
  path: '/guests/:guestId',
  role: 'host',
  inBatch: true,
  budget: [10, 4],
  input: z.strictObject({ guestId: idField, version: versionField }),
  answer: z.object({ deleted: z.literal(true) }),
  async run(w, input): Promise<{ deleted: true }> {
    const { guestId } = input
    await lockParty(w, guestId)
    const isExpected = await hasExpectedReservation(w, guestId)
    const linked = isExpected ? [] : await lockReservationsOf(w, guestId)
    await apply(w, decideDeleteGuest(lockedFloor(w), input, { isExpected, linked }))
    return { deleted: true }
  },
})
