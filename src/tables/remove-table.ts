import { z } from 'zod'
import { AppError } from '../platform/errors.ts'
import { idField, versionField } from '../platform/fields.ts'
import { command } from '../changes/command/command.ts'
import { wasRemoved } from '../changes/log/log.ts'
import { dropTable, lockTables, partyAt, tableNotFound, versionConflict } from './tables.ts'

/** A table goes for good, unless someone sits there. Removing it again is no error. Its number may be used again. Spec: T3, T4. */
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
  async run(w, { tableId, version }): Promise<{ removed: boolean }> {
    const table = (await lockTables(w, [tableId])).get(tableId)
    if (!table) {
      if (await wasRemoved(w.tx, w.restaurantId, 'table', tableId)) return { removed: false }
      throw tableNotFound(tableId)
    }
    if (version !== undefined && version !== table.version) throw versionConflict(table)
    if (table.status === 'occupied' || partyAt(table) !== null)
      throw new AppError('table-occupied', 409, 'Cannot delete an occupied table', { table })
    await dropTable(w, table)
    return { removed: true }
  },
})
