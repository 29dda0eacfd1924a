import { judge, type Mutation, type Verdict } from './mutations.ts'
import { request } from './request.ts'
import type { Session } from './session.ts'
import type { Surroundings } from './surroundings.ts'

/** Sends a mutation once, or twice where the first access token is no good any more, and as nobody but the person who did it. `restaurant` is the address of all of
 * its paths. Never throws. */
export async function sendMutation(
  at: Surroundings,
  session: Session,
  restaurant: string,
  staffId: string | undefined,
  { method, path, body, id, device }: Mutation,
): Promise<Verdict> {
  for (let attempt = 1; attempt <= 2; attempt++) {
    const token = await session.token(staffId).catch(() => null)
    if (token === null) break
    const answer = await request(at, method, restaurant + path, Object.keys(body).length > 0 ? body : null, {
      authorization: `Bearer ${token}`,
      'idempotency-key': id,
      // Headers are ASCII.
      ...(device !== null && { 'x-device': /^[ -~]+$/.test(device) ? device : encodeURIComponent(device) }),
    })
    const verdict = judge(answer)
    if (verdict.kind !== 'token') return verdict
    session.expire(token)
  }
  return { kind: 'later', afterMillis: null }
}
