import { z } from 'zod'
import { idField, instantField, versionField } from '../platform/fields.ts'
import { command } from '../changes/command/command.ts'
import { lockedFloor } from '../parties/parties.ts'
import { PARTY_STATUSES, PHASES } from '../parties/rules.ts'
import { joinAnew, lockByContact } from '../people/people.ts'
import { guestEntity, guestSchema, type Guest } from './guests.ts'
import { decideUpdateGuest } from './rules.ts'
import { apply, lockParty } from './seating.ts'

const input = z.strictObject({
  guestId: idField,
  ...guestEntity.edited,
  checkInTime: instantField.optional(),
  seatedTime: instantField.optional(),
  finishedTime: instantField.optional(),
  status: z.enum(PARTY_STATUSES).optional(),
  /** The status in three words: it changes only a guest who is in another phase. */
  phase: z.enum(PHASES).optional(),
  tableId: idField.nullable().optional(),
  /** The server who has the party from now on. */
  serverId: idField.optional(),
  takeOver: z.boolean().optional(),
  force: z.boolean().optional(),
  version: versionField,
})

/** Any of a guest's facts, status and table, in one go. What isn't sent stays. Spec: G3 to G9. */
export const updateGuest = command({
  name: 'update-guest',
  summary: "Change a guest's facts, status and table in one go",
  method: 'PATCH',
  path: '/guests/:guestId',
  role: 'host',
  inBatch: true,
  budget: [7, 2],
  input,
  answer: guestSchema,
  async run(w, change): Promise<Guest> {
    const wanted = change.tableId ? [change.tableId] : []
    await Promise.all([lockByContact(w, change), lockParty(w, change.guestId, wanted, change.serverId)])
    const joined = await joinAnew(w, w.locked.of<Guest>('guest', change.guestId), change)
    await apply(w, decideUpdateGuest(lockedFloor(w), { ...change, ...joined }, w.now))
    return w.locked.of<Guest>('guest', change.guestId)!
  },
})
