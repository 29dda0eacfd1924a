import { AppError } from '../../platform/errors.ts'
import { limits } from '../../platform/limits.ts'
import { makeRefreshToken, readRefreshToken } from './refresh-tokens.ts'
import { lockSignIn, replaceToken, revokeSignIn, type SignIn } from './sign-ins.ts'
import { answerWith, expiryOf, type SignedIn, type SignInDeps } from './start-sign-in.ts'

/**
 * A new access token and a new refresh token for a refresh token, which is used up by that. Until what was given out for it is used it is taken again, for answers that
 * were lost, `limits.refreshRepeats` times: what those held is then void. Any other token of the family means that two parties have it, and ends the sign-in. Throws `AppError` refresh-refused (401);
 * whatever else goes wrong is none. Spec: A5, A6.
 */
export async function refreshSignIn(deps: SignInDeps, refreshToken: string): Promise<SignedIn> {
  const given = readRefreshToken(deps.tokens, refreshToken)
  if (!given) throw refused()
  const { restaurantId, signInId, hash } = given
  const now = deps.clock.now()
  const next = makeRefreshToken(deps.tokens, restaurantId, signInId)
  // The end of a family has to be committed, so it is no error inside the transaction.
  const signIn = await deps.db.transaction({ restaurantId }, async (tx) => {
    const found = await lockSignIn(tx, restaurantId, signInId)
    if (!found || found.isRevoked) return null
    const use = useOf(found, hash)
    if (use === 'again') {
      await revokeSignIn(tx, restaurantId, signInId, 'token-reused', now)
      return null
    }
    if (found.expiresAt <= now || !found.isActive || !found.restaurantIsActive) return null
    // After a repeat the token before stays the same: what was given out in between must not be taken for it.
    await replaceToken(
      tx,
      found,
      { hash: next.hash, previous: hash, repeats: use === 'repeat' ? found.previousRepeats + 1 : 0 },
      now,
      expiryOf(deps, now),
    )
    return found
  })
  if (!signIn) throw refused()
  return answerWith(deps, signIn, signInId, next.text, now)
}

/** What it means that a token of this sign-in is used now. */
function useOf({ tokenHash, previousHash, previousRepeats }: SignIn, hash: Buffer): 'first' | 'repeat' | 'again' {
  if (hash.equals(tokenHash)) return 'first'
  return previousHash !== null && hash.equals(previousHash) && previousRepeats < limits.refreshRepeats
    ? 'repeat'
    : 'again'
}

const refused = (): AppError => new AppError('refresh-refused', 401, 'This sign-in is over: sign in again')
