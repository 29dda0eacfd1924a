import { statement, type Db } from '../platform/database/db.ts'
import { limits } from '../platform/limits.ts'
import type { Clock, Instant } from '../platform/clock.ts'
import { DAY_MILLIS, plusMillis } from '../platform/clock.ts'
import { execute } from '../changes/command/execute.ts'
import type { Logger } from '../platform/observability/log.ts'
import type { Job } from '../changes/housekeeping/housekeeping.ts'
import { inTurn, Stopped, Taken } from '../changes/housekeeping/owner-step.ts'
import { refreshTurns } from './refresh-turns.ts'

const listHeads = statement(
  'heads-by-housekeeping',
  `select restaurant_id as id, last_at as "lastAt" from heads
   where $1::uuid is null or restaurant_id > $1 order by restaurant_id limit $2`,
)

/** What the job needs. */
export interface KeepTurnsDeps {
  readonly db: Db
  readonly clock: Clock
  readonly newId: () => string
  readonly log: Logger
}

interface Head {
  readonly id: string
  readonly lastAt: Instant
}

/**
 * Refreshes the turn times of each restaurant once its day is over, one restaurant after the other. A restaurant where
 * nothing has happened since is left alone. Gives how many it refreshed; `busy`: another server was at it.
 */
export async function keepTurns(
  deps: KeepTurnsDeps,
  counted: Map<string, Instant>,
  signal: AbortSignal,
): Promise<{ refreshed: number; busy: boolean }> {
  let refreshed = 0
  try {
    for (let after: string | null = null; ;) {
      const page: Head[] = await inTurn(deps.db, 'turns', signal, (tx) =>
        tx.all<Head>(listHeads, [after, limits.floorsPerBatch]),
      )
      for (const { id, lastAt } of page) {
        if (signal.aborted) throw new Stopped()
        const until = counted.get(id)
        if (until !== undefined && (lastAt < until || deps.clock.now() < plusMillis(until, DAY_MILLIS))) continue
        try {
          counted.set(id, await refreshOne(deps, id, signal))
          refreshed++
        } catch (error) {
          // The next run tries it again. No other restaurant waits for it.
          deps.log.error({ err: error, restaurantId: id }, 'the turn times of a restaurant were not refreshed')
        }
      }
      if (page.length < limits.floorsPerBatch) return { refreshed, busy: false }
      after = page.at(-1)!.id
    }
  } catch (error) {
    if (error instanceof Taken) return { refreshed, busy: true }
    if (error instanceof Stopped) return { refreshed, busy: false }
    throw error
  }
}

/** Counts all days of a restaurant that are over. Gives up to when. */
async function refreshOne(deps: KeepTurnsDeps, restaurantId: string, signal: AbortSignal): Promise<Instant> {
  const actor = { role: 'server', staffId: null } as const
  for (;;) {
    const { result } = await execute({ ...deps, publish: () => undefined }, refreshTurns, { restaurantId, actor }, {})
    if (result.isDone || signal.aborted) return result.countedUntil
  }
}

/** The same as a job, every hour. It remembers up to when each restaurant is counted. */
export const turnsJob = (deps: KeepTurnsDeps): Job => {
  const counted = new Map<string, Instant>()
  return { name: 'turns', every: limits.housekeepingMillis, run: (signal) => keepTurns(deps, counted, signal) }
}
