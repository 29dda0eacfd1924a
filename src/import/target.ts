import { statement, type Statement, type Tx } from '../platform/database/db.ts'
import type { Instant } from '../platform/clock.ts'
import { columnOf, columnTypes, type Fields } from '../platform/field.ts'
import { newEpoch } from '../platform/ids.ts'
import { startLog } from '../changes/log/log.ts'
import { guestEntity } from '../guests/guests.ts'
import { reservationEntity } from '../reservations/reservations.ts'
import { tableEntity } from '../tables/tables.ts'
import type { FloorRow } from './old/rows.ts'

/** What is written into QTable: whole pages of rows, in the transaction of their restaurant. */

/** The kinds that devices see, by the name that the log and the tombstones have for them. */
export type FloorKind = 'table' | 'guest' | 'reservation'

const FIELDS: Readonly<Record<FloorKind, Fields>> = {
  table: tableEntity.fields,
  guest: guestEntity.fields,
  reservation: reservationEntity.fields,
}

/** The fields that the old backend has. All others are QTable's own, and stay as they are. */
const OLD_FIELDS: Readonly<Record<FloorKind, readonly string[]>> = {
  table: ['number', 'capacity', 'x', 'y', 'shape', 'section', 'status', 'guestId', 'reservationId'],
  guest: [
    'firstName',
    'lastName',
    'email',
    'phone',
    'partySize',
    'status',
    'tableId',
    'reservationTime',
    'checkInTime',
    'seatedTime',
    'finishedTime',
    'endedAt',
    'dietaryRestrictions',
    'specialRequests',
    'notes',
  ],
  reservation: [
    'guestId',
    'guestName',
    'contactInfo',
    'email',
    'partySize',
    'status',
    'tableId',
    'reservationTime',
    'durationMinutes',
    'source',
    'checkInTime',
    'seatedTime',
    'finishedTime',
    'endedAt',
    'notes',
    'specialRequests',
  ],
}

// A row that was mended counts as changed now, so that devices which saw it as it was are told. `$3` is now.
function storing(kind: FloorKind, onlyMissing: boolean): Statement {
  const names = OLD_FIELDS[kind].map(columnOf)
  const [own, theirs] = ['t', 'excluded'].map((side) =>
    [...names, 'created_at'].map((name) => `${side}.${name}`).join(', '),
  )
  const buried = `exists (select from tombstones b where b.restaurant_id = $1 and b.kind = '${kind}' and b.id = r.id)`
  const conflict = onlyMissing
    ? 'do nothing'
    : `do update set ${[...names, 'created_at'].map((name) => `${name} = excluded.${name}`).join(', ')},
         version = t.version + 1,
         updated_at = case when excluded.updated_at > t.updated_at then excluded.updated_at else $3 end
       where (${own}) is distinct from (${theirs}) or (excluded.updated_at > t.updated_at and excluded.updated_at <> $3)`
  return statement(
    `import-${kind}s${onlyMissing ? '-missing' : ''}`,
    `insert into ${kind}s as t (restaurant_id, id, ${names.join(', ')}, created_at, updated_at)
     select $1::uuid, id, ${names.join(', ')}, created_at, case when mended or ${buried} then $3::timestamptz else updated_at end
     from json_to_recordset($2::json) as r (id uuid, ${columnTypes(FIELDS[kind])}, created_at timestamptz, updated_at timestamptz, mended boolean)
     ${onlyMissing ? `where not ${buried}` : ''}
     on conflict (restaurant_id, id) ${conflict} returning id`,
  )
}

const kinds: readonly FloorKind[] = ['table', 'guest', 'reservation']
const store = new Map(kinds.map((kind) => [kind, storing(kind, false)]))
const storeMissing = new Map(kinds.map((kind) => [kind, storing(kind, true)]))

/** Stores rows of a kind. Gives the ids of those that were not there or not the same. */
export async function storeRows(
  tx: Tx,
  kind: FloorKind,
  restaurantId: string,
  rows: readonly (FloorRow & { readonly mended: boolean })[],
  now: Instant,
  onlyMissing: boolean,
): Promise<Set<string>> {
  const wanted = (onlyMissing ? storeMissing : store).get(kind)!
  const stored = await tx.all<{ id: string }>(wanted, [restaurantId, JSON.stringify(rows), now])
  return new Set(stored.map(({ id }) => id))
}

