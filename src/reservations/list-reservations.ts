import { z } from 'zod'
import { instantField, intField, textField } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'
import { cursorField, placeBefore } from '../changes/cursor.ts'
import { query } from '../changes/query.ts'
import { readReservations, reservationSchema, type Reservation } from './reservations.ts'

/** A calendar day. PostgreSQL has no year 0. */
export const dayField = z.iso.date().refine((day) => !day.startsWith('0000'), 'must be a day of the years 1 to 9999')

/** Reservations, newest first: of one status, of one day in the restaurant's time zone, or all. Spec: V6. */
export const listReservations = query({
  name: 'list-reservations',
  summary: 'Reservations, newest first; optionally of one status or one day',
  path: '/reservations',
  role: 'host',
  budget: [5, 2],
  followsLog: true,
  pageSize: ({ limit }) => limit,
  input: z.strictObject({
    status: textField(20).optional(),
    day: dayField.optional(),
    before: instantField.optional(),
    cursor: cursorField.optional(),
    limit: z.coerce.number().pipe(intField(0, limits.guestsPerList)).default(limits.guestsPerList),
  }),
  answer: z.array(reservationSchema),
  async run(r, { status = null, day = null, before, cursor, limit }): Promise<Reservation[]> {
    const after = cursor ?? (before === undefined ? null : placeBefore(before))
    return readReservations(r.tx, r.restaurantId, { status, day, after, limit })
  },
})
