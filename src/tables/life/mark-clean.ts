import { z } from 'zod'
import { idField, versionField } from '../../platform/fields.ts'

import { command } from '../../changes/command/command.ts'
import { decideMarkClean } from './rules.ts'
import { decideTable, tableSchema, type Table } from '../tables.ts'

/** A table that had to be cleaned is free. Spec: T10. */
export const markClean = command({
  name: 'mark-clean',
  summary: 'Say that a table is clean',
  method: 'POST',
  path: '/tables/:tableId/clean',
  role: 'host',
  inBatch: true,
  budget: [6, 2],
  input: z.strictObject({ tableId: idField, version: versionField }),
  answer: tableSchema,
  run: (w, input): Promise<Table> => decideTable(w, input.tableId, (table) => decideMarkClean(table, input)),
})
