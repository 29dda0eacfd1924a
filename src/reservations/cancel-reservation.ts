import { z } from 'zod'
import { idField, versionField } from '../platform/fields.ts'
import { command } from '../changes/command/command.ts'
import { reservationSchema, type Reservation } from './reservations.ts'
import { changeReservation } from './update-reservation.ts'

/** Cancels a reservation and frees its table. Cancelling twice is no error. Spec: V5. */
export const cancelReservation = command({
  name: 'cancel-reservation',
  summary: 'Cancel a reservation and free its table',
  method: 'POST',
  path: '/reservations/:reservationId/cancel',
  role: 'host',
  inBatch: true,
  budget: [7, 3],
  input: z.strictObject({ reservationId: idField, version: versionField }),
  answer: reservationSchema,
  run: (w, { reservationId, version }): Promise<Reservation> =>
    changeReservation(w, reservationId, { status: 'cancelled', force: true, version, event: 'cancelled' }),
})
