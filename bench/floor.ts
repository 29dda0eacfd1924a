import pg from 'pg'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newEpoch } from '../src/platform/ids.ts'
import { systemClock } from '../src/platform/clock.ts'
import { startEmbedded } from '../src/platform/embedded/embedded.ts'
import { migrate, readMigrations } from '../src/platform/database/migrate.ts'
import { startLog } from '../src/changes/log/log.ts'
import { storeRestaurant } from '../src/restaurants/restaurants.ts'
import { storeStaff } from '../src/staff/members.ts'
import { checkLineage } from '../src/changes/housekeeping/lineage.ts'
import { Db } from '../src/platform/database/db.ts'
import { createLog } from '../src/platform/observability/log.ts'
import { FIRST, idIn, idOf, restaurantNumber, RESTAURANTS, SPARE } from './pairs.ts'

/** The databases that are measured on, and what is in them. */

/** A PostgreSQL of the bench's own, migrated, in a folder that is gone after `close`. */
export async function openPostgres(durable: boolean): Promise<{ url: string; close: () => Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'qtable-bench-'))
  const embedded = await startEmbedded({ dataDir, maxConnections: 200, say: () => undefined, durable })
  const close = async () => {
    process.off('SIGINT', leave)
    process.off('SIGTERM', leave)
    await embedded.stop()
    await rm(embedded.location, { recursive: true, force: true })
    await rm(dataDir, { recursive: true, force: true })
  }
  const leave = () => {
    process.on('uncaughtException', () => undefined) // connections that break now
    void close().then(() => process.exit(130))
  }
  process.once('SIGINT', leave)
  process.once('SIGTERM', leave)
  try {
    await migrate(embedded.url, await readMigrations(new URL('../migrations/', import.meta.url)))
    const db = new Db({ url: embedded.url, poolSize: 1 })
    await checkLineage({ db, clock: systemClock(), log: createLog('silent') })
    await db.close()
    return { url: embedded.url, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Runs statements as the superuser, one after the other. */
export async function asSuperuser(url: string, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('set search_path = qtable')
    for (const text of statements) await client.query(text)
  } finally {
    await client.end()
  }
}

/** Stores a restaurant and its owner. */
export async function addRestaurant(db: Db, restaurantId: string, staffId: string): Promise<void> {
  const now = systemClock().now()
  await db.transaction({ restaurantId }, async (tx) => {
    await storeRestaurant(tx, restaurantId, 'Bench', now)
    await startLog(tx, restaurantId, newEpoch(), now)
    const account = { email: `${staffId}@bench.example`, passwordHash: 'none', firstName: null, lastName: null }
    await storeStaff(tx, { restaurantId, id: staffId, role: 'owner', ...account }, now)
  })
}

/** Inserts `count` free tables and waiting guests. `restaurant` and `first` + `i` are numbers of ids, in SQL. */
export const partiesAndTables = (restaurant: string, first: number, guests: number, tables = guests): string[] => [
  `insert into tables (restaurant_id, id, number, capacity, x, y, shape, status, created_at, updated_at)
   select ${idIn(restaurant)}, ${idIn(`${first} + i`)}, (${first} + i)::text, 4, 0.5, 0.5, 'round', 'available', now(), now()
   from generate_series(0, ${tables - 1}) i`,
  `insert into guests (restaurant_id, id, first_name, last_name, party_size, status, check_in_time, created_at, updated_at)
   select ${idIn(restaurant)}, ${idIn(`${first} + i`)}, 'Ada', 'Lovelace', 2, 'waitlist', now(), now() - i * interval '1 second', now()
   from generate_series(0, ${guests - 1}) i`,
]

/** Fills an empty database: all restaurants, and `pairs` pairs for each place. */
export async function furnish(url: string, db: Db, pairs: number): Promise<void> {
  for (let number = 1; number <= SPARE; number++) await addRestaurant(db, idOf(number), idOf(FIRST.staff + number))
  await asSuperuser(
    url,
    ...partiesAndTables(`1 + i % ${RESTAURANTS}`, FIRST.many, pairs),
    ...partiesAndTables(`${restaurantNumber('hot', 0)}`, FIRST.hot, pairs),
    ...partiesAndTables(`${SPARE}`, FIRST.spare, 4),
  )
  await tidy(url)
}

/** Guests of pairs wait again, walk-ins are gone, and what the run before left to be cleaned up is cleaned up. */
export async function tidy(url: string): Promise<void> {
  await asSuperuser(
    url,
    `update guests set status = 'waitlist', finished_time = null, ended_at = null, seated_time = null
     where status <> 'waitlist'`,
    `delete from guests where first_name = 'Walk'`,
    'vacuum (analyze) guests',
    'vacuum (analyze) tables',
    'vacuum (analyze) heads',
    'checkpoint',
  )
}
