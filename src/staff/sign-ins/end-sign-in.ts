import type { Clock } from '../../platform/clock.ts'
import type { Db } from '../../platform/database/db.ts'
import type { Tokens } from '../../platform/tokens.ts'
import { readRefreshToken } from './refresh-tokens.ts'
import { revokeSignIn } from './sign-ins.ts'

/**
 * Ends the sign-in of a refresh token, newest or not. Returns whether there was one to end: signing out twice is no
 * error. Spec: A8.
 */
export async function endSignIn(
  deps: { readonly db: Db; readonly clock: Clock; readonly tokens: Tokens },
  refreshToken: string,
): Promise<boolean> {
  const given = readRefreshToken(deps.tokens, refreshToken)
  if (!given) return false
  const { restaurantId, signInId } = given
  const now = deps.clock.now()
  return deps.db.transaction({ restaurantId }, (tx) => revokeSignIn(tx, restaurantId, signInId, 'signed-out', now))
}
