import { z } from 'zod'
import { command } from '../changes/command/command.ts'
import { idTaken } from '../changes/command/fresh-id.ts'
import { lockGuests } from '../guests/guests.ts'
import { joinPerson } from '../people/people.ts'
import { PARTY_STATUSES } from '../parties/rules.ts'
import { idField } from '../platform/fields.ts'
import {
  reservationEntity,
  reservationSchema,
  storeReservation,
  type Reservation,
} from '../reservations/reservations.ts'
import { contactOf, newReservation } from '../reservations/rules.ts'

/**
 * Adds a reservation. It gets a table by a later change, not at once. It looks at guests as well: a table names its party
 * by id, whichever kind it is, so no reservation may have a guest's. Spec: V1, V8.
 */
export const addReservation = command({
  name: 'add-reservation',
  summary: 'Take a reservation',
  method: 'POST',
  path: '/reservations',
  role: 'host',
  inBatch: true,
  budget: [5, 1],
  input: z.strictObject({
    /** A new UUID, where the device has to name the reservation before it is stored. */
    id: idField.optional(),
    ...reservationEntity.added,
    status: z.enum(PARTY_STATUSES).default('waitlist'),
  }),
  answer: reservationSchema,
  async run(w, { id, ...made }): Promise<Reservation> {
    const joined = await joinPerson(w, contactOf(made))
    if (id !== undefined && (await lockGuests(w, [id])).size > 0) throw idTaken(id)
    const reservation = newReservation(id ?? w.newId(), made, w.now, joined)
    return storeReservation(w, reservation, id !== undefined)
  },
})
