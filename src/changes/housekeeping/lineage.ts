import { sqlState, statement, type Owner, type Tx } from '../../platform/database/db.ts'
import type { CheckEpochs } from '../../platform/database/epoch-guard.ts'
import { AppError } from '../../platform/errors.ts'
import { limits } from '../../platform/limits.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/observability/log.ts'
import type { Job } from './housekeeping.ts'
import type { RanBack } from '../hub/room.ts'
import { inTurn, pause, Taken } from './owner-step.ts'

/**
 * Notices that the database is another one than before: restored from a copy, moved, failed over. Then devices may have been told changes that it does
 * not have, and it may give their numbers again: every restaurant gets a new epoch, and every device fetches its floor anew, once.
 *
 * A timer would notice too late. The guard (migrations/0013) does not: it is empty on each server that has recovered, and no transaction of a restaurant
 * runs until `checkLineage` has looked at that server and filled it, in the transaction that gives the new epochs.
 */
export interface LineageDeps {
  readonly db: Owner
  readonly clock: Clock
  readonly log: Logger
}

interface Lineage {
  readonly system_identifier: string
  readonly timeline: string
  readonly database_oid: number
  readonly heads_oid: number
}

/** What was noted, and whether the guard is filled: null where nothing was noted. */
interface Noted extends Lineage {
  readonly is_guarded: boolean
}

const UNKNOWN = ''

const own = `(select oid from pg_database where datname = current_database()) as database_oid, 'heads'::regclass::oid as heads_oid`
// The control file's own timeline lags behind a failover until the next checkpoint.
const timeline = `left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)`
// From what tells most to what every login may ask.
const OWN = [
  statement(
    'lineage-own',
    `select (select system_identifier::text from pg_control_system()) as system_identifier, ${timeline} as timeline, ${own}`,
  ),
  statement('lineage-timeline', `select '' as system_identifier, ${timeline} as timeline, ${own}`),
  statement('lineage-oids', `select '' as system_identifier, '' as timeline, ${own}`),
] as const

const readNoted = statement(
  'lineage-noted',
  `select system_identifier, timeline, database_oid, heads_oid,
     exists (select from epoch_guard where home = pg_relation_filepath(tableoid)) as is_guarded
   from lineage where one_row`,
)

const note = statement(
  'lineage-note',
  `insert into lineage (system_identifier, timeline, database_oid, heads_oid, noted_at) values ($1, $2, $3, $4, $5)
   on conflict (one_row) do update set system_identifier = excluded.system_identifier, timeline = excluded.timeline,
     database_oid = excluded.database_oid, heads_oid = excluded.heads_oid, noted_at = excluded.noted_at`,
)

const emptyGuard = statement('empty-epoch-guard', `delete from epoch_guard`)
const fillGuard = statement(
  'fill-epoch-guard',
  `insert into epoch_guard (home) values (pg_relation_filepath('epoch_guard'::regclass))`,
)

const readEpoch = statement('lineage-epoch', `select epoch from heads where restaurant_id = $1`)

// Numbers go on where they are, so what came before is below the floor of the new epoch.
const renewEpochs = statement(
  'renew-epochs',
  `with renewed as (update heads set epoch = gen_random_uuid(), floor = seq where restaurant_id is not null returning 1)
   select count(*) as restaurants from renewed`,
)

/** What a look found: the same database, one that was never looked at, or another one, whose restaurants have new epochs now. */
export type Looked =
  | { readonly found: 'same' | 'new' }
  | { readonly found: 'another'; readonly why: string; readonly restaurants: number }

/**
 * Compares the database with what was noted in it, gives every restaurant a new epoch when it is another, and fills the guard. Several servers may look at
 * once: one of them does it, and the others wait. A login that may not ask for the cluster's identity is told so in the log. Spec: L15, L20.
 */
export async function checkLineage(deps: LineageDeps, signal?: AbortSignal): Promise<Looked> {
  const isSame = await deps.db.asOwner(async (tx) => {
    const is = await identify(tx, deps.log)
    const noted = await tx.maybe<Noted>(readNoted, [])
    return noted?.is_guarded === true && difference(noted, is) === null
  })
  return isSame ? { found: 'same' } : oneAtATime(deps, signal, (tx) => renewWhereDue(deps, tx))
}

/** The same for `DbOptions.checkEpochs`. */
export const lineageCheck =
  (clock: Clock, log: Logger): CheckEpochs =>
  (db) =>
    checkLineage({ db, clock, log })

