import { z } from 'zod'
import { idField, versionField } from '../platform/fields.ts'
import { command, type Write } from '../changes/command/command.ts'
import { lockTables, numbered, tableEntity, tableSchema, type Table } from '../tables/tables.ts'
import { partyAt, TABLE_STATUSES } from '../tables/rules.ts'
import { lockedFloor } from '../parties/parties.ts'
import { lockReservation } from '../reservations/reservations.ts'
import { lockGuests } from '../guests/guests.ts'
import { apply, lockPartyAt } from '../guests/seating.ts'
import { decideUpdateTable } from './rules.ts'

/** The changeable fields of a table. Missing fields stay. `partyId` null removes the party. */
export const tableChange = z.strictObject({
  ...tableEntity.edited,
  status: z.enum(TABLE_STATUSES).optional(),
  /** A guest's or a reservation's id. Null takes the present party off the table. */
  partyId: idField.nullable().optional(),
  takeOver: z.boolean().optional(),
  force: z.boolean().optional(),
})

export type TableChange = z.output<typeof tableChange>

/** Changes a table's facts, status and party at once. Spec: T5, G12. */
export const updateTable = command({
  name: 'update-table',
  summary: "Change a table's facts, status and party at once",
  method: 'PATCH',
  path: '/tables/:tableId',
  role: 'host',
  inBatch: true,
  budget: [6, 2],
  input: tableChange.extend({ tableId: idField, version: versionField }),
  answer: tableSchema,
  async run(w, { tableId, version, ...change }): Promise<Table> {
    return changeTable(w, tableId, change, version)
  },
})

/**
 * Changes a table and the parties that this moves. Throws `AppError`: table-not-found, version-conflict, unknown-party,
 * ended-with-table, table-not-free, over-capacity, table-number-taken.
 */
export async function changeTable(w: Write, tableId: string, change: TableChange, version?: number): Promise<Table> {
  const { partyId, status } = change
  const wanted = status === 'available' ? undefined : (partyId ?? undefined)
  // The table that the wanted party is at now is locked too: moving there frees it.
  const before = (await lockTables(w, [tableId], wanted === undefined ? [] : [wanted])).get(tableId)
  const party = before ? partyAt(before) : null
  if (wanted !== undefined) await lockComer(w, wanted)
  else if (party && (status === 'available' || partyId === null)) await lockPartyAt(w, party)
  await apply(w, decideUpdateTable(lockedFloor(w), { ...change, tableId, version }, w.now))
  const table = w.locked.of<Table>('table', tableId)!
  if (table.number !== before!.number || table.areaId !== before!.areaId) await numbered(table, w.tx.arrived())
  return table
}

/** Locks the reservation, or else the guest, that is to sit at a table. */
export async function lockComer(w: Write, id: string): Promise<void> {
  if (!(await lockReservation(w, id))) await lockGuests(w, [id])
}
