import { z } from 'zod'
import { AppError } from '../platform/errors.ts'
import { idField, versionField } from '../platform/fields.ts'
import { command } from '../changes/command/command.ts'
import { vacateTable } from '../tables/tables.ts'
import { hasActiveReservation, unlinkGuest } from '../reservations/reservations.ts'
import { dropGuest } from './guests.ts'
import { lockParty } from './seating.ts'

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
  async run(w, { guestId, version }): Promise<{ deleted: true }> {
    const { guest, tables } = await lockParty(w, guestId, undefined, version)
    if (await hasActiveReservation(w, guestId))
      throw new AppError('guest-has-reservations', 409, 'Cannot delete guest with active reservations', { guest })
    const table = guest.tableId === null ? undefined : tables.get(guest.tableId)
    await unlinkGuest(w, guestId)
    await Promise.all([dropGuest(w, guest), table && vacateTable(w, table)])
    return { deleted: true }
  },
})
