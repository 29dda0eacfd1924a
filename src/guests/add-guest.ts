import { z } from 'zod'
import { idField, instantField } from '../platform/fields.ts'
import { command } from '../changes/command/command.ts'
import { freshId, idTaken } from '../changes/command/fresh-id.ts'
import { joinPerson } from '../people/people.ts'
import { lockReservation } from '../reservations/reservations.ts'
import { decided } from '../changes/decided.ts'
import { lockTables } from '../tables/tables.ts'
import { guestEntity, guestSchema, storeGuest, type Guest } from './guests.ts'
import { decideJoin, newGuest } from './rules.ts'
import { apply } from './seating.ts'
import { lockedFloor } from '../parties/parties.ts'
import { PARTY_STATUSES } from '../parties/rules.ts'

const input = z.strictObject({
  /** A new UUID, where the device has to name the guest before it is stored. */
  id: idField.optional(),
  ...guestEntity.added,
  status: z.enum(PARTY_STATUSES).default('waitlist'),
  checkInTime: instantField.optional(),
  seatedTime: instantField.optional(),
  finishedTime: instantField.optional(),
  tableId: idField.nullable().default(null),
  /** Whether joining counts as checking in now, when no time is sent. */
  checkedIn: z.boolean().default(true),
  takeOver: z.boolean().optional(),
  force: z.boolean().optional(),
})

/** A party joins: a walk-in on the waitlist, or in any later state, at a table or not. Spec: G1, G2, G9. */
export const addGuest = command({
  name: 'add-guest',
  summary: 'Add a party: a walk-in, or one that comes at a known time',
  method: 'POST',
  path: '/guests',
  role: 'host',
  inBatch: true,
  budget: [5, 1],
  input,
  answer: guestSchema,
  async run(w, { id, ...made }): Promise<Guest> {
    const joined = await joinPerson(w, made)
    // A table names its party by id, whichever kind it is: no guest may have a reservation's.
    if (id !== undefined && (await lockReservation(w, id))) throw idTaken(id)
    const guest = newGuest(await freshId(w, 'guest', id), made, w.now, joined)
    if (guest.tableId !== null) await lockTables(w, [guest.tableId])
    const { serverId, before, after } = decided(decideJoin(lockedFloor(w), guest, made, w.now))
    await apply(w, before)
    const [stored] = await Promise.all([storeGuest(w, { ...guest, serverId }, id !== undefined), apply(w, after)])
    return stored
  },
})
