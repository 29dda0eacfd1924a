import { z } from 'zod'
import { AppError } from '../platform/errors.ts'
import { limits } from '../platform/limits.ts'
import { idField } from '../platform/fields.ts'
import { command, type Write } from '../changes/command/command.ts'
import { freshId } from '../changes/command/fresh-id.ts'
import type { FactsOf } from '../platform/field.ts'
import type { tableFields } from './fields.ts'
import { newTable } from './rules.ts'
import { countTables, storeTable, tableEntity, tableSchema, type Table } from './tables.ts'

const input = z.strictObject({
  /** A new UUID, where the device has to name the table before it is stored. */
  id: idField.optional(),
  ...tableEntity.added,
})

/** What a new table is made of, wherever it comes from. */
export type NewTable = FactsOf<typeof tableFields> & {
  readonly id?: string | undefined
}

/** Puts a new, free table on the plan. Throws `AppError` table-number-taken (409), too-many-tables (409). */
export async function placeTable(w: Write, made: NewTable): Promise<Table> {
  if ((await countTables(w)) >= limits.tablesPerRestaurant)
    throw new AppError('too-many-tables', 409, `A restaurant may have ${limits.tablesPerRestaurant} tables`)
  const { id: wanted, ...facts } = made
  const id = await freshId(w, 'table', wanted)
  return storeTable(w, newTable(id, facts, w.now))
}

/** A new table, free. Spec: T1, T2. */
export const addTable = command({
  name: 'add-table',
  summary: 'Add a table to the plan',
  method: 'POST',
  path: '/tables',
  role: 'host',
  inBatch: true,
  budget: [6, 3],
  input,
  answer: tableSchema,
  run: (w, made): Promise<Table> => placeTable(w, made),
})
