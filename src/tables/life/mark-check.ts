import { z } from 'zod'
import { idField, versionField } from '../../platform/fields.ts'

import { command } from '../../changes/command/command.ts'
import { CHECKS, decideMarkCheck } from './rules.ts'
import { decideTable, tableSchema, type Table } from '../tables.ts'

/** The check of the party at a table. Spec: T10. */
export const markCheck = command({
  name: 'mark-check',
  summary: 'Say that the check has come to a table, or is paid',
  method: 'POST',
  path: '/tables/:tableId/check',
  role: 'host',
  inBatch: true,
  budget: [6, 2],
  input: z.strictObject({ tableId: idField, check: z.enum(CHECKS), version: versionField }),
  answer: tableSchema,
  run: (w, input): Promise<Table> => decideTable(w, input.tableId, (table) => decideMarkCheck(table, input, w.now)),
})
