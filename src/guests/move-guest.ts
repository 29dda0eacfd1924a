import { z } from 'zod'
import { idField, versionField } from '../platform/fields.ts'
import { command } from '../changes/command/command.ts'
import { lockedFloor } from '../parties/parties.ts'
import { guestSchema, type Guest } from './guests.ts'
import { decideMoveGuest } from './rules.ts'
import { apply, lockParty, taking } from './seating.ts'

/** A party that has a table takes another, free one. Spec: G5 to G8. */
export const moveGuest = command({
  name: 'move-guest',
  summary: 'Move a party to another table',
  method: 'POST',
  path: '/guests/:guestId/move',
  role: 'host',
  inBatch: true,
  budget: [9, 2],
  input: z.strictObject({ guestId: idField, ...taking, version: versionField }),
  answer: guestSchema,
  async run(w, input): Promise<Guest> {
    await lockParty(w, input.guestId, [input.tableId, ...(input.joinedTableIds ?? [])])
    await apply(w, decideMoveGuest(lockedFloor(w), input, w.now))
    return w.locked.of<Guest>('guest', input.guestId)!
  },
})
