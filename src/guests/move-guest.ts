import { z } from 'zod'
import { idField, versionField } from '../platform/fields.ts'
import { AppError } from '../platform/errors.ts'
import { command } from '../changes/command/command.ts'
import { guestSchema, type Guest } from './guests.ts'
import { changeParty, lockParty } from './seating.ts'

/** A party that has a table takes another, free one. Spec: G5 to G8. */
export const moveGuest = command({
  name: 'move-guest',
  summary: 'Move a party to another table',
  method: 'POST',
  path: '/guests/:guestId/move',
  role: 'host',
  inBatch: true,
  budget: [9, 2],
  input: z.strictObject({ guestId: idField, tableId: idField, force: z.boolean().optional(), version: versionField }),
  answer: guestSchema,
  async run(w, { guestId, tableId, force, version }): Promise<Guest> {
    const party = await lockParty(w, guestId, tableId, version)
    if (party.guest.tableId === null)
      throw new AppError('guest-not-seated', 409, 'Only a party that has a table can be moved', { guest: party.guest })
    return changeParty(w, party, { tableId, force, event: 'table-changed' })
  },
})
