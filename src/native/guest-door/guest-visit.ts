import { AppError } from '../../platform/errors.ts'
import type { Clock, Instant } from '../../platform/clock.ts'
import type { Db } from '../../platform/database/db.ts'
import type { LiveFloor } from '../../changes/floor/live-floor.ts'
import type { LiveFloors } from '../../changes/floor/live-floors.ts'
import { findLink, restaurantIn, type Link } from '../../links/links.ts'
import { isLinkOver, viewOf, type GuestView, type House, type Shown } from '../../links/rules.ts'

/** What reading a guest's own visit needs. */
export interface VisitDeps {
  readonly db: Db
  readonly clock: Clock
  readonly floors: LiveFloors
}

/** A link that opens a visit. */
export interface Opened extends Link {
  readonly restaurantId: string
}

/** Every link that opens nothing is answered alike: unknown, revoked, over, of another kind. Spec: J3. */
export const noSuchLink = (): AppError => new AppError('link-not-found', 404, 'This link is not valid any more')

/** The visit that a token opens. Throws `AppError` link-not-found (404). */
export async function openLink({ db, clock }: VisitDeps, token: string): Promise<Opened> {
  const restaurantId = restaurantIn(token)
  const link = restaurantId === null ? null : await findLink(db, restaurantId, token)
  if (!link || isLinkOver(link.createdAt, { endedAt: null }, clock.now())) throw noSuchLink()
  return { restaurantId: restaurantId!, ...link }
}

/** What the guest sees on a floor, or null where the link shows nothing any more. Spec: J2, J3. */
export function seenOn(
  { floor }: LiveFloor,
  { restaurantId, guestId, createdAt }: Opened,
  now: Instant,
): GuestView | null {
  const held = floor.get(`guest ${guestId}`)
  const house = floor.get(`settings ${restaurantId}`)
  if (!held || !house) return null
  const guest = JSON.parse(held.json) as Shown
  if (isLinkOver(createdAt, guest, now)) return null
  return viewOf(guest, waiting(floor.entities), JSON.parse(house.json) as House, now)
}

function* waiting(entities: LiveFloor['floor']['entities']): Iterable<Shown> {
  for (const { kind, endedAt, json } of entities)
    if (kind === 'guest' && endedAt === null) yield JSON.parse(json) as Shown
}

/** Refuses a link that shows nothing any more, so that nothing is done through it either. Throws as {@link visitOf}. */
export async function requireVisit(deps: VisitDeps, link: Opened): Promise<void> {
  await visitOf(deps, link)
}

/** What the guest sees now, at `minSeq` or later. Throws `AppError` link-not-found (404). */
export async function visitOf(deps: VisitDeps, link: Opened, minSeq: number | null = null): Promise<GuestView> {
  const { live, release } = await deps.floors.hold(link.restaurantId)
  try {
    if (minSeq !== null) await live.reach(minSeq)
    const view = seenOn(live, link, deps.clock.now())
    if (!view) throw noSuchLink()
    return view
  } finally {
    release()
  }
}
