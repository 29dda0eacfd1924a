import type { Access, AccessReview } from '../src/staff/access/access-review.ts'

/** Opens something in the name of someone; `closed` counts. */
export function openAccess(
  review: AccessReview,
  restaurantId: string,
  staffId: string,
  role: Access['role'],
  signInId: string | null = null,
  generation: number | null = signInId === null ? 0 : null,
) {
  const made = { closed: 0, leave: () => review.forget(access) }
  const access: Access = { restaurantId, staffId, role, signInId, generation, close: () => void made.closed++ }
  review.register(access)
  return made
}
