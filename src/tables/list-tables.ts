import { z } from 'zod'
import { query } from '../changes/query.ts'
import { readTables, tableSchema, type Table } from './tables.ts'

/** Every table of the restaurant, by number as text. */
export const listTables = query({
  name: 'list-tables',
  summary: 'All tables, sorted by number as text',
  path: '/tables',
  role: 'host',
  budget: [5, 2],
  followsLog: true,
  input: z.strictObject({}),
  answer: z.array(tableSchema),
  run: (r): Promise<Table[]> => readTables(r.tx, r.restaurantId),
})
