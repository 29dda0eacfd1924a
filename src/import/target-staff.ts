import { statement, type Db, type Tx } from '../platform/database/db.ts'
import type { FloorRow } from './old/rows.ts'

/** Restaurants and staff, written into QTable. */

const findRestaurantRow = statement('import-find-restaurant', `select slug from restaurants where restaurant_id = $1`)

const insertRestaurantRow = statement(
  'import-restaurant',
  `insert into restaurants (restaurant_id, name, slug, time_zone, is_active, created_at, updated_at)
   values ($1, $2, $3, $4, $5, $6, $7) on conflict (slug) do nothing returning true as made`,
)

const refreshRestaurantRow = statement(
  'import-refresh-restaurant',
  `update restaurants set name = $2, time_zone = $3, is_active = $4, created_at = $5, updated_at = $6
   where restaurant_id = $1 and (name, time_zone, is_active, created_at, updated_at)
     is distinct from ($2, $3, $4::boolean, $5::timestamptz, $6::timestamptz) returning true as made`,
)

/** Stores a restaurant. The slug stays what it was at first; one that is in use gets the end of the id. Gives what was done. */
export async function storeRestaurantRow(tx: Tx, row: FloorRow): Promise<'new' | 'new-slug' | 'changed' | 'same'> {
  const { restaurant_id: id, name, slug, time_zone, is_active, created_at, updated_at } = row
  const rest = [time_zone, is_active, created_at, updated_at]
  if (await tx.maybe(findRestaurantRow, [id]))
    return (await tx.maybe(refreshRestaurantRow, [id, name, ...rest])) ? 'changed' : 'same'
  if (await tx.maybe(insertRestaurantRow, [id, name, slug, ...rest])) return 'new'
  await tx.one(insertRestaurantRow, [id, name, `${String(slug).slice(0, 80)}-${String(id).slice(-12)}`, ...rest])
  return 'new-slug'
}

const STAFF = `email text, email_key text, password_hash text, first_name text, last_name text, role text, is_active boolean,
  last_sign_in_at timestamptz, created_at timestamptz, updated_at timestamptz`
const names = STAFF.split(',').map((column) => column.trim().split(' ')[0]!)
const incoming = `insert into staff as t (restaurant_id, id, ${names.join(', ')})
  select $1::uuid, id, ${names.map((name) => (name === 'email_key' ? 'coalesce(email_key, lower(email))' : name)).join(', ')}
  from json_to_recordset($2::json) as r (id uuid, ${STAFF})`

// A sign-in here replaced the hash by a better one of the same password, which stays until the old account was changed.
const stays = `(t.password_hash like '$argon2%' and excluded.updated_at <= t.updated_at)`

const storeStaffRows = statement(
  'import-staff',
  `${incoming}
   on conflict (restaurant_id, id) do update set email = excluded.email, email_key = excluded.email_key,
     first_name = excluded.first_name, last_name = excluded.last_name, role = excluded.role, is_active = excluded.is_active,
     password_hash = case when ${stays} then t.password_hash else excluded.password_hash end,
     last_sign_in_at = greatest(t.last_sign_in_at, excluded.last_sign_in_at),
     created_at = excluded.created_at, updated_at = greatest(t.updated_at, excluded.updated_at)
   where (t.email, t.email_key, t.first_name, t.last_name, t.role, t.is_active, t.created_at) is distinct from
       (excluded.email, excluded.email_key, excluded.first_name, excluded.last_name, excluded.role, excluded.is_active, excluded.created_at)
     or excluded.updated_at > t.updated_at or (excluded.password_hash <> t.password_hash and not ${stays})
     or excluded.last_sign_in_at > coalesce(t.last_sign_in_at, '-infinity')
   returning id`,
)

const storeMissingStaff = statement(
  'import-staff-missing',
  `${incoming} on conflict (restaurant_id, id) do nothing returning id`,
)

/** Stores users. Gives the ids of those that were not there or not the same. */
export async function storeStaffPage(
  tx: Tx,
  restaurantId: string,
  rows: readonly FloorRow[],
  onlyMissing: boolean,
): Promise<Set<string>> {
  const stored = await tx.all<{ id: string }>(onlyMissing ? storeMissingStaff : storeStaffRows, [
    restaurantId,
    JSON.stringify(rows),
  ])
  return new Set(stored.map(({ id }) => id))
}

const retire = statement(
  'import-retire-staff',
  `update staff set is_active = false where restaurant_id = $1 and is_active and not (id = any ($2::uuid[])) returning id`,
)

/** Lets nobody sign in who is not among `kept`. Gives the ids. */
export async function retireOthers(tx: Tx, restaurantId: string, kept: readonly string[]): Promise<string[]> {
  return (await tx.all<{ id: string }>(retire, [restaurantId, kept])).map(({ id }) => id)
}

const holders = statement(
  'import-holders-of-email',
  `select id, email, email_key as key, lower($1) as lower from staff`,
)

/** How an e-mail may be stored for a user: QTable may have accounts that the old database doesn't know. */
export async function emailIn(
  db: Db,
  email: string,
  id: string,
  wanted: 'lower' | 'exact',
): Promise<'lower' | 'exact' | 'taken'> {
  const rows = await db.transaction({ email }, (tx) =>
    tx.all<{ id: string; email: string; key: string; lower: string }>(holders, [email]),
  )
  const others = rows.filter((row) => row.id !== id)
  if (others.some((row) => row.email === email)) return 'taken'
  if (wanted === 'exact' || others.some((row) => row.key === row.lower))
    return others.some((row) => row.key === email) ? 'taken' : 'exact'
  return 'lower'
}

const zoneThere = statement('import-zone', `select now() at time zone $1 as at`)

/** Whether the new database knows a time zone. */
export async function isZoneThere(tx: Tx, name: string): Promise<boolean> {
  try {
    await tx.nested(() => tx.one(zoneThere, [name]))
    return true
  } catch {
    return false
  }
}
