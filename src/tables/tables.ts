import { z } from 'zod'
import { statement, constraintOf, type Tx } from '../platform/db.ts'
import { AppError } from '../platform/errors.ts'
import { idField, intField, textField } from '../platform/fields.ts'
import type { Instant } from '../platform/clock.ts'
import type { Write } from '../changes/command.ts'
import { TABLE_SHAPES, TABLE_STATUSES } from './rules.ts'

/** A table as devices see it. `x` and `y` are its place on the plan, 0 to 1 from the top left. */
export const tableSchema = z
  .object({
    id: idField,
    number: textField(20),
    capacity: intField(-2_147_483_648),
    x: z.number().min(0).max(1),
    y: z.number().min(0).max(1),
    shape: z.enum(TABLE_SHAPES),
    section: textField(100).nullable(),
    status: z.enum(TABLE_STATUSES),
    guestId: idField.nullable(),
    version: intField(1),
    createdAt: z.string().transform((text) => text as Instant),
    updatedAt: z.string().transform((text) => text as Instant),
  })
  .meta({ id: 'Table' })

export type Table = Readonly<z.output<typeof tableSchema>>

/** What happened to a table. `assigned`: a party got it. `freed`: its party left. `cleared`: a host cleared it. */
export type TableEvent = 'created' | 'edited' | 'assigned' | 'freed' | 'cleared' | 'deleted'

const columns = `id, number, capacity, x, y, shape, section, status, guest_id as "guestId", version,
  created_at as "createdAt", updated_at as "updatedAt"`

// In the order of id, as every command locks tables: two commands that need the same ones wait instead of deadlocking.
const lockTablesByIdOrGuest = statement(
  'lock-tables',
  `select ${columns} from tables where restaurant_id = $1 and (id = any ($2::uuid[]) or guest_id = $3) order by id for update`,
)

const insertTable = statement(
  'insert-table',
  `insert into tables (restaurant_id, id, number, capacity, x, y, shape, section, status, guest_id, version, updated_at, created_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)`,
)

const updateTable = statement(
  'update-table',
  `update tables set number = $3, capacity = $4, x = $5, y = $6, shape = $7, section = $8, status = $9, guest_id = $10,
     version = $11, updated_at = $12
   where restaurant_id = $1 and id = $2`,
)

const deleteTable = statement('delete-table', `delete from tables where restaurant_id = $1 and id = $2`)

const insertTombstone = statement(
  'table-tombstone',
  `insert into tombstones (restaurant_id, kind, id, at) values ($1, 'table', $2, $3)`,
)

const readTombstone = statement(
  'find-table-tombstone',
  `select at from tombstones where restaurant_id = $1 and kind = 'table' and id = $2`,
)

const listTablesByNumber = statement(
  'list-tables',
  `select ${columns} from tables where restaurant_id = $1 order by number collate "C", id`,
)

const countAll = statement('count-tables', `select count(*) as count from tables where restaurant_id = $1`)

/** Every table, by number as text (`1`, `10`, `2`). */
export const readTables = (tx: Tx, restaurantId: string): Promise<Table[]> =>
  tx.all<Table>(listTablesByNumber, [restaurantId])

/** How many tables there are. */
export async function countTables(w: Write): Promise<number> {
  return (await w.tx.one<{ count: number }>(countAll, [w.restaurantId])).count
}

/** Locks tables by id, and the one that a guest is at, in the ladder's order. Unknown ids are left out. */
export async function lockTables(w: Write, ids: readonly string[], guestId?: string): Promise<Map<string, Table>> {
  const rows = await w.tx.all<Table>(lockTablesByIdOrGuest, [w.restaurantId, ids, guestId ?? null])
  return new Map(rows.map((table) => [table.id, table]))
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
  await numbered(table, w.tx.all(insertTable, rowOf(w, table)))
  return table
}

/** Stores a changed table, which the caller has locked, and tells of it. Throws `AppError` table-number-taken (409). */
export async function saveTable(w: Write, changed: Table, event: TableEvent): Promise<Table> {
  const table = { ...changed, version: changed.version + 1, updatedAt: w.now }
  w.put('table', table.id, event, table.version, table)
  await numbered(table, w.tx.all(updateTable, rowOf(w, table)))
  return table
}

/** Removes a table, which the caller has locked, leaving a tombstone. */
export async function dropTable(w: Write, table: Table): Promise<void> {
  w.drop('table', table.id, 'deleted' satisfies TableEvent, table.version, table)
  await Promise.all([
    w.tx.all(deleteTable, [w.restaurantId, table.id]),
    w.tx.all(insertTombstone, [w.restaurantId, table.id, w.now]),
  ])
}

/** Whether a table of this id was removed earlier. */
export async function wasTable(w: Write, id: string): Promise<boolean> {
  return (await w.tx.maybe(readTombstone, [w.restaurantId, id])) !== undefined
}

function rowOf(w: Write, t: Table): unknown[] {
  return [
    w.restaurantId,
    t.id,
    t.number,
    t.capacity,
    t.x,
    t.y,
    t.shape,
    t.section,
    t.status,
    t.guestId,
    t.version,
    w.now,
  ]
}

async function numbered(table: Table, stored: Promise<unknown>): Promise<void> {
  try {
    await stored
  } catch (error) {
    if (constraintOf(error) !== 'tables_number_key') throw error
    throw new AppError('table-number-taken', 409, `Table ${table.number} already exists`, { number: table.number })
  }
}
