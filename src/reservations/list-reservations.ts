import { z } from 'zod'
import { dayField, instantField, intField, textField } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'
import { cursorField, placeBefore } from '../changes/cursor.ts'
import { query } from '../changes/query.ts'
import { boundsOf } from '../settings/hours/rules.ts'
import { readSettings } from '../settings/settings.ts'
import { readReservations, reservationSchema, type Reservation } from './reservations.ts'

/** Reservations, newest first: of one status, of one of the restaurant's days, or all. Spec: V6, Z2. */
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
  async run(r, { status = null, day, before, cursor, limit }): Promise<Reservation[]> {
    const after = cursor ?? (before === undefined ? null : placeBefore(before))
    const during = day === undefined ? null : boundsOf(day, await readSettings(r.tx, r.restaurantId))
    return readReservations(r.tx, r.restaurantId, { status, during, after, limit })
  },
})
