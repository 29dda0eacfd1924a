import { z } from 'zod'
import { instantField } from '../platform/fields.ts'
import { command } from '../changes/command.ts'
import { PARTY_STATUSES, isOver } from '../parties/rules.ts'
import { reservationSchema, storeReservation, type Reservation } from './reservations.ts'

const facts = reservationSchema.shape

/** A party is expected. It gets a table by a change, not at once. Spec: V1. */
export const addReservation = command({
  name: 'add-reservation',
  summary: 'Take a reservation',
  method: 'POST',
  path: '/reservations',
  role: 'host',
  input: z.strictObject({
    guestName: facts.guestName,
    partySize: facts.partySize,
    status: z.enum(PARTY_STATUSES).default('waitlist'),
    reservationTime: instantField.nullable().default(null),
    durationMinutes: facts.durationMinutes.default(90),
    contactInfo: facts.contactInfo.default(null),
    email: facts.email.default(null),
    source: facts.source.default('app'),
    notes: facts.notes.default(null),
    specialRequests: facts.specialRequests.default(null),
  }),
  answer: reservationSchema,
  run: (w, made): Promise<Reservation> =>
    storeReservation(w, {
      id: w.newId(),
      guestId: null,
      ...made,
      tableId: null,
      checkInTime: null,
      seatedTime: null,
      finishedTime: null,
      endedAt: isOver(made.status) ? w.now : null,
      version: 1,
      createdAt: w.now,
      updatedAt: w.now,
    }),
})
