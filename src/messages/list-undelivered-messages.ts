import { z } from 'zod'
import { intField } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'
import { cursorField } from '../changes/cursor.ts'
import { query } from '../changes/query.ts'
import { messageSchema, readUndelivered, type Message } from './messages.ts'

/** Messages that were given up, newest first: the dead letters. Spec: X4. */
export const listUndelivered = query({
  name: 'list-undelivered-messages',
  summary: 'Messages that were given up, newest first',
  path: '/messages/undelivered',
  role: 'host',
  budget: [5, 2],
  pageSize: ({ limit }) => limit,
  input: z.strictObject({
    cursor: cursorField.optional(),
    limit: z.coerce.number().pipe(intField(1, limits.undeliveredPerList)).default(limits.undeliveredPerList),
  }),
  answer: z.array(messageSchema),
  run: (r, { cursor, limit }): Promise<Message[]> => readUndelivered(r.tx, r.restaurantId, cursor ?? null, limit),
})
