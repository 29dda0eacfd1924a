import { z } from 'zod'
import { idField, versionField } from '../platform/fields.ts'
import { command } from '../changes/command/command.ts'
import { lockTables, tableSchema, type Table } from '../tables/tables.ts'
import { partyAt } from '../tables/rules.ts'
import { lockedFloor } from '../parties/parties.ts'
import { guestSchema, type Guest } from '../guests/guests.ts'
import { apply, lockPartyAt } from '../guests/seating.ts'
import { decideClearTable } from './rules.ts'

/**
 * Frees a table and those joined to it, whatever their state, and finishes the visit of their party. `needsCleaning`: they
 * wait to be cleaned before the next party. Spec: G11, T10, T11.
 */
export const clearTable = command({
  name: 'clear-table',
  summary: 'Free a table and finish the visit of its party',
  method: 'POST',
  path: '/tables/:tableId/clear',
  role: 'host',
  inBatch: true,
  budget: [6, 2],
  input: z.strictObject({ tableId: idField, needsCleaning: z.boolean().optional(), version: versionField }),
  answer: z.object({ table: tableSchema, guest: guestSchema.nullable() }),
  async run(w, input): Promise<{ table: Table; guest: Guest | null }> {
    const table = (await lockTables(w, [input.tableId])).get(input.tableId)
    const party = table ? partyAt(table) : null
    if (party) await lockPartyAt(w, party)
    await apply(w, decideClearTable(lockedFloor(w), input, w.now))
    const guest = party?.kind === 'guest' ? w.locked.of<Guest>('guest', party.id)! : null
    return { table: w.locked.of<Table>('table', input.tableId)!, guest }
  },
})
