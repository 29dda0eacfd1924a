import type { Proven } from '../staff.ts'

/**
 * What a caller asks access to. `self`: who they are, without any restaurant's floor. `own`: their restaurant,
 * whichever it is. Otherwise the restaurant that the request names. It is determined only after the token has been
 * verified, because a request that names none is told so then.
 */
export type Reach = 'self' | 'own' | (() => unknown)

/** Why access is refused. If several reasons apply, the first one of this list is given. */
export type AccessRefusal = 'unknown' | 'inactive' | 'elsewhere' | 'suspended'

/** Who is admitted, or why not. `restaurantId`: the restaurant of the token, where it is known. */
export type Verdict =
  | { readonly admitted: Proven; readonly restaurantId: string }
  | { readonly admitted: null; readonly why: AccessRefusal; readonly restaurantId: string | null }

/**
 * Decides access. Nothing else does: routes, sockets and hellos translate its answer and add nothing. The access
 * review checks what stays open, and asks the database the same. Spec: A16.
 */
export function verdictOn(identity: Proven | null, reach: Reach): Verdict {
  if (!identity) return { admitted: null, why: 'unknown', restaurantId: null }
  const { restaurantId } = identity
  const why = refusalOf(identity, reach)
  return why === null ? { admitted: identity, restaurantId } : { admitted: null, why, restaurantId }
}

function refusalOf(identity: Proven, reach: Reach): AccessRefusal | null {
  if (!identity.isActive) return 'inactive'
  if (reach === 'self') return null
  if (reach !== 'own' && reach() !== identity.restaurantId) return 'elsewhere'
  return identity.restaurantIsActive ? null : 'suspended'
}
