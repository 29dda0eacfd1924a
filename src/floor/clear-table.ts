import { z } from 'zod'
import { idField, versionField } from '../platform/fields.ts'
import { command } from '../changes/command/command.ts'
import { freeTable, lockTable, tableSchema, type Table } from '../tables/tables.ts'
import { guestSchema, type Guest } from '../guests/guests.ts'
import { leave } from '../guests/seating.ts'

/** Frees a table whatever its state, and finishes the visit of its party. Spec: G11. */
export const clearTable = command({
  name: 'clear-table',
  summary: 'Free a table and finish the visit of its party',
  method: 'POST',
  path: '/tables/:tableId/clear',
  role: 'host',
  inBatch: true,
  budget: [6, 2],
  input: z.strictObject({ tableId: idField, version: versionField }),
  answer: z.object({ table: tableSchema, guest: guestSchema.nullable() }),
  async run(w, { tableId, version }): Promise<{ table: Table; guest: Guest | null }> {
    const table = await lockTable(w, tableId, version)
    const left = await leave(w, table, 'cleared')
    const [guest, freed] = await Promise.all([left(), freeTable(w, table, 'cleared')])
    return { table: freed, guest }
  },
})
