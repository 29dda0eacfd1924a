import { setTimeout as sleep } from 'node:timers/promises'
import { statement, type Owner, type Tx } from '../../platform/database/db.ts'
import { AppError } from '../../platform/errors.ts'
import { limits } from '../../platform/limits.ts'

// Any numbers work, if every server uses the same. Each transaction takes the lock anew, so that a pooler may stand
// between.
const LOCKS = {
  retention: 7_148_202,
  lineage: 7_148_203,
  upgrade: 7_148_204,
  due: 7_148_205,
  turns: 7_148_206,
} as const

const takeTurn = statement('take-turn', `select pg_try_advisory_xact_lock($1::bigint) as taken`)

// Without it, a restored log would look empty to an owner that it does not name, and nothing would be above a floor.
const claim = statement('claim-housekeeping', `select claim_housekeeping()`)

/** Another server is doing the same work. */
export class Taken extends Error {}

/** The server is stopping. */
export class Stopped extends Error {}

/**
 * One step of work as the owner, in a transaction that no other server's step of the same kind overlaps. It is tried
 * again while somebody holds a lock that it needs. Throws `Taken`, `Stopped`, and the errors of the step.
 */
export async function inTurn<T>(
  db: Owner,
  kind: keyof typeof LOCKS,
  signal: AbortSignal | undefined,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    if (signal?.aborted) throw new Stopped()
    try {
      return await db.asOwner(async (tx) => {
        const { taken } = await tx.one<{ taken: boolean }>(takeTurn, [LOCKS[kind]])
        if (!taken) throw new Taken()
        await tx.all(claim, [])
        return await work(tx)
      })
    } catch (error) {
      const mayPass = error instanceof AppError && error.code === 'busy'
      if (!mayPass || attempt === limits.housekeepingAttempts) throw error
    }
    await pause(signal)
  }
}

/** Waits for a moment, or until the server stops. */
export const pause = (
  signal: AbortSignal | undefined,
  millis: number = limits.housekeepingPauseMillis,
): Promise<void> => sleep(millis, undefined, signal && { signal }).catch(() => undefined)
