import { z } from 'zod'
import { idField, instantField, textField, versionField } from '../../platform/fields.ts'
import { limits } from '../../platform/limits.ts'
import { command } from '../../changes/command/command.ts'
import { decideHoldTable } from './rules.ts'
import { decideTable, tableSchema, type Table } from '../tables.ts'

/** A free table is held. It frees itself at its time. Spec: T9. */
export const holdTable = command({
  name: 'hold-table',
  summary: 'Hold a free table until a time, for a party or a reason',
  method: 'POST',
  path: '/tables/:tableId/hold',
  role: 'host',
  inBatch: true,
  budget: [6, 2],
  input: z.strictObject({
    tableId: idField,
    until: instantField.nullable().default(null),
    partyId: idField.nullable().default(null),
    reason: textField(limits.reasonCharacters).nullable().default(null),
    version: versionField,
  }),
  answer: tableSchema,
  run: (w, input): Promise<Table> => decideTable(w, input.tableId, (table) => decideHoldTable(table, input, w.now)),
})
