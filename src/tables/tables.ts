import { statement, constraintOf, type Tx } from '../platform/database/db.ts'
import { AppError } from '../platform/errors.ts'
import type { Write } from '../changes/command/command.ts'
import { entity, type EntityOf } from '../changes/entity.ts'
import { withFreshId } from '../changes/command/fresh-id.ts'
import { noun } from '../changes/floor/noun.ts'
import { tableFields } from './fields.ts'
import { statusLeft, tableStatuses, type TableStatus } from './rules.ts'

/** A table as devices see it. */
export const tableEntity = entity('table', 'Table', tableFields)
export const tableSchema = tableEntity.schema

export type Table = EntityOf<typeof tableFields>

/** What happened to a table. `assigned`: a party got it. `freed`: its party left. `cleared`: a host cleared it. `batched`: changed as an item
 * of a batch. */
export type TableEvent = 'created' | 'edited' | 'assigned' | 'freed' | 'cleared' | 'batched' | 'deleted'

const { columns, insert, update, row } = tableEntity

// In the order of id, as every command locks tables: two commands that need the same ones wait instead of deadlocking.
const lockTablesByIdOrParty = statement(
  'lock-tables',
  `select ${columns} from tables where restaurant_id = $1 and (id = any ($2::uuid[]) or guest_id = any ($3::uuid[]) or reservation_id = any ($3::uuid[]))
   order by id for update`,
)

const deleteTable = statement('delete-table', `delete from tables where restaurant_id = $1 and id = $2`)

const listTablesByNumber = statement(
  'list-tables',
  `select ${columns} from tables where restaurant_id = $1 order by number collate "C", id`,
)

const countAll = statement('count-tables', `select count(*) as count from tables where restaurant_id = $1`)

/** Every table, by number as text (`1`, `10`, `2`). */
export const readTables = (tx: Tx, restaurantId: string): Promise<Table[]> =>
  tx.all<Table>(listTablesByNumber, [restaurantId])

/** Tables as the floor has them: all. */
export const tablesOnFloor = noun(tableEntity, { read: readTables, lock: (w, ids) => lockTables(w, ids) })

/** How many tables there are. */
export async function countTables(w: Write): Promise<number> {
  return (await w.tx.one<{ count: number }>(countAll, [w.restaurantId])).count
}

/** Locks tables by id, and those that parties are at, in the ladder's order. Unknown ids are left out. */
export async function lockTables(
  w: Write,
  ids: readonly string[],
  partyIds: readonly string[] = [],
): Promise<Map<string, Table>> {
  const theirs = tablesOf(w, partyIds)
  let rows = theirs && w.locked.all<Table>('table', [...new Set([...ids, ...theirs])])
  if (!rows) {
    rows = await w.tx.all<Table>(lockTablesByIdOrParty, [w.restaurantId, ids, partyIds])
    w.locked.note('table', ids, rows)
  }
  return new Map(rows.map((table) => [table.id, table]))
}

/** The tables that parties are at, where the parties are locked already; they and their tables are pairs. Otherwise undefined. */
function tablesOf(w: Write, partyIds: readonly string[]): string[] | undefined {
  const ids: string[] = []
  for (const id of partyIds) {
    const guest = w.locked.of<{ tableId: string | null }>('guest', id)
    const reservation = w.locked.of<{ tableId: string | null }>('reservation', id)
    const party = guest ?? reservation
    // Of neither kind it must be known that it is not there.
    if (!party && (guest === undefined || reservation === undefined)) return undefined
    if (party?.tableId) ids.push(party.tableId)
  }
  return ids
}

/** Locks one table. Throws `AppError` table-not-found (404), or version-conflict (409) when `version` is given and not its own. */
export async function lockTable(w: Write, id: string, version?: number): Promise<Table> {
  const table = (await lockTables(w, [id])).get(id)
  if (!table) throw tableNotFound(id)
  if (version !== undefined && version !== table.version) throw versionConflict(table)
  return table
}

export const tableNotFound = (id: string): AppError =>
  new AppError('table-not-found', 404, 'There is no such table', { tableId: id })

