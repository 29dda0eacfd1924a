import { statement, type Owner } from '../../platform/database/db.ts'
import type { Clock } from '../../platform/clock.ts'
import { limits } from '../../platform/limits.ts'
import type { Logger } from '../../platform/observability/log.ts'
import { LOG_VERSION, upgrades } from '../log/upgrades.ts'
import type { Job } from './housekeeping.ts'
import { inTurn, pause, Taken } from './owner-step.ts'

/**
 * Brings the logs of all restaurants to this program's version: one change each, without entries, that tells devices how
 * the shape of what they hold has changed. From then on an older program may not append to these logs.
 */

export interface UpgradeDeps {
  readonly db: Owner
  readonly clock: Clock
  readonly log: Logger
}

const readVersions = statement('log-versions', `select version, count(*)::int as logs from heads group by version`)

const upgradeLogs = statement(
  'upgrade-logs',
  `with old as (select restaurant_id from heads where version = $1 order by restaurant_id limit $5 for update),
     head as (
       update heads set seq = seq + 1, version = $2,
         last_at = greatest($3::timestamptz, last_at + interval '1 microsecond')
       from old where heads.restaurant_id = old.restaurant_id returning heads.restaurant_id, epoch, seq, last_at),
     made as (
       insert into changes (restaurant_id, seq, epoch, at, command, entries, version, upgrade)
       select restaurant_id, seq, epoch, last_at, 'upgrade', '[]', $2, $4 from head returning 1)
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
      const { logs } = await inTurn(deps.db, 'upgrade', signal, (tx) =>
        tx.one<{ logs: number }>(upgradeLogs, [
          version,
          LOG_VERSION,
          deps.clock.now(),
          JSON.stringify(upgrades.slice(version - 1)),
          limits.logsPerUpgrade,
        ]),
      )
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
