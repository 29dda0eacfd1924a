import { sqlState, statement } from '../platform/db.ts'
import { limits } from '../platform/limits.ts'
import type { Clock } from '../platform/clock.ts'
import type { Logger } from '../platform/log.ts'
import type { Job } from './housekeeping.ts'
import { inTurn, pause, Taken, type Owner } from './turn.ts'

/**
 * Notices that the database is another one than before: restored from a copy, moved, failed over. Then what devices were told may not be in it, and
 * its numbers may be given a second time: every restaurant gets a new epoch, and every device fetches its floor anew, once.
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

const UNKNOWN = ''

const own = `(select oid from pg_database where datname = current_database()) as database_oid, 'heads'::regclass::oid as heads_oid`
// The control file's own timeline lags behind a failover until the next checkpoint.
const readOwn = statement(
  'lineage-own',
  `select (select system_identifier::text from pg_control_system()) as system_identifier,
     left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) as timeline, ${own}`,
)
const readOids = statement('lineage-oids', `select '' as system_identifier, '' as timeline, ${own}`)

const readNoted = statement(
  'lineage-noted',
  `select system_identifier, timeline, database_oid, heads_oid from lineage where one_row`,
)

const note = statement(
  'lineage-note',
  `insert into lineage (system_identifier, timeline, database_oid, heads_oid, noted_at) values ($1, $2, $3, $4, $5)
   on conflict (one_row) do update set system_identifier = excluded.system_identifier, timeline = excluded.timeline,
     database_oid = excluded.database_oid, heads_oid = excluded.heads_oid, noted_at = excluded.noted_at`,
)

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
 * Compares the database with what was noted in it, and gives every restaurant a new epoch when it is another. Several servers may look at once: one of
 * them does it. A login that may not ask for the cluster's identity is told so in the log; then only restored dumps are noticed. Spec: L15.
 */
export async function checkLineage(deps: LineageDeps, signal?: AbortSignal): Promise<Looked> {
  const is = await identify(deps)
  const noted = await deps.db.asOwner((tx) => tx.maybe<Lineage>(readNoted, []))
  if (noted && difference(noted, is) === null) return { found: 'same' }
  for (let attempt = 1; ; attempt++) {
    try {
      return await renewOnce(deps, is, signal)
    } catch (error) {
      if (!(error instanceof Taken) || attempt === limits.housekeepingAttempts) throw error
    }
    await pause(signal)
  }
}

async function renewOnce({ db, clock, log }: LineageDeps, is: Lineage, signal?: AbortSignal): Promise<Looked> {
  const looked = await inTurn(db, 'lineage', signal, async (tx) => {
    const noted = await tx.maybe<Lineage>(readNoted, [])
    const why = noted && difference(noted, is)
    if (why === null) return { found: 'same' as const }
    await tx.all(note, [is.system_identifier, is.timeline, is.database_oid, is.heads_oid, clock.now()])
    if (why === undefined) return { found: 'new' as const }
    const { restaurants } = await tx.one<{ restaurants: number }>(renewEpochs, [])
    return { found: 'another' as const, restaurants, why }
  })
  if (looked.found === 'another')
    log.warn(
      `This is another database than before (${looked.why}): ${looked.restaurants} restaurants have new epochs, and devices fetch their floor anew`,
    )
  return looked
}

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

async function identify({ db, log }: LineageDeps): Promise<Lineage> {
  try {
    return await db.asOwner((tx) => tx.one<Lineage>(readOwn, []))
  } catch (error) {
    // No right to ask, or no such function: some hosted databases.
    if (!['42501', '42883', '0A000'].includes(sqlState(error) ?? '')) throw error
    if (!told.has(log))
      log.warn(
        `The database does not say which cluster it is (${(error as Error).message}): after it was restored from a copy, run npm run new-epoch`,
      )
    told.add(log)
    return db.asOwner((tx) => tx.one<Lineage>(readOids, []))
  }
}

/** In what two differ, or null. What one of them does not know is no difference. */
function difference(noted: Lineage, is: Lineage): string | null {
  const differs = (a: string, b: string) => a !== b && a !== UNKNOWN && b !== UNKNOWN
  if (differs(noted.system_identifier, is.system_identifier)) return 'another cluster'
  if (differs(noted.timeline, is.timeline)) return `timeline ${is.timeline} after ${noted.timeline}`
  if (noted.database_oid !== is.database_oid) return 'another database of the cluster'
  return noted.heads_oid === is.heads_oid ? null : 'tables that were made anew'
}
