import { z } from 'zod'
import { idField, instantField } from '../platform/fields.ts'
import { command, type Write } from '../changes/command/command.ts'
import { freshId, idTaken } from '../changes/command/fresh-id.ts'
import { lockReservation } from '../reservations/reservations.ts'
import { giveTable, lockTables, refuseTable } from '../tables/tables.ts'
import { guestEntity, guestSchema, storeGuest, type Guest } from './guests.ts'
import { displace, endedWithTable, unknownTable } from './seating.ts'
import { PARTY_STATUSES, isOver, timesOf } from '../parties/rules.ts'

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
  async run(
    w: Write,
    { id, takeOver, force, checkedIn, seatedTime, finishedTime, checkInTime, ...made },
  ): Promise<Guest> {
    const checkIn = checkInTime ?? (checkedIn ? w.now : undefined)
    // A table names its party by id, whichever kind it is: no guest may have a reservation's.
    if (id !== undefined && (await lockReservation(w, id))) throw idTaken(id)
    const guest: Guest = {
      id: await freshId(w, 'guest', id),
      ...made,
      ...timesOf(w.now, null, made.status, { checkInTime: checkIn, seatedTime, finishedTime }),
      version: 1,
      createdAt: w.now,
      updatedAt: w.now,
    }
    if (guest.tableId === null) return storeGuest(w, guest, id !== undefined)
    if (isOver(guest.status)) throw endedWithTable()
    const table = (await lockTables(w, [guest.tableId])).get(guest.tableId)
    if (!table) throw unknownTable(guest.tableId)
    refuseTable(guest.partySize, table, { takeOver, force })
    const displaced = await displace(w, table)
    const [, stored] = await Promise.all([
      displaced(),
      storeGuest(w, guest, id !== undefined),
      giveTable(w, table, { kind: 'guest', id: guest.id }),
    ])
    return stored
  },
})
