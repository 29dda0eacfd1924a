import { z } from 'zod'
import { idField, versionField } from '../../platform/fields.ts'

import { command } from '../../changes/command/command.ts'
import { decideReleaseTable } from './rules.ts'
import { decideTable, tableSchema, type Table } from '../tables.ts'

/** A held or blocked table is free. Spec: T9. */
export const releaseTable = command({
  name: 'release-table',
  summary: 'End the hold or the block of a table',
  method: 'POST',
  path: '/tables/:tableId/release',
  role: 'host',
  inBatch: true,
  budget: [6, 2],
  input: z.strictObject({ tableId: idField, version: versionField }),
  answer: tableSchema,
  run: (w, input): Promise<Table> => decideTable(w, input.tableId, (table) => decideReleaseTable(table, input)),
})
