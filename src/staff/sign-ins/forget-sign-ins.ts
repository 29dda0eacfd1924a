import { statement, type Db } from '../../platform/database/db.ts'
import { limits } from '../../platform/limits.ts'
import { plusMillis, type Instant } from '../../platform/clock.ts'

const deleteForgotten = statement(
  'delete-forgotten-sign-ins',
  `delete from sign_ins where (restaurant_id, id) in (
     select restaurant_id, id from sign_ins where expires_at < $1 order by expires_at limit $2)
   returning true as gone`,
)

/**
 * Deletes sign-ins of any restaurant that ended `limits.endedSignInMillis` ago, some at a time. Returns how many.
 * Spec: A13.
 */
export async function forgetSignIns(db: Db, now: Instant): Promise<number> {
  const before = plusMillis(now, -limits.endedSignInMillis)
  for (let all = 0; ;) {
    const gone = await db.transaction({ forgottenBefore: before }, (tx) =>
      tx.all(deleteForgotten, [before, limits.signInsForgottenAtOnce]),
    )
    all += gone.length
    if (gone.length < limits.signInsForgottenAtOnce) return all
  }
}
