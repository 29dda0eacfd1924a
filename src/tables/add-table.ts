import { z } from 'zod'
import { AppError } from '../platform/errors.ts'
import { limits } from '../platform/limits.ts'
import { idField, intField, textField } from '../platform/fields.ts'
import { command, type Write } from '../changes/command.ts'
import { freshId } from '../changes/fresh-id.ts'
import { countTables, storeTable, tableSchema, type Table } from './tables.ts'
import { TABLE_SHAPES } from './rules.ts'

const input = z.strictObject({
  /** A new UUID, where the device has to name the table before it is stored. */
  id: idField.optional(),
  number: textField(20),
  capacity: intField(-2_147_483_648),
  x: z.number().min(0).max(1),
  y: z.number().min(0).max(1),
  shape: z.enum(TABLE_SHAPES).default('round'),
  section: textField(100).nullable().default(null),
})

/** What a new table is made of, wherever it comes from. */
export type NewTable = Pick<Table, 'number' | 'capacity' | 'x' | 'y' | 'shape' | 'section'> & {
  readonly id?: string | undefined
}

/** Puts a new, free table on the plan. Throws `AppError` table-number-taken (409), too-many-tables (409). */
export async function placeTable(w: Write, made: NewTable): Promise<Table> {
  if ((await countTables(w)) >= limits.tablesPerRestaurant)
    throw new AppError('too-many-tables', 409, `A restaurant may have ${limits.tablesPerRestaurant} tables`)
  const id = await freshId(w, 'table', made.id)
  return storeTable(w, {
    ...made,
    id,
    status: 'available',
    guestId: null,
    reservationId: null,
    version: 1,
    createdAt: w.now,
    updatedAt: w.now,
  })
}

/** A new table, free. Spec: T1, T2. */
export const addTable = command({
  name: 'add-table',
  summary: 'Add a table to the plan',
  method: 'POST',
  path: '/tables',
  role: 'host',
  input,
  answer: tableSchema,
  run: (w, made): Promise<Table> => placeTable(w, made),
})
