import { statement, type Owner, type Tx } from '../../platform/database/db.ts'
import type { Clock, Instant } from '../../platform/clock.ts'
import { limits } from '../../platform/limits.ts'
import type { Logger } from '../../platform/observability/log.ts'
import { horizonAt, type FloorKind } from '../floor/live-floor.ts'
import type { Entry } from '../log/log.ts'
import { LOG_VERSION, upgrades } from '../log/upgrades.ts'
import type { Job } from './housekeeping.ts'
import { inTurn, pause, Taken } from './owner-step.ts'

/**
 * Brings the logs of all restaurants to this program's version: one change each, which tells devices how the shape of what
 * they hold has changed, and puts the entities of kinds that are new. From then on an older program may not append to
 * these logs.
 */

export interface UpgradeDeps {
  readonly db: Owner
  readonly clock: Clock
  readonly log: Logger
  /** All kinds on the floor, to read those that are new. */
  readonly kinds: readonly FloorKind[]
}

const readVersions = statement('log-versions', `select version, count(*)::int as logs from heads group by version`)

// The lock makes what is read next complete: no command of these restaurants commits before the upgrade.
const lockOldHeads = statement(
  'lock-old-heads',
  `select restaurant_id as "restaurantId" from heads where version = $1 order by restaurant_id limit $2 for update`,
)

// Row-level security holds back the owner too.
const nameRestaurant = statement('name-restaurant', `select set_config('qtable.restaurant_id', $1, true)`)

const upgradeLogs = statement(
  'upgrade-logs',
  `with due as (select * from json_to_recordset($1) as r (restaurant_id uuid, entries json)),
     head as (
       update heads set seq = seq + 1, version = $2,
         last_at = greatest($3::timestamptz, last_at + interval '1 microsecond')
       from due where heads.restaurant_id = due.restaurant_id
       returning heads.restaurant_id, epoch, seq, last_at, entries),
     made as (
       insert into changes (restaurant_id, seq, epoch, at, command, entries, version, upgrade)
       select restaurant_id, seq, epoch, last_at, 'upgrade', entries, $2, $4 from head returning 1)
   select count(*)::int as logs from made`,
)

interface Versions {
  readonly older: readonly number[]
  readonly hasNewer: boolean
}

async function versionsOf(db: Owner): Promise<Versions> {
  const rows = await db.asOwner((tx) => tx.all<{ version: number }>(readVersions, []))
  const versions = rows.map(({ version }) => version)
  return {
    older: versions.filter((version) => version < LOG_VERSION).sort((a, b) => a - b),
    hasNewer: versions.some((version) => version > LOG_VERSION),
  }
}

/** Brings some logs of a version to this one. Gives how many. */
async function upgradeSome(tx: Tx, version: number, { clock, kinds }: UpgradeDeps): Promise<number> {
  const due = upgrades.slice(version - 1)
  const added = kinds.filter(({ kind }) => due.some((upgrade) => upgrade.isNew && upgrade.kind === kind))
  const heads = await tx.all<{ restaurantId: string }>(lockOldHeads, [version, limits.logsPerUpgrade])
  const horizon = horizonAt(clock.now(), limits.streamDays)
  const told = []
  for (const { restaurantId } of heads)
    told.push({ restaurant_id: restaurantId, entries: await entriesOf(tx, restaurantId, added, horizon) })
  const values = [JSON.stringify(told), LOG_VERSION, clock.now(), JSON.stringify(due)]
  return (await tx.one<{ logs: number }>(upgradeLogs, values)).logs
}

/** Every entity of some kinds, as a change tells of it. */
async function entriesOf(
  tx: Tx,
  restaurantId: string,
  kinds: readonly FloorKind[],
  horizon: Instant,
): Promise<Entry[]> {
  if (kinds.length === 0) return []
  // Both are sent together; the scope comes first.
  const [, ...lists] = await Promise.all([
    tx.all(nameRestaurant, [restaurantId]),
    ...kinds.map(async (each) =>
      (await each.read(tx, restaurantId, horizon)).map((value): Entry => ({
        op: 'put',
        kind: each.kind,
        id: value.id,
        event: 'created',
        version: value.version,
        value,
      })),
    ),
  ])
  return lists.flat()
}

/**
 * Brings every log that is at an older version to this one. Several servers may start at once: they take turns. Gives how
 * many logs this one upgraded, and whether some are at a newer version. Spec: L22, L23.
 */
export async function upgradeAllLogs(
  deps: UpgradeDeps,
  signal?: AbortSignal,
): Promise<{ upgraded: number; hasNewer: boolean }> {
  for (let upgraded = 0; ;) {
    const { older, hasNewer } = await versionsOf(deps.db)
    const [version] = older
    if (version === undefined || signal?.aborted) return { upgraded, hasNewer }
    try {
      const logs = await inTurn(deps.db, 'upgrade', signal, (tx) => upgradeSome(tx, version, deps))
      deps.log.info({ logs, from: version, to: LOG_VERSION }, 'change logs were brought to a newer version')
      upgraded += logs
    } catch (error) {
      if (!(error instanceof Taken)) throw error
      await pause(signal)
    }
  }
}

/**
 * The same as a job: an older program that was still running may have made a restaurant meanwhile. `onOutdated` is called
 * when a newer program has brought logs forward, so that this one leaves.
 */
export const upgradeJob = (deps: UpgradeDeps, onOutdated: () => void): Job => ({
  name: 'upgrade-logs',
  every: limits.logVersionMillis,
  async run(signal) {
    const found = await upgradeAllLogs(deps, signal)
    if (found.hasNewer) onOutdated()
    return found
  },
})
