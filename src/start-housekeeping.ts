import { startHousekeeping } from './changes/housekeeping/housekeeping.ts'
import { checkLineage, lineageCheck, lineageJob } from './changes/housekeeping/lineage.ts'
import { upgradeAllLogs, upgradeJob } from './changes/housekeeping/upgrade-logs.ts'
import { retentionJob } from './changes/housekeeping/retention.ts'
import type { Config } from './config.ts'
import type { Place } from './database.ts'
import { nouns } from './floor/nouns.ts'
import { forgetMessages } from './messages/forget-messages.ts'
import { systemClock } from './platform/clock.ts'
import { Db } from './platform/database/db.ts'
import { limits } from './platform/limits.ts'
import type { Logger } from './platform/observability/log.ts'
import { turnsJob } from './insights/keep-turns.ts'
import { newId } from './platform/ids.ts'
import { forgetSignIns } from './staff/sign-ins/forget-sign-ins.ts'

/**
 * The periodic jobs, run once per machine and by one machine at a time. They create and drop days of the change log,
 * delete old sign-ins, count visits that are over, detect a restored database, and bring change logs to this program's version. The last two happen
 * for the first time before this resolves. `leave` is called when a newer program has brought a log forward.
 */
export async function keepHouse(
  config: Config,
  place: Place,
  log: Logger,
  stops: (() => Promise<unknown>)[],
  leave: (why: string) => void,
): Promise<void> {
  const clock = systemClock()
  const onConnectionError = (error: Error) => log.warn({ err: error }, 'a database connection broke while idle')
  const db = new Db({
    url: place.url,
    poolSize: limits.housekeepingConnections,
    prepare: config.PREPARED_STATEMENTS,
    onConnectionError,
    checkEpochs: lineageCheck(clock, log),
  })
  stops.push(() => db.close())
  await checkLineage({ db, clock, log })
  const upgrade = { db, clock, log, kinds: nouns }
  await upgradeAllLogs(upgrade)
  const jobs = [
    retentionJob(db, clock, config.LOG_RETENTION_DAYS),
    lineageJob({ db, clock, log }),
    turnsJob({ db, clock, newId, log }),
    upgradeJob(upgrade, () => leave('A newer version of QTable has taken over this database')),
    {
      name: 'forget-sign-ins',
      every: limits.housekeepingMillis,
      run: () => forgetSignIns(db, clock.now()),
    },
    {
      name: 'forget-messages',
      every: limits.housekeepingMillis,
      run: () => forgetMessages(db, clock.now()),
    },
  ]
  const housekeeping = startHousekeeping(jobs, log)
  stops.push(() => housekeeping.close())
}
