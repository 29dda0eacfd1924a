import { z } from 'zod'
import { command } from '../changes/command/command.ts'
import { PARTY_STATUSES, isOver } from '../parties/rules.ts'
import { reservationEntity, reservationSchema, storeReservation, type Reservation } from './reservations.ts'

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
