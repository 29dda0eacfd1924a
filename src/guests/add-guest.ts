import { z } from 'zod'
import { idField, instantField } from '../platform/fields.ts'
import { command, type Write } from '../changes/command.ts'
import { lockTables } from '../tables/tables.ts'
import { storeGuest, saveGuest, guestSchema, type Guest } from './guests.ts'
import { displace, endedWithTable, giveTable, refuseTable, timesOf, unknownTable } from './seating.ts'
import { GUEST_STATUSES, isOver } from './rules.ts'

const facts = guestSchema.shape

const input = z.object({
  firstName: facts.firstName,
  lastName: facts.lastName.default(''),
  partySize: facts.partySize,
  status: z.enum(GUEST_STATUSES).default('waitlist'),
  email: facts.email.default(null),
  phone: facts.phone.default(null),
  notes: facts.notes.default(null),
  specialRequests: facts.specialRequests.default(null),
  dietaryRestrictions: facts.dietaryRestrictions.default([]),
  reservationTime: instantField.nullable().default(null),
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
  summary: 'Add a party: a walk-in, or one who comes at a known time',
  method: 'POST',
  path: '/guests',
  role: 'host',
  input,
  answer: guestSchema,
  async run(w: Write, { takeOver, force, checkedIn, seatedTime, finishedTime, checkInTime, ...made }): Promise<Guest> {
    const checkIn = checkInTime ?? (checkedIn ? w.now : undefined)
    const guest: Guest = {
      id: w.newId(),
      ...made,
      ...timesOf(w, null, made.status, { checkInTime: checkIn, seatedTime, finishedTime }),
      version: 1,
      createdAt: w.now,
      updatedAt: w.now,
    }
    if (guest.tableId === null) return storeGuest(w, guest)
    if (isOver(guest.status)) throw endedWithTable()
    const table = (await lockTables(w, [guest.tableId])).get(guest.tableId)
    if (!table) throw unknownTable(guest.tableId)
    refuseTable(guest, table, { takeOver, force })
    const displaced = table.guestId === null ? undefined : await displace(w, table)
    const [, stored] = await Promise.all([
      displaced && saveGuest(w, displaced, 'displaced'),
      storeGuest(w, guest),
      giveTable(w, table, guest.id),
    ])
    return stored
  },
})
