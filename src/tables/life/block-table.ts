import { z } from 'zod'
import { idField, instantField, textField, versionField } from '../../platform/fields.ts'
import { limits } from '../../platform/limits.ts'
import { command } from '../../changes/command/command.ts'
import { decideBlockTable } from './rules.ts'
import { decideTable, tableSchema, type Table } from '../tables.ts'

/** A table is out of service. It comes back at its time, if it has one. Spec: T9. */
export const blockTable = command({
  name: 'block-table',
  summary: 'Take a table out of service, until a time or until it is released',
  method: 'POST',
  path: '/tables/:tableId/block',
  role: 'host',
  inBatch: true,
  budget: [6, 2],
  input: z.strictObject({
    tableId: idField,
    until: instantField.nullable().default(null),
    reason: textField(limits.reasonCharacters).nullable().default(null),
    version: versionField,
  }),
  answer: tableSchema,
  run: (w, input): Promise<Table> => decideTable(w, input.tableId, (table) => decideBlockTable(table, input, w.now)),
})
