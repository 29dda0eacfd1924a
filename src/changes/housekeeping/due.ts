import type { Owner, Statement } from '../../platform/database/db.ts'
import type { Clock } from '../../platform/clock.ts'
import { limits } from '../../platform/limits.ts'
import type { Logger } from '../../platform/observability/log.ts'
import type { Job } from './housekeeping.ts'
import { inTurn, Stopped, Taken } from './owner-step.ts'

/** What looking for what is due needs. */
export interface DueDeps {
  readonly db: Owner
  readonly clock: Clock
  readonly log: Logger
  /** Each takes a time and a limit, and gives the ids of restaurants where something is due. */
  readonly restaurants: readonly Statement[]
  /** Ends what is due in a restaurant. */
  readonly end: (restaurantId: string) => Promise<unknown>
}

/**
 * Ends what is due in all restaurants; in how many something was due. Several processes may look at the same time: one of
 * them finds it. A restaurant where it fails holds up no other. Throws the database's errors.
 */
export async function endDue({ db, clock, log, restaurants, end }: DueDeps, signal?: AbortSignal): Promise<number> {
  const due = await inTurn(db, 'due', signal, async (tx) => {
    const found = restaurants.map((each) => tx.all<{ id: string }>(each, [clock.now(), limits.restaurantsDue]))
    return new Set((await Promise.all(found)).flat().map(({ id }) => id))
  }).catch((error: unknown) => {
    if (error instanceof Taken || error instanceof Stopped) return new Set<string>()
    throw error
  })
  for (const restaurantId of due) {
    if (signal?.aborted) break
    await end(restaurantId).catch((error: unknown) =>
      log.error({ err: error, restaurantId }, 'what is due did not end'),
    )
  }
  return due.size
}

/** The same as a job. */
export const dueJob = (deps: DueDeps): Job => ({
  name: 'end-due',
  every: limits.dueMillis,
  run: (signal) => endDue(deps, signal),
})