const letTablesGo = statement(
  'import-let-tables-go',
  `update tables t set number = case when n.number = t.number then t.number else substr(md5(t.id::text), 1, 20) end,
     guest_id = case when n.guest_id = t.guest_id then t.guest_id end, joined_to = null, joined = '{}',
     reservation_id = case when n.reservation_id = t.reservation_id then t.reservation_id end
   from json_to_recordset($2::json) as n (id uuid, number text, guest_id uuid, reservation_id uuid)
   where t.restaurant_id = $1 and t.id = n.id
     and (n.number, n.guest_id, n.reservation_id) is distinct from (t.number, t.guest_id, t.reservation_id)`,
)

const letGoOf = (kind: 'guest' | 'reservation'): Statement =>
  statement(
    `import-let-${kind}s-go`,
    `update ${kind}s p set table_id = null where restaurant_id = $1 and table_id is not null and not exists (
       select from json_to_recordset($2::json) as n (id uuid, guest_id uuid, reservation_id uuid)
       where n.id = p.table_id and n.${kind}_id = p.id)`,
  )
const letGuestsGo = letGoOf('guest')
const letReservationsGo = letGoOf('reservation')

/** Takes back every number and pair that will not be as `tables` has it, so that no key is held twice while rows are stored one page after the other. */
export async function letGo(tx: Tx, restaurantId: string, tables: readonly FloorRow[]): Promise<void> {
  const json = JSON.stringify(
    tables.map(({ id, number, guest_id, reservation_id }) => ({ id, number, guest_id, reservation_id })),
  )
  for (const each of [letTablesGo, letGuestsGo, letReservationsGo]) await tx.all(each, [restaurantId, json])
}

const bury = statement(
  'import-bury',
  `insert into tombstones (restaurant_id, kind, id, at) select $1, $2, id, $4 from unnest($3::uuid[]) as gone (id)
   on conflict do nothing returning id`,
)

/** Leaves a mark that entities are gone, unless there is one. Gives the ids of the new ones. */
export async function buryRows(
  tx: Tx,
  kind: FloorKind,
  restaurantId: string,
  ids: readonly string[],
  now: Instant,
): Promise<Set<string>> {
  const rows = await tx.all<{ id: string }>(bury, [restaurantId, kind, ids, now])
  return new Set(rows.map(({ id }) => id))
}

const removing = (kind: FloorKind): Statement =>
  statement(
    `import-remove-${kind}s`,
    `delete from ${kind}s t where restaurant_id = $1
     and not exists (select from unnest($2::uuid[]) as kept (id) where kept.id = t.id) returning id`,
  )
const remove = new Map(kinds.map((kind) => [kind, removing(kind)]))

/** Removes what is not among `kept` and leaves marks of it. Gives the ids. */
export async function removeOthers(
  tx: Tx,
  kind: FloorKind,
  restaurantId: string,
  kept: readonly string[],
  now: Instant,
): Promise<string[]> {
  const gone = (await tx.all<{ id: string }>(remove.get(kind)!, [restaurantId, kept])).map(({ id }) => id)
  if (gone.length > 0) await buryRows(tx, kind, restaurantId, gone, now)
  return gone
}

const guestsThere = statement(
  'import-guests-there',
  `select id from guests where restaurant_id = $1 and id = any ($2::uuid[])`,
)

/** Which of these guests there are. */
export async function findGuests(tx: Tx, restaurantId: string, ids: readonly string[]): Promise<Set<string>> {
  const rows = await tx.all<{ id: string }>(guestsThere, [restaurantId, ids])
  return new Set(rows.map(({ id }) => id))
}

const lockHead = statement('import-lock-head', `select seq from heads where restaurant_id = $1 for update`)
const moveHead = statement(
  'import-move-head',
  `update heads set epoch = $2, last_at = greatest(last_at + interval '1 microsecond', $3::timestamptz),
     floor_at = greatest(last_at + interval '1 microsecond', $3::timestamptz) where restaurant_id = $1`,
)

/** How far the restaurant's log has come, locked; null when the restaurant is not there. */
export async function lockLog(tx: Tx, restaurantId: string): Promise<number | null> {
  return (await tx.maybe<{ seq: number }>(lockHead, [restaurantId]))?.seq ?? null
}

/** Starts the log, or starts it anew: whoever asks for what happened since an older time is told everything there is. */
export async function renewLog(tx: Tx, restaurantId: string, isNew: boolean, now: Instant): Promise<void> {
  if (isNew) await startLog(tx, restaurantId, newEpoch(), now)
  await tx.all(moveHead, [restaurantId, newEpoch(), now])
}

const checkAll = statement('import-check-pairs', 'set constraints all immediate')

/** Lets the database check now what it checks at commit. */
export async function checkPairs(tx: Tx): Promise<void> {
  await tx.all(checkAll, [])
}
