import { z } from 'zod'
import { idField, versionField } from '../platform/fields.ts'
import { AppError } from '../platform/errors.ts'
import { command, LostRace, type Write } from '../changes/command.ts'
import {
  lockTables,
  saveTable,
  tableNotFound,
  tableSchema,
  versionConflict,
  type Table,
  type TableEvent,
} from '../tables/tables.ts'
import { TABLE_SHAPES, TABLE_STATUSES } from '../tables/rules.ts'
import { lockGuests, saveGuest, type Guest } from './guests.ts'
import { displace, freeTable, refuseTable, timesOf } from './seating.ts'

const facts = tableSchema.shape

/** What may be changed of a table. What isn't there stays; `guestId` null takes the party away. */
export const tableChange = z.object({
  number: facts.number.optional(),
  capacity: facts.capacity.optional(),
  x: facts.x.optional(),
  y: facts.y.optional(),
  shape: z.enum(TABLE_SHAPES).optional(),
  section: facts.section.optional(),
  status: z.enum(TABLE_STATUSES).optional(),
  guestId: idField.nullable().optional(),
  takeOver: z.boolean().optional(),
  force: z.boolean().optional(),
})

export type TableChange = z.output<typeof tableChange>

/** A table's facts, its status and who is there, in one go. Spec: T5, G12. */
export const updateTable = command({
  name: 'update-table',
  summary: "Change a table's facts, its status and who is there in one go",
  method: 'PATCH',
  path: '/tables/:tableId',
  role: 'host',
  input: tableChange.extend({ tableId: idField, version: versionField }),
  answer: tableSchema,
  async run(w, { tableId, version, ...change }): Promise<Table> {
    return changeTable(w, tableId, change, version)
  },
})

/** Changes a table and whatever that moves. Throws `AppError`: table-not-found, version-conflict, unknown-guest, table-not-free, over-capacity, table-number-taken. */
export async function changeTable(w: Write, tableId: string, change: TableChange, version?: number): Promise<Table> {
  const { status, guestId, takeOver, force, ...sent } = change
  const wanted = status === 'available' ? undefined : (guestId ?? undefined)
  // The table that the wanted guest is at now is locked too: moving there frees it.
  const tables = await lockTables(w, [tableId], wanted)
  const table = tables.get(tableId)
  if (!table) throw tableNotFound(tableId)
  if (version !== undefined && version !== table.version) throw versionConflict(table)
  const edited: Table = { ...table, ...given(sent) }
  if (status === 'available') return makeAvailable(w, edited, guestId ? 'assigned' : 'freed')
  if (wanted !== undefined) return seatThere(w, edited, tables, wanted, { status, takeOver, force })
  if (guestId === null && table.guestId !== null) {
    const [, saved] = await Promise.all([
      leave(w, table.guestId, false),
      saveTable(w, { ...edited, status: status ?? table.status, guestId: null }, 'edited'),
    ])
    return saved
  }
  return saveTable(w, { ...edited, status: status ?? table.status }, status === 'occupied' ? 'assigned' : 'edited')
}

/** The table is free: a seated party has finished, another only loses the table. */
async function makeAvailable(w: Write, table: Table, event: TableEvent): Promise<Table> {
  if (table.guestId === null) return freeTable(w, table, event === 'freed' ? 'edited' : event)
  const [, saved] = await Promise.all([leave(w, table.guestId, true), freeTable(w, table, event)])
  return saved
}

async function leave(w: Write, guestId: string, finishes: boolean): Promise<Guest> {
  const guest = (await lockGuests(w, [guestId])).get(guestId)
  if (!guest) throw new LostRace('the party at the table left')
  if (!finishes || guest.status !== 'seated') return saveGuest(w, { ...guest, tableId: null }, 'table-changed')
  const done: Guest = { ...guest, ...timesOf(w, guest, 'finished', {}), status: 'finished', tableId: null }
  return saveGuest(w, done, 'status-changed')
}

async function seatThere(
  w: Write,
  table: Table,
  tables: ReadonlyMap<string, Table>,
  guestId: string,
  { status, takeOver, force }: Pick<TableChange, 'status' | 'takeOver' | 'force'>,
): Promise<Table> {
  const guest = (await lockGuests(w, [guestId])).get(guestId)
  if (!guest) throw new AppError('unknown-guest', 422, 'There is no such guest to sit there', { guestId })
  if (guest.tableId !== null && !tables.has(guest.tableId)) throw new LostRace('guest moved')
  const now = { ...table, status: status ?? 'occupied', guestId }
  if (guest.tableId === table.id) return saveTable(w, now, 'assigned')
  refuseTable(guest, table, { takeOver, force })
  const from = guest.tableId === null ? undefined : tables.get(guest.tableId)
  const displaced = table.guestId === null ? undefined : await displace(w, table)
  const [, , , saved] = await Promise.all([
    displaced && saveGuest(w, displaced, 'displaced'),
    saveGuest(w, { ...guest, tableId: table.id }, 'table-changed'),
    from && freeTable(w, from, 'freed'),
    saveTable(w, now, 'assigned'),
  ])
  return saved
}

function given(sent: Omit<TableChange, 'status' | 'guestId' | 'takeOver' | 'force'>): Partial<Table> {
  return Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined))
}