export const versionConflict = (table: Table): AppError =>
  new AppError('version-conflict', 409, 'The table was changed in the meantime', { table })

/** Stores a new table and tells of it. Throws `AppError` table-number-taken (409). */
export async function storeTable(w: Write, table: Table): Promise<Table> {
  w.put('table', table.id, 'created' satisfies TableEvent, table.version, table)
  await withFreshId(table.id, 'tables_pkey', numbered(table, w.tx.all(insert, row(w, table))))
  return table
}

/** Stores a changed table, which the caller has locked, and tells of it. Where its number changed, `numbered` tells whether it may have that. */
export async function saveTable(w: Write, changed: Table, event: TableEvent): Promise<Table> {
  if (w.isUnchanged('table', event, changed)) return w.locked.of<Table>('table', changed.id)!
  const table = { ...changed, version: changed.version + 1, updatedAt: w.now }
  w.put('table', table.id, event, table.version, table)
  w.tx.send(update, row(w, table))
  return table
}

/** The party that has a table, or null. */
export const partyAt = (table: Table): Party | null =>
  table.guestId !== null
    ? { kind: 'guest', id: table.guestId }
    : table.reservationId !== null
      ? { kind: 'reservation', id: table.reservationId }
      : null

/** Who may have a table. */
export interface Party {
  readonly kind: 'guest' | 'reservation'
  readonly id: string
}

/** Stores that a table's party has gone elsewhere. Spec: G16. */
export function vacateTable(w: Write, table: Table): Promise<Table> {
  const status = statusLeft(table.status, table.guestId === null ? 'reservation' : 'guest')
  return saveTable(w, { ...table, status, guestId: null, reservationId: null }, 'freed')
}

/** Stores that a table has no party any more and may be taken. */
export const freeTable = (w: Write, table: Table, event: TableEvent): Promise<Table> =>
  saveTable(w, { ...table, status: 'available', guestId: null, reservationId: null }, event)

/** Stores that a party has a table now, and no other party. */
export const giveTable = (w: Write, table: Table, party: Party, status: TableStatus = 'occupied'): Promise<Table> =>
  saveTable(w, { ...table, status, ...partyColumns(party) }, 'assigned')

/** The columns that name a party. */
export const partyColumns = ({ kind, id }: Party): Pick<Table, 'guestId' | 'reservationId'> => ({
  guestId: kind === 'guest' ? id : null,
  reservationId: kind === 'reservation' ? id : null,
})

/** Throws unless a party of this size may take a table: `AppError` table-not-free or over-capacity (409), with the table as it is. Spec: G6, G8. */
export function refuseTable(partySize: number, table: Table, { takeOver, force }: Insistence): void {
  const taken = partyAt(table) !== null
  if (taken ? !takeOver : !force && !tableStatuses[table.status].seatable)
    throw new AppError('table-not-free', 409, `Table ${table.number} is ${table.status}`, { table })
  if (!force && partySize > table.capacity)
    throw new AppError('over-capacity', 409, `Table ${table.number} seats ${table.capacity}`, { table })
}

/** How far a host insists. */
export interface Insistence {
  /** Take the table from whoever has it. Otherwise a taken table is refused. */
  readonly takeOver?: boolean | undefined
  /** Seat over capacity, at a table that is reserved or out of service, or against the usual order of statuses. */
  readonly force?: boolean | undefined
}

/** Removes a table, which the caller has locked. */
export async function dropTable(w: Write, table: Table): Promise<void> {
  w.drop('table', table.id, 'deleted' satisfies TableEvent, table.version, table)
  w.tx.send(deleteTable, [w.restaurantId, table.id])
}

/** Waits for a table to be stored. Throws `AppError` table-number-taken (409) where another has its number. */
export async function numbered(table: Pick<Table, 'number'>, stored: Promise<unknown>): Promise<void> {
  try {
    await stored
  } catch (error) {
    if (constraintOf(error) !== 'tables_number_key') throw error
    throw new AppError('table-number-taken', 409, `Table ${table.number} already exists`, { number: table.number })
  }
}
