import { z } from 'zod'
import { instantField, intField } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'
import { DAY_MILLIS, plusMillis, type Instant } from '../platform/clock.ts'
import { cursorField, placeBefore } from '../changes/cursor.ts'
import { query } from '../changes/query.ts'
import { guestSchema, historyField, readGuests, type Guest } from './guests.ts'

/** Guests, newest first: the evening's, and those whose visit ended within the last `historyDays` (0: everyone ever). Spec: G13. */
export const listGuests = query({
  name: 'list-guests',
  summary: 'Guests, newest first. Old visits are included only on request',
  path: '/guests',
  role: 'host',
  budget: [5, 2],
  followsLog: true,
  pageSize: ({ limit }) => limit,
  input: z.strictObject({
    historyDays: historyField,
    before: instantField.optional(),
    cursor: cursorField.optional(),
    limit: z.coerce.number().pipe(intField(0, limits.guestsPerList)).default(limits.guestsPerList),
  }),
  answer: z.array(guestSchema),
  async run(r, { historyDays, before, cursor, limit }): Promise<Guest[]> {
    const endedAfter: Instant | '-infinity' =
      historyDays === 0 ? '-infinity' : plusMillis(r.now, -historyDays * DAY_MILLIS)
    const after = cursor ?? (before === undefined ? null : placeBefore(before))
    return readGuests(r.tx, r.restaurantId, { endedAfter, after, limit })
  },
})
