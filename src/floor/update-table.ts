import { z } from 'zod'
import { idField, versionField } from '../platform/fields.ts'
import { AppError } from '../platform/errors.ts'
import { command, LostRace, type Write } from '../changes/command/command.ts'
import {
  freeTable,
  lockTables,
  numbered,
  partyAt,
  partyColumns,
  refuseTable,
  saveTable,
  tableEntity,
  tableNotFound,
  tableSchema,
  vacateTable,
  versionConflict,
  type Party,
  type Table,
  type TableEvent,
} from '../tables/tables.ts'
import { TABLE_STATUSES, type TableStatus } from '../tables/rules.ts'
import { lockReservation, saveReservation } from '../reservations/reservations.ts'
import { isOver } from '../parties/rules.ts'
import { lockGuests, saveGuest } from '../guests/guests.ts'
import { displace, endedWithTable, leave } from '../guests/seating.ts'

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
 * Changes a table and everything that depends on it. Throws `AppError`: table-not-found, version-conflict,
 * unknown-party, table-not-free, over-capacity, table-number-taken.
 */
export async function changeTable(w: Write, tableId: string, change: TableChange, version?: number): Promise<Table> {
  const { partyId } = change
  const wanted = change.status === 'available' ? undefined : (partyId ?? undefined)
  // Also lock the table where the wanted party sits now: moving the party frees it.
  const tables = await lockTables(w, [tableId], wanted === undefined ? [] : [wanted])
  const table = tables.get(tableId)
  if (!table) throw tableNotFound(tableId)
  if (version !== undefined && version !== table.version) throw versionConflict(table)
  const changed = await store(w, table, tables, change, wanted)
  if (changed.number !== table.number) await numbered(changed, w.tx.arrived())
  return changed
}

async function store(
  w: Write,
  table: Table,
  tables: ReadonlyMap<string, Table>,
  { status, partyId, takeOver, force, ...sent }: TableChange,
  wanted: string | undefined,
): Promise<Table> {
  const edited: Table = { ...table, ...given(sent) }
  if (status === 'available') return makeAvailable(w, edited, partyId ? 'assigned' : 'freed')
  if (wanted !== undefined) return seatThere(w, edited, tables, wanted, { status, takeOver, force })
  if (partyId === null && partyAt(table) !== null) {
    const left = await leave(w, table, 'unlinked')
    const bare = { ...edited, status: status ?? table.status, guestId: null, reservationId: null }
    const [, saved] = await Promise.all([left(), saveTable(w, bare, 'edited')])
    return saved
  }
  return saveTable(w, { ...edited, status: status ?? table.status }, status === 'occupied' ? 'assigned' : 'edited')
}

/** The table is free: the visit of a seated party is finished, any other party only loses the table. */
async function makeAvailable(w: Write, table: Table, event: TableEvent): Promise<Table> {
  const left = await leave(w, table, 'freed')
  const told = event === 'freed' && partyAt(table) === null ? 'edited' : event
  const [, saved] = await Promise.all([left(), freeTable(w, table, told)])
  return saved
}

/** A locked party, and the function that stores that it is now at this table. */
interface Comer {
  readonly party: Party
  readonly tableId: string | null
  readonly size: number
  readonly isOver: boolean
  readonly status: TableStatus
  readonly save: () => Promise<unknown>
}

async function lockComer(w: Write, id: string, tableId: string): Promise<Comer> {
  const reservation = await lockReservation(w, id)
  if (reservation) {
    return {
      party: { kind: 'reservation', id },
      tableId: reservation.tableId,
      size: reservation.partySize,
      isOver: isOver(reservation.status),
      status: reservation.status === 'seated' ? 'occupied' : 'reserved',
      save: () => saveReservation(w, { ...reservation, tableId }, 'table-changed'),
    }
  }
  const guest = (await lockGuests(w, [id])).get(id)
  if (!guest)
    throw new AppError('unknown-party', 422, 'There is no such guest or reservation to sit there', { partyId: id })
  return {
    party: { kind: 'guest', id },
    tableId: guest.tableId,
    size: guest.partySize,
    isOver: isOver(guest.status),
    status: 'occupied',
    save: () => saveGuest(w, { ...guest, tableId }, 'table-changed'),
  }
}

async function seatThere(
  w: Write,
  table: Table,
  tables: ReadonlyMap<string, Table>,
  partyId: string,
  { status, takeOver, force }: Pick<TableChange, 'status' | 'takeOver' | 'force'>,
): Promise<Table> {
  const comer = await lockComer(w, partyId, table.id)
  if (comer.tableId !== null && !tables.has(comer.tableId)) throw new LostRace('the party moved')
  const now: Table = { ...table, status: status ?? comer.status, ...partyColumns(comer.party) }
  if (comer.tableId === table.id) return saveTable(w, now, 'assigned')
  if (comer.isOver && !force) throw endedWithTable()
  refuseTable(comer.size, table, { takeOver, force })
  const from = comer.tableId === null ? undefined : tables.get(comer.tableId)
  const displaced = await displace(w, table)
  const [, , , saved] = await Promise.all([
    displaced(),
    comer.save(),
    from && vacateTable(w, from),
    saveTable(w, now, 'assigned'),
  ])
  return saved
}

function given(sent: Omit<TableChange, 'status' | 'partyId' | 'takeOver' | 'force'>): Partial<Table> {
  return Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined))
}
