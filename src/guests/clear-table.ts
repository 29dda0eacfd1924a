import { z } from 'zod'
import { idField, versionField } from '../platform/fields.ts'
import { command } from '../changes/command.ts'
import { lockTable, tableSchema, type Table } from '../tables/tables.ts'
import { guestSchema, lockGuests, saveGuest, type Guest } from './guests.ts'
import { freeTable, timesOf } from './seating.ts'

/** A table is free again, whatever it was; the party that had it has finished. Spec: G11. */
export const clearTable = command({
  name: 'clear-table',
  summary: 'Free a table; the party that had it has finished',
  method: 'POST',
  path: '/tables/:tableId/clear',
  role: 'host',
  input: z.object({ tableId: idField, version: versionField }),
  answer: z.object({ table: tableSchema, guest: guestSchema.nullable() }),
  async run(w, { tableId, version }): Promise<{ table: Table; guest: Guest | null }> {
    const table = await lockTable(w, tableId, version)
    const party = table.guestId === null ? undefined : (await lockGuests(w, [table.guestId])).get(table.guestId)
    const done: Guest | undefined = party && {
      ...party,
      ...timesOf(w, party, 'finished', {}),
      status: 'finished',
      tableId: null,
    }
    const [guest, freed] = await Promise.all([done && saveGuest(w, done, 'cleared'), freeTable(w, table, 'cleared')])
    return { table: freed, guest: guest ?? null }
  },
})
