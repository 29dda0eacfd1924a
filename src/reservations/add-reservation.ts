import { z } from 'zod'
import { command } from '../changes/command/command.ts'
import { PARTY_STATUSES } from '../parties/rules.ts'
import { reservationEntity, reservationSchema, storeReservation, type Reservation } from './reservations.ts'
import { newReservation } from './rules.ts'

/** Adds a reservation. It gets a table by a later change, not at once. Spec: V1. */
export const addReservation = command({
  name: 'add-reservation',
  summary: 'Take a reservation',
  method: 'POST',
  path: '/reservations',
  role: 'host',
  inBatch: true,
  budget: [5, 1],
  input: z.strictObject({
    ...reservationEntity.added,
    status: z.enum(PARTY_STATUSES).default('waitlist'),
  }),
  answer: reservationSchema,
  run: (w, made): Promise<Reservation> => storeReservation(w, newReservation(w.newId(), made, w.now)),
})
