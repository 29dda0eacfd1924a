import { statement, type Db } from '../platform/database/db.ts'
import { limits } from '../platform/limits.ts'
import { plusMillis, type Instant } from '../platform/clock.ts'

const deleteForgotten = statement(
  'delete-forgotten-messages',
  `delete from messages where (restaurant_id, id) in (
     select restaurant_id, id from messages where settled_at < $1 order by settled_at limit $2)
   returning true as gone`,
)

/**
 * Deletes messages of any restaurant that were sent or given up `limits.settledMessageMillis` ago, some at a time.
 * Returns how many. Spec: X10.
 */
export async function forgetMessages(db: Db, now: Instant): Promise<number> {
  const before = plusMillis(now, -limits.settledMessageMillis)
  for (let all = 0; ;) {
    const gone = await db.transaction({ forgottenBefore: before }, (tx) =>
      tx.all(deleteForgotten, [before, limits.messagesForgottenAtOnce]),
    )
    all += gone.length
    if (gone.length < limits.messagesForgottenAtOnce) return all
  }
}
