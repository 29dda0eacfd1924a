import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import type { Context, StaffActor } from '../src/changes/command/command.ts'
import { lineageCheck } from '../src/changes/housekeeping/lineage.ts'
import { systemClock } from '../src/platform/clock.ts'
import { Db } from '../src/platform/database/db.ts'
import { newId } from '../src/platform/ids.ts'
import { createLog } from '../src/platform/observability/log.ts'
import { registerRestaurant } from '../src/staff/register-restaurant.ts'
import { asLogin, databaseIn } from './postgres.ts'

/** A database without the application: tests that need no more start in half the time. */

export interface TestDatabase {
  readonly url: string
  readonly db: Db
  /** Runs SQL as the login, which row level security does not hold back when it is a superuser. */
  sql<Row extends object = Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>
  close(): Promise<void>
}

const FILL_GUARD = `insert into qtable.epoch_guard select pg_relation_filepath('qtable.epoch_guard'::regclass)`
export const checkEpochs = lineageCheck(systemClock(), createLog('silent'))

/** A copy of the migrated template; about 25 ms. */
export async function openDatabase(poolSize = 20, prepare = true): Promise<TestDatabase> {
  const server = inject('postgresUrl')
  const name = `qtable_${randomBytes(6).toString('hex')}`
  await asLogin(server, `create database ${name} template ${inject('template')}`)
  const url = databaseIn(server, name)
  // As after the look at its lineage that each server takes at its start.
  await asLogin(url, FILL_GUARD)
  const db = new Db({ url, poolSize, prepare, checkEpochs })
  return {
    url,
    db,
    sql: (text, values) => asLogin(url, text, values),
    async close() {
      await db.close()
      await asLogin(server, `drop database ${name} with (force)`)
    },
  }
}

/** A new restaurant, and its owner who acts. */
export async function newOwner(db: Db): Promise<Context & { readonly actor: StaffActor }> {
  const names = { restaurantName: 'Cedar', firstName: null, lastName: null }
  const registration = { ...names, email: `${newId()}@cedar.example`, password: 'x' }
  const { restaurantId, staffId } = await registerRestaurant({ db, clock: systemClock(), newId }, registration)
  return { restaurantId, actor: { staffId, role: 'owner' } }
}
