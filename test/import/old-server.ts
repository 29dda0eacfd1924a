import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import pg from 'pg'
import sqlite from 'node-sqlite3-wasm'
import { asLogin, databaseIn } from '../postgres.ts'
import type { OldRow, OldRows } from './old-rows.ts'

/** Databases as the old server left them: PostgreSQL and SQLite, with the same tables. */

const stamps = 'created_at timestamp default now(), updated_at timestamp default now()'
const times = 'reservation_time timestamp, check_in_time timestamp, seated_time timestamp, finished_time timestamp'

const DDL: Record<keyof OldRows, string> = {
  restaurants: `id varchar primary key, name varchar(255) not null, slug varchar(100) not null, email varchar(255) not null, phone varchar(20),
    address json, timezone varchar(50), subscription_tier varchar(20), subscription_status varchar(20), stripe_customer_id varchar(255),
    trial_ends_at timestamp, settings json, is_active boolean, ${stamps}`,
  users: `id varchar primary key, restaurant_id varchar not null, email varchar(255) not null, password_hash varchar(255) not null,
    first_name varchar(100), last_name varchar(100), role varchar(20), permissions json, is_active boolean, last_login_at timestamp, ${stamps}`,
  restaurant_tables: `id varchar primary key, restaurant_id varchar not null, table_number varchar(20) not null, capacity integer not null,
    min_party_size integer, max_party_size integer, position_x double precision not null, position_y double precision not null,
    shape varchar(20), section varchar(100), status varchar(20), current_guest_id varchar, notes text, is_active boolean, ${stamps}`,
  guests: `id varchar primary key, restaurant_id varchar not null, first_name varchar(100), last_name varchar(100), email varchar(255),
    phone varchar(20), party_size integer, status varchar(20), table_id varchar, ${times}, dietary_restrictions json,
    special_requests text, notes text, total_visits integer, ${stamps}`,
  reservations: `id varchar primary key, restaurant_id varchar not null, guest_id varchar, table_id varchar, party_size integer not null,
    reservation_time timestamp, duration_minutes integer, guest_name varchar(200) not null, guest_phone varchar(20), guest_email varchar(255),
    status varchar(20), source varchar(20), check_in_time timestamp, seated_time timestamp, finished_time timestamp, notes text,
    special_requests text, ${stamps}`,
}

/** An old PostgreSQL database, whose server is in `timeZone`. */
export interface OldServer {
  readonly url: string
  sql<Row extends object = Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>
  close(): Promise<void>
}

export async function oldPostgres(rows: OldRows, timeZone = 'UTC', server = inject('postgresUrl')): Promise<OldServer> {
  const name = `old_${randomBytes(6).toString('hex')}`
  await asLogin(server, `create database ${name}`)
  await asLogin(server, `alter database ${name} set timezone = '${timeZone}'`)
  const url = databaseIn(server, name)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  for (const [table, columns] of Object.entries(DDL)) {
    await client.query(`create table ${table} (${columns})`)
    const all = rows[table as keyof OldRows]
    for (let i = 0; i < all.length; i += 5_000)
      await client.query(`insert into ${table} select * from json_populate_recordset(null::${table}, $1)`, [
        JSON.stringify(all.slice(i, i + 5_000)),
      ])
  }
  await client.end()
  return {
    url,
    sql: (text, values) => asLogin(url, text, values),
    close: async () => void (await asLogin(server, `drop database ${name} with (force)`)),
  }
}

/** An old database as an SQLite file. JSON is stored as text, as the old server's driver did. */
export function oldSqlite(path: string, rows: OldRows): void {
  const database = new sqlite.Database(path)
  for (const [table, columns] of Object.entries(DDL)) {
    database.exec(`create table ${table} (${columns.replaceAll('now()', 'current_timestamp')})`)
    database.exec('begin')
    for (const row of rows[table as keyof OldRows]) {
      const names = Object.keys(row)
      const places = names.map((name) => (stringOf(row[name])?.includes('\u0000') ? 'cast(? as text)' : '?'))
      database.run(
        `insert into ${table} (${names.join(', ')}) values (${places.join(', ')})`,
        names.map((name) => valueOf(row[name])),
      )
    }
    database.exec('commit')
  }
  database.close()
}

const stringOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

function valueOf(value: OldRow[string]): string | number | boolean | Uint8Array | null {
  if (typeof value === 'string' && value.includes('\u0000')) return Buffer.from(value)
  if (typeof value === 'object' && value !== null) return JSON.stringify(value)
  return (value ?? null) as string | number | boolean | null
}
