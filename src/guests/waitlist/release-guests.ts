import { statement, type Tx } from '../../platform/database/db.ts'
import type { Instant } from '../../platform/clock.ts'
import { limits } from '../../platform/limits.ts'
import type { Write } from '../../changes/command/command.ts'
import { lockedFloor } from '../../parties/parties.ts'
import { lockTables } from '../../tables/tables.ts'
import { lockGuests } from '../guests.ts'
import { apply } from '../seating.ts'
import { decideRelease } from './rules.ts'

/** Restaurants with a called party that did not come in time. For housekeeping. */
export const restaurantsToRelease = statement(
  'owner-restaurants-to-release',
  `select distinct restaurant_id as id from guests where grace_until <= $1 limit $2`,
)

const guestsToRelease = statement(
  'guests-to-release',
  `select id from guests where restaurant_id = $1 and grace_until <= $2 order by grace_until limit ${limits.partiesDue}`,
)

const dueGuests = (tx: Tx, restaurantId: string, now: Instant): Promise<{ id: string }[]> =>
  tx.all<{ id: string }>(guestsToRelease, [restaurantId, now])

/** Releases the called parties of a restaurant that did not come in time; how many. Spec: G18. */
export async function releaseGuests(w: Write): Promise<number> {
  const ids = (await dueGuests(w.tx, w.restaurantId, w.now)).map(({ id }) => id)
  if (ids.length === 0) return 0
  await Promise.all([lockTables(w, [], ids), lockGuests(w, ids)])
  let released = 0
  for (const id of ids) {
    const decision = decideRelease(lockedFloor(w), id, w.now)
    if ('code' in decision || decision.length === 0) continue
    await apply(w, decision)
    released++
  }
  return released
}
