import type { Proven } from '../staff.ts'

/**
 * What somebody asks for. `self`: who they are, and nothing of any restaurant's floor. `own`: their restaurant, whichever it is. Otherwise the
 * restaurant that the request names; it is asked for only when the token has been found good, because a request that names none is told so then.
 */
export type Reach = 'self' | 'own' | (() => unknown)

/** Why access is refused. Of several reasons the first one of this list is told. */
export type AccessRefusal = 'unknown' | 'inactive' | 'elsewhere' | 'suspended'

/** Who is let in, or why not. `restaurantId`: whose token it is, where that is known. */
export type Verdict =
  | { readonly admitted: Proven; readonly restaurantId: string }
  | { readonly admitted: null; readonly why: AccessRefusal; readonly restaurantId: string | null }

/**
 * Decides access. The only place that does, for each route, socket and hello: doors translate its answer and add nothing. What stays open is looked at
 * by the review of access, which asks the database the same. Spec: A16.
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
