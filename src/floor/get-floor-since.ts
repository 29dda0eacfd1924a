import { z } from 'zod'
import { idField, instantField, intField, sentInstant } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'
import { query } from '../changes/query.ts'
import { deltaSince, type Delta } from '../changes/log/delta.ts'
import { readTables, tableSchema } from '../tables/tables.ts'
import { guestSchema, historyField } from '../guests/guests.ts'
import { currentGuests } from './get-floor.ts'

/** Changes of tables and guests after a time that the server gave out, deletions included. Spec: S2, S3. */
export const getFloorSince = query({
  name: 'get-floor-since',
  summary: 'Changes of tables and guests after a time that the server gave out',
  path: '/floor/since',
  role: 'host',
  budget: [7, 4],
  followsLog: true,
  input: z.strictObject({
    since: instantField,
    limit: z.coerce.number().pipe(intField(0, limits.guestsPerList)).default(limits.guestsPerList),
    historyDays: historyField,
  }),
  answer: z.object({
    items: z.array(
      z.object({
        kind: z.enum(['guest', 'table']),
        id: idField,
        at: sentInstant,
        value: z.union([guestSchema, tableSchema]).nullable(),
      }),
    ),
    upTo: sentInstant,
    hasMore: z.boolean(),
  }),
  run: (r, { since, limit, historyDays }): Promise<Delta> =>
    deltaSince(r.tx, r.restaurantId, since, ['guest', 'table'], limit, async () => [
      { kind: 'table', values: await readTables(r.tx, r.restaurantId) },
      { kind: 'guest', values: await currentGuests(r, historyDays) },
    ]),
})
