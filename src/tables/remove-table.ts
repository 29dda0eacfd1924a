import { z } from 'zod'
import { idField, versionField } from '../platform/fields.ts'
import { decided } from '../changes/decided.ts'
import { command } from '../changes/command/command.ts'
import { wasRemoved } from '../changes/log/log.ts'
import { decideRemoveTable } from './rules.ts'
import { applyToTable, lockTables } from './tables.ts'

/** A table goes for good, unless a party has it. Removing it again is no error. Its number may be used again. Spec: T3, T4. */
export const removeTable = command({
  name: 'remove-table',
  summary: 'Remove a table without a party',
  method: 'DELETE',
  path: '/tables/:tableId',
  role: 'host',
  inBatch: true,
  budget: [7, 2],
  input: z.strictObject({ tableId: idField, version: versionField }),
  answer: z.object({ removed: z.boolean() }),
  async run(w, input): Promise<{ removed: boolean }> {
    const table = (await lockTables(w, [input.tableId])).get(input.tableId)
    if (!table && (await wasRemoved(w.tx, w.restaurantId, 'table', input.tableId))) return { removed: false }
    await applyToTable(w, decided(decideRemoveTable(table, input)))
    return { removed: true }
  },
})
