import { statement } from '../../platform/database/db.ts'
import { limits } from '../../platform/limits.ts'
import type { Write } from '../../changes/command/command.ts'
import { applyToTable, lockTables } from '../tables.ts'
import { decideEndHolds } from './rules.ts'

/** Restaurants with a hold or a block that has ended by itself. For housekeeping. */
export const restaurantsWithEndedHolds = statement(
  'owner-restaurants-with-ended-holds',
  `select distinct restaurant_id as id from tables where status_until <= $1 limit $2`,
)

const tablesToFree = statement(
  'tables-to-free',
  `select id from tables where restaurant_id = $1 and status_until <= $2 order by status_until limit ${limits.tablesDue}`,
)

/** Frees the tables of a restaurant whose hold or block has ended by itself; how many. Spec: T9. */
export async function endHolds(w: Write): Promise<number> {
  const due = await w.tx.all<{ id: string }>(tablesToFree, [w.restaurantId, w.now])
  if (due.length === 0) return 0
  const tables = await lockTables(
    w,
    due.map(({ id }) => id),
  )
  const effects = decideEndHolds([...tables.values()], w.now)
  for (const effect of effects) await applyToTable(w, effect)
  return effects.length
}
