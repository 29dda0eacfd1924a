import { AppError } from '../../platform/errors.ts'
import { limits } from '../../platform/limits.ts'
import { makeRefreshToken, readRefreshToken } from './refresh-tokens.ts'
import { lockSignIn, replaceToken, revokeSignIn, type SignIn } from './sign-ins.ts'
import { answerWith, expiryOf, type SignedIn, type SignInDeps } from './start-sign-in.ts'

/**
 * Exchanges a refresh token for a new access token and a new refresh token. The old one is used up. Because answers
 * get lost, it is accepted again until something issued for it is used, `limits.refreshRepeats` times; what earlier
 * answers held becomes void. Any other token of the family means that two parties have it, and ends the sign-in.
 * Throws `AppError` refresh-refused (401); any other failure throws another error. Spec: A5, A6.
 */
export async function refreshSignIn(deps: SignInDeps, refreshToken: string): Promise<SignedIn> {
  const given = readRefreshToken(deps.tokens, refreshToken)
  if (!given) throw refused()
  const { restaurantId, signInId, hash } = given
  const now = deps.clock.now()
  const next = makeRefreshToken(deps.tokens, restaurantId, signInId)
  // The end of a family must be committed, so it is not thrown inside the transaction.
  const signIn = await deps.db.transaction({ restaurantId }, async (tx) => {
    const found = await lockSignIn(tx, restaurantId, signInId)
    if (!found || found.isRevoked) return null
    const use = useOf(found, hash)
    if (use === 'again') {
      await revokeSignIn(tx, restaurantId, signInId, 'token-reused', now)
      return null
    }
    if (found.expiresAt <= now || !found.isActive || !found.restaurantIsActive) return null
    // After a repeat, the previous token stays the same: a token issued in between must not be mistaken for it.
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

/** What the use of this token means now. */
export function useOf(
  { tokenHash, previousHash, previousRepeats }: Pick<SignIn, 'tokenHash' | 'previousHash' | 'previousRepeats'>,
  hash: Buffer,
): 'first' | 'repeat' | 'again' {
  if (hash.equals(tokenHash)) return 'first'
  return previousHash !== null && hash.equals(previousHash) && previousRepeats < limits.refreshRepeats
    ? 'repeat'
    : 'again'
}

const refused = (): AppError => new AppError('refresh-refused', 401, 'This sign-in is over: sign in again')
