import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { lineageCheck } from '../src/changes/housekeeping/lineage.ts'
import { append, headOf } from '../src/changes/log/log.ts'
import { keepDays, type Kept, type RetentionSettings } from '../src/changes/housekeeping/retention.ts'
import { changesSince, type Since } from '../src/changes/log/since.ts'
import { clockOf, plusMillis, systemClock, type Clock, type Instant } from '../src/platform/clock.ts'
import { Db } from '../src/platform/database/db.ts'
import { newId } from '../src/platform/ids.ts'
import { createLog } from '../src/platform/observability/log.ts'
import { migrate, readMigrations } from '../src/platform/database/migrate.ts'
import { registerRestaurant } from '../src/staff/register-restaurant.ts'
import { asLogin, databaseIn } from './postgres.ts'

/** Logs that are some days old, in a database whose login is no superuser, so that the walls stand for housekeeping too. */

const DAY = 86_400_000
export const migrations = await readMigrations(new URL('../migrations/', import.meta.url))

// Noon of yesterday, so that no midnight passes while the tests run.
const now = `${plusMillis(systemClock().now(), -DAY).slice(0, 10)}T12:00:00.000000Z` as Instant
/** A clock that stands still, some days from now. */
export const clockAt = (days: number): Clock => clockOf(() => plusMillis(now, days * DAY))
/** The day (YYYY-MM-DD) that is so many days from now. */
export const dayOf = (days: number): string => plusMillis(now, days * DAY).slice(0, 10)

export interface Log {
  readonly restaurantId: string
  readonly epoch: string
  /** The time of each change, by seq. */
  readonly at: Map<number, Instant>
  /** Adds changes some days from now. */
  add(days: number, n?: number): Promise<void>
  since(since: number, at?: Instant): Promise<Since>
}

export interface OldLogs {
  readonly url: string
  readonly db: Db
  /** Asks as a superuser. */
  readonly sql: <Row extends object>(text: string, values?: unknown[]) => Promise<Row[]>
  /** A restaurant that was registered some days ago. */
  readonly openLog: (days: number) => Promise<Log>
  /** Housekeeping; 14 days of the log are kept. */
  readonly keep: (settings?: Partial<RetentionSettings>, as?: Pick<Db, 'asOwner'>, clock?: Clock) => Promise<Kept>
  /** The days that the log has partitions for. */
  readonly days: () => Promise<string[]>
  readonly headRow: (log: Log) => Promise<{ seq: number; floor: number; floor_at: string }>
  readonly close: () => Promise<void>
}

export async function openOldLogs(): Promise<OldLogs> {
  const server = inject('postgresUrl')
  const name = `plain_${randomBytes(6).toString('hex')}`
  await asLogin(server, `create role ${name} login password 'p'`)
  await asLogin(server, `grant qtable_app to ${name}`)
  await asLogin(server, `create database ${name} owner ${name}`)
  const url = databaseIn(server, name).replace(/\/\/[^@]*@/, `//${name}:p@`)
  await migrate(url, migrations)
  const db = new Db({ url, poolSize: 12, checkEpochs: lineageCheck(systemClock(), createLog('silent')) })
  const sql: OldLogs['sql'] = (text, values = []) => asLogin(databaseIn(server, name), text, values)

  async function openLog(days: number): Promise<Log> {
    const deps = { db, clock: clockAt(days), newId, publish: () => undefined }
    const { restaurantId } = await registerRestaurant(deps, {
      restaurantName: 'Log',
      email: `${newId()}@log.example`,
      password: 'x',
      firstName: null,
      lastName: null,
    })
    const { epoch } = await db.transaction({ restaurantId }, (tx) => headOf(tx, restaurantId))
    const at = new Map<number, Instant>()
    return {
      restaurantId,
      epoch,
      at,
      async add(when, n = 1) {
        for (let i = 0; i < n; i++) {
          const entries = [{ op: 'put' as const, kind: 'thing', id: newId(), event: 'made', version: 1, value: { i } }]
          const draft = { restaurantId, command: 'test', mutationId: null, actorId: null, device: null, entries }
          const made = await db.transaction({ restaurantId }, (tx) => append(tx, draft, clockAt(when).now()))
          at.set(made.seq, made.at)
        }
      },
      since: (since, time) =>
        db.transaction({ restaurantId }, (tx) =>
          changesSince(tx, restaurantId, { epoch, since, at: time, limit: 500 }),
        ),
    }
  }

  return {
    url,
    db,
    sql,
    openLog,
    keep: (settings = {}, as = db, clock = clockAt(0)) => keepDays(as, clock, { days: 14, ...settings }),
    days: async () =>
      (
        await sql<{ day: string }>(
          `select right(c.relname, 8) as day from pg_inherits join pg_class c on c.oid = inhrelid where inhparent = 'qtable.changes'::regclass and c.relname ~ '\\d{8}$' order by 1`,
        )
      ).map(({ day }) => `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`),
    headRow: async ({ restaurantId }) =>
      (
        await sql<{ seq: number; floor: number; floor_at: string }>(
          `select seq::int, floor::int, to_char(floor_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as floor_at from qtable.heads where restaurant_id = $1`,
          [restaurantId],
        )
      )[0]!,
    async close() {
      await db.close()
      await asLogin(server, `drop database ${name} with (force)`)
      await asLogin(server, `drop role ${name}`)
    },
  }
}

/** The places of the changes in an answer, or why there are none. */
export const seqs = (answer: Since): number[] | string =>
  answer.kind === 'changes' ? answer.changes.map(({ seq }) => seq) : answer.reason
