import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { StartupError } from '../errors.ts'
import { limits } from '../limits.ts'
import { sqlState } from './database-errors.ts'

/** One step of the schema: `migrations/0001-start.sql`. Forward only. */
export interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
  readonly checksum: string
}

const OLDEST_POSTGRES = 150_000
// Any number will do, so long as every migrator takes the same one.
const LOCK = 7_148_201

/** Reads the migrations of a folder, in order. Throws `StartupError` on a gap or a name that is not `NNNN-title.sql`. */
export async function readMigrations(folder: URL): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort()
  return Promise.all(
    files.map(async (file, index) => {
      const m = /^(\d{4})-([a-z0-9-]+)\.sql$/.exec(file)
      if (!m || Number(m[1]) !== index + 1)
        throw new StartupError(`migrations/${file}: names are NNNN-title.sql without gaps`)
      const sql = await readFile(new URL(file, folder), 'utf8')
      return { version: index + 1, name: m[2]!, sql, checksum: createHash('sha256').update(sql).digest('hex') }
    }),
  )
}

/**
 * Brings the database to the newest migration: each in a transaction of its own, under a lock so that several servers may start at once. Gives how
 * many were applied. Throws `StartupError`: PostgreSQL too old, a database newer than this program, a migration changed after it was applied, or a
 * login that may not create the schema or the role.
 */
export async function migrate(url: string, migrations: readonly Migration[]): Promise<number> {
  const client = new pg.Client({ connectionString: url, application_name: 'qtable migrator' })
  client.on('error', () => undefined) // the query under way is told
  try {
    await client.connect()
  } catch (error) {
    throw new StartupError(`DATABASE_URL: can't connect to the database: ${(error as Error).message}`)
  }
  try {
    await refuseOldPostgres(client)
    await ensureRole(client)
    let applied = 0
    for (const migration of migrations) applied += await applyInTime(client, migration, migrations.length)
    return applied
  } finally {
    await client.end()
  }
}

async function refuseOldPostgres(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ version: string }>(`select current_setting('server_version_num') as version`)
  if (Number(rows[0]!.version) < OLDEST_POSTGRES)
    throw new StartupError(`PostgreSQL 15 or later is needed; this one says ${rows[0]!.version}`)
}

/** Makes sure of the role that the server works as: it owns nothing, can't sign in, and the login may become it. */
async function ensureRole(client: pg.Client): Promise<void> {
  const advice =
    'Let an administrator run once:\n  create role qtable_app nologin;\n  grant qtable_app to current_user_of_DATABASE_URL;'
  const is = async () => {
    const { rows } = await client.query<{ made: boolean; usable: boolean }>(
      `select r.oid is not null as made, coalesce(pg_has_role(current_user, r.oid, 'member'), false) as usable
       from (select 1) one left join pg_roles r on r.rolname = 'qtable_app'`,
    )
    return rows[0]!
  }
  try {
    if (!(await is()).made) await client.query('create role qtable_app nologin')
  } catch (error) {
    // Another server was faster, which is as good.
    if (!(await is()).made)
      throw new StartupError(`The role qtable_app can't be made: ${(error as Error).message}. ${advice}`)
  }
  try {
    if (!(await is()).usable) await client.query('grant qtable_app to current_user')
  } catch (error) {
    if (!(await is()).usable)
      throw new StartupError(`The role qtable_app can't be used: ${(error as Error).message}. ${advice}`)
  }
}

/**
 * Applies one, again where it met others at work: an older server may be writing. It waits for a lock a moment only, because
 * whoever comes after it waits as long.
 */
async function applyInTime(client: pg.Client, migration: Migration, newest: number): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await applyOne(client, migration, newest)
    } catch (error) {
      const metOthers = ['40P01', '55P03'].includes(sqlState(error) ?? '')
      if (!metOthers || attempt === limits.migrationAttempts) throw error
    }
    await sleep(limits.migrationPauseMillis)
  }
}

async function applyOne(client: pg.Client, migration: Migration, newest: number): Promise<number> {
  await client.query('begin')
  try {
    await client.query('select pg_advisory_xact_lock($1)', [LOCK])
    await client.query('create schema if not exists qtable')
    await client.query(`set local search_path = qtable, pg_temp`)
    await client.query(`set local lock_timeout = '${limits.ownerLockMillis}'`)
    await client.query(`create table if not exists migrations (
      version integer primary key, name text not null, checksum text not null, applied_at timestamptz not null default now())`)
    await client.query('grant usage on schema qtable to qtable_app')
    const { rows } = await client.query<{ version: number; name: string; checksum: string }>(
      'select version, name, checksum from migrations order by version',
    )
    const last = rows.at(-1)
    if (last && last.version > newest)
      throw new StartupError(
        `The database is at migration ${last.version} (${last.name}) and this program knows ${newest}: start the newer QTable`,
      )
    const known = rows.find((row) => row.version === migration.version)
    if (known && known.checksum !== migration.checksum)
      throw new StartupError(
        `Migration ${migration.version} (${migration.name}) was changed after it had been applied to this database`,
      )
    if (!known) {
      await client.query(migration.sql)
      await client.query('insert into migrations (version, name, checksum) values ($1, $2, $3)', [
        migration.version,
        migration.name,
        migration.checksum,
      ])
    }
    await client.query('commit')
    return known ? 0 : 1
  } catch (error) {
    await client.query('rollback')
    if (error instanceof pg.DatabaseError && error.code === '42501')
      throw new StartupError(
        `The login of DATABASE_URL may not change the schema: ${error.message}. It needs "create" on the database`,
      )
    throw error
  }
}