async function renewWhereDue({ clock, log }: LineageDeps, tx: Tx): Promise<Looked> {
  // Asked in the transaction that fills the guard: another one may be on another server.
  const is = await identify(tx, log)
  const noted = await tx.maybe<Noted>(readNoted, [])
  const why = noted && (difference(noted, is) ?? doubt(noted, is))
  if (why === null && noted?.is_guarded) return { found: 'same' }
  await tx.all(emptyGuard, [])
  await tx.all(fillGuard, [])
  if (why === null) return { found: 'same' }
  await tx.all(note, [is.system_identifier, is.timeline, is.database_oid, is.heads_oid, clock.now()])
  if (why === undefined) return { found: 'new' }
  const { restaurants } = await tx.one<{ restaurants: number }>(renewEpochs, [])
  return { found: 'another', restaurants, why }
}

/** Does one step that gives new epochs, when no other server does one, and tells of it in the log. */
async function oneAtATime(
  { db, log }: LineageDeps,
  signal: AbortSignal | undefined,
  step: (tx: Tx) => Promise<Looked>,
): Promise<Looked> {
  for (let attempt = 1; ; attempt++) {
    try {
      const looked = await inTurn(db, 'lineage', signal, step)
      if (looked.found === 'another')
        log.warn(
          `This is another database than before (${looked.why}): ${looked.restaurants} restaurants have new epochs, and devices fetch their floor anew`,
        )
      return looked
    } catch (error) {
      if (!(error instanceof Taken) || attempt === limits.lineageAttempts) throw error
    }
    await pause(signal, limits.lineagePauseMillis)
  }
}

/**
 * The log of a restaurant ran back within its epoch: a number was given twice, or is about to be. Nothing that this module compares tells of that, such as a
 * disk that was put back. Gives every restaurant a new epoch, unless that has been done. Spec: L21.
 */
export const renewAfter =
  (deps: LineageDeps): RanBack =>
  (restaurantId, epoch) =>
    oneAtATime(deps, undefined, async (tx) => {
      const head = await tx.maybe<{ epoch: string }>(readEpoch, [restaurantId])
      if (head?.epoch !== epoch) return { found: 'same' }
      const { restaurants } = await tx.one<{ restaurants: number }>(renewEpochs, [])
      return { found: 'another', restaurants, why: `the log of restaurant ${restaurantId} ran back` }
    })

/** Gives every restaurant a new epoch, whatever was noted; for the operator. Gives how many restaurants. Spec: L16. */
export async function renewAllEpochs(db: Owner): Promise<number> {
  return inTurn(db, 'lineage', undefined, async (tx) => {
    const { restaurants } = await tx.one<{ restaurants: number }>(renewEpochs, [])
    return restaurants
  })
}

/** The look as a job, so that a database that was exchanged under a running server is noticed too. */
export const lineageJob = (deps: LineageDeps): Job => ({
  name: 'lineage',
  every: limits.lineageMillis,
  run: (signal) => checkLineage(deps, signal),
})

const told = new WeakSet<Logger>()

async function identify(tx: Tx, log: Logger): Promise<Lineage> {
  for (const [index, ask] of OWN.entries()) {
    try {
      return await tx.nested(() => tx.one<Lineage>(ask, []))
    } catch (error) {
      if (sqlState(error) === RECOVERING) throw new AppError('busy', 503, 'The database is a standby')
      // No right to ask, or no such function: some hosted databases.
      if (index === OWN.length - 1 || !['42501', '42883', '0A000'].includes(sqlState(error) ?? '')) throw error
      if (!told.has(log))
        log.warn(
          `The database does not say which cluster it is (${(error as Error).message}): after it was restored from a copy, run npm run new-epoch`,
        )
      told.add(log)
    }
  }
  throw new Error('assertion failed: the last way to ask needs no rights')
}

// What PostgreSQL says where a standby is asked for the end of its log.
const RECOVERING = '55000'

/** Why two that do not differ may be two all the same, or null: a server that recovered and does not tell its timeline may have been promoted. */
function doubt(noted: Noted, is: Lineage): string | null {
  if (noted.is_guarded || (noted.timeline !== UNKNOWN && is.timeline !== UNKNOWN)) return null
  return 'it recovered, and does not tell its timeline'
}

/** In what two differ, or null. What one of them does not know is no difference. */
function difference(noted: Lineage, is: Lineage): string | null {
  const differs = (a: string, b: string) => a !== b && a !== UNKNOWN && b !== UNKNOWN
  if (differs(noted.system_identifier, is.system_identifier)) return 'another cluster'
  if (differs(noted.timeline, is.timeline)) return `timeline ${is.timeline} after ${noted.timeline}`
  if (noted.database_oid !== is.database_oid) return 'another database of the cluster'
  return noted.heads_oid === is.heads_oid ? null : 'tables that were made anew'
}
