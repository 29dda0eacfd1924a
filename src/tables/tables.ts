import { statement, constraintOf, type Tx } from '../platform/database/db.ts'
import { AppError } from '../platform/errors.ts'
import type { Write } from '../changes/command/command.ts'
import { entity, type EntityOf } from '../changes/entity.ts'
import { withFreshId } from '../changes/command/fresh-id.ts'
import { noun } from '../changes/floor/noun.ts'
import { tableFields } from './fields.ts'
import { decided } from '../changes/decided.ts'
import type { Refusal } from '../changes/rules.ts'
import type { TableEffect, TableEvent } from './rules.ts'

/** A table as devices see it. */
export const tableEntity = entity('table', 'Table', tableFields)
export const tableSchema = tableEntity.schema

export type Table = EntityOf<typeof tableFields>

const { columns, insert, update, row } = tableEntity

// In the order of id, as every command locks tables: two commands that need the same ones wait instead of deadlocking.
// Joined tables are locked as one, whichever of them is named.
const lockTablesByIdOrParty = statement(
  'lock-tables',
  `select ${columns} from tables where restaurant_id = $1
     and (id = any ($2::uuid[]) or guest_id = any ($3::uuid[]) or reservation_id = any ($3::uuid[])
       or first_id = any (array(select first_id from tables where restaurant_id = $1 and id = any ($2::uuid[]))))
   order by id for update`,
)

const lockEveryTable = statement(
  'lock-every-table',
  `select ${columns} from tables where restaurant_id = $1 order by id for update`,
)

const deleteTable = statement('delete-table', `delete from tables where restaurant_id = $1 and id = $2`)

const listTablesByNumber = statement(
  'list-tables',
  `select ${columns} from tables where restaurant_id = $1 order by number collate "C", id`,
)

const countAll = statement('count-tables', `select count(*) as count from tables where restaurant_id = $1`)

const countInArea = statement(
  'count-tables-in-area',
  `select count(*) as count from tables where restaurant_id = $1 and area_id = $2`,
)

/** Every table, by number as text (`1`, `10`, `2`). */
export const readTables = (tx: Tx, restaurantId: string): Promise<Table[]> =>
  tx.all<Table>(listTablesByNumber, [restaurantId])

/** Tables as the floor has them: all. */
export const tablesOnFloor = noun(tableEntity, { read: readTables, lock: (w, ids) => lockTables(w, ids) })

/** How many tables there are, or how many of an area. */
export async function countTables(w: Write, areaId?: string): Promise<number> {
  const counted =
    areaId === undefined
      ? w.tx.one<{ count: number }>(countAll, [w.restaurantId])
      : w.tx.one<{ count: number }>(countInArea, [w.restaurantId, areaId])
  return (await counted).count
}

/** Locks tables by id, those that parties are at, and what is joined to them, in the ladder's order. Unknown ids are left out. */
export async function lockTables(
  w: Write,
  ids: readonly string[],
  partyIds: readonly string[] = [],
): Promise<Map<string, Table>> {
  const theirs = tablesOf(w, partyIds)
  let rows = theirs && w.locked.all<Table>('table', withJoined(w, [...ids, ...theirs]))
  if (!rows) {
    rows = await w.tx.all<Table>(lockTablesByIdOrParty, [w.restaurantId, ids, partyIds])
    w.locked.note('table', ids, rows)
  }
  return new Map(rows.map((table) => [table.id, table]))
}

/** Locks all tables. */
export async function lockAllTables(w: Write): Promise<Table[]> {
  const tables = await w.tx.all<Table>(lockEveryTable, [w.restaurantId])
  w.locked.note('table', [], tables)
  return tables
}

/** Tables and those that are joined to them, as far as their rows are known. */
function withJoined(w: Write, ids: readonly string[]): string[] {
  const all = new Set(ids)
  // A set is walked to what is added meanwhile.
  for (const id of all) {
    const { joinedTo = null, joined = [] } = w.locked.of<Table>('table', id) ?? {}
    for (const other of joinedTo === null ? joined : [joinedTo, ...joined]) all.add(other)
  }
  return [...all]
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

/** Stores a new table and tells of it. Throws `AppError` table-number-taken (409). */
export async function storeTable(w: Write, table: Table): Promise<Table> {
  w.put('table', table.id, 'created' satisfies TableEvent, table.version, table)
  await withFreshId(table.id, 'tables_pkey', numbered(table, w.tx.all(insert, row(w, table))))
  return table
}

/** Stores a changed table, which the caller has locked, and puts it into the change. `numbered` says whether a new number is free. */
async function saveTable(w: Write, changed: Table, event: TableEvent): Promise<Table> {
  if (w.isUnchanged('table', event, changed)) return w.locked.of<Table>('table', changed.id)!
  const table = { ...changed, version: changed.version + 1, updatedAt: w.now }
  w.put('table', table.id, event, table.version, table)
  w.tx.send(update, row(w, table))
  return table
}

/** Stores what was decided about a table, which the caller has locked. */
export function applyToTable(w: Write, { id, set, event }: TableEffect): Promise<unknown> {
  const table = w.locked.of<Table>('table', id)!
  return set === null ? dropTable(w, table) : saveTable(w, { ...table, ...set }, event)
}

/** Does to a table what a rule decides about it, and gives the table. Throws the refusal as an `AppError`. */
export async function decideTable(
  w: Write,
  tableId: string,
  decide: (table: Table | undefined) => Refusal | TableEffect | readonly TableEffect[],
): Promise<Table> {
  const table = (await lockTables(w, [tableId])).get(tableId)
  const effects = decided(decide(table))
  for (const each of [effects].flat()) await applyToTable(w, each)
  return w.locked.of<Table>('table', tableId)!
}

/** Removes a table, which the caller has locked. */
async function dropTable(w: Write, table: Table): Promise<void> {
  w.drop('table', table.id, 'deleted' satisfies TableEvent, table.version, table)
  w.tx.send(deleteTable, [w.restaurantId, table.id])
}

/**
 * Waits for a table to be stored. Throws `AppError`: table-number-taken (409) where another has its number, unknown-area (422).
 */
export async function numbered(
  { number, areaId }: Pick<Table, 'number' | 'areaId'>,
  stored: Promise<unknown>,
): Promise<void> {
  try {
    await stored
  } catch (error) {
    const key = constraintOf(error)
    if (key === 'tables_area') throw new AppError('unknown-area', 422, 'There is no such dining area', { areaId })
    if (key !== 'tables_number_key') throw error
    throw new AppError('table-number-taken', 409, `Table ${number} already exists`, { number })
  }
}
