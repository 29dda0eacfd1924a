import { z } from 'zod'
import { idField, versionField } from '../platform/fields.ts'
import { command } from '../changes/command/command.ts'
import { lockedFloor } from '../parties/parties.ts'
import { reservationSchema, type Reservation } from './reservations.ts'
import { decideCancelReservation } from './rules.ts'
import { applied, lockWithTables } from './update-reservation.ts'

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
  async run(w, input): Promise<Reservation> {
    await lockWithTables(w, input.reservationId)
    return applied(w, input.reservationId, decideCancelReservation(lockedFloor(w), input, w.now))
  },
})
