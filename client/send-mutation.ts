import { judge, type Mutation, type Verdict } from './mutations.ts'
import { request } from './request.ts'
import type { Session } from './session.ts'
import type { Surroundings } from './surroundings.ts'

/**
 * Sends a mutation once, or twice where the first access token is no good any more, and as nobody but the person who did it. `restaurant` is the address of
 * all of its paths; `owner` is the account that it is stored for. Never throws.
 */
export async function sendMutation(
  at: Surroundings,
  session: Session,
  restaurant: string,
  owner: string | undefined,
  grantOf: (staffId: string) => string | null,
  { method, path, body, id, device, staffId }: Mutation,
): Promise<Verdict> {
  for (let attempt = 1; attempt <= 2; attempt++) {
    const token = await session.token(owner).catch(() => null)
    if (token === null) break
    // The newest: the person may have entered the PIN again since.
    const grant = staffId === undefined ? null : grantOf(staffId)
    const answer = await request(at, method, restaurant + path, Object.keys(body).length > 0 ? body : null, {
      authorization: `Bearer ${token}`,
      'idempotency-key': id,
      ...(grant !== null && { 'x-person': grant }),
      // Headers are ASCII.
      ...(device !== null && { 'x-device': /^[ -~]+$/.test(device) ? device : encodeURIComponent(device) }),
    })
    const verdict = judge(answer)
    if (verdict.kind !== 'token') return verdict
    session.expire(token)
  }
  return { kind: 'later', afterMillis: null }
}
