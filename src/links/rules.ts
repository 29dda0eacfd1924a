import { isReleased, phaseOf, type GuestState } from '../parties/rules.ts'
import { plusMillis, type Instant } from '../platform/time-rules.ts'
import { aheadOf, type Ahead, type Waiting } from '../guests/waitlist/rules.ts'

/** What a guest sees through their link, and for how long. Pure. */

/** A link ends so long after the visit, in milliseconds, and so long after it was made, whatever happens. */
export const LINK_AFTER_VISIT_MILLIS = 3_600_000
export const LINK_LIFE_MILLIS = 48 * 3_600_000

/** Whether a link shows nothing any more. Spec: J3. */
export const isLinkOver = (madeAt: Instant, { endedAt }: { readonly endedAt: Instant | null }, now: Instant): boolean =>
  plusMillis(madeAt, LINK_LIFE_MILLIS) <= now ||
  (endedAt !== null && plusMillis(endedAt, LINK_AFTER_VISIT_MILLIS) <= now)

/** Where a visit stands, in the words of a guest's page. */
export const GUEST_STATES = ['waiting', 'called', 'arrived', 'seated', 'over'] as const
export type GuestViewState = (typeof GUEST_STATES)[number]

/** A guest as the page needs them. */
export interface Shown extends GuestState, Waiting {
  readonly firstName: string
}

/** What the page shows of a restaurant. */
export interface House {
  readonly name: string
  readonly locale: string
  readonly timeZone: string
  readonly clock: string
}

/** What a guest sees: of the own party its first name and size, of others counts only. Spec: J2. */
export interface GuestView {
  readonly restaurant: House
  readonly firstName: string
  readonly partySize: number
  readonly state: GuestViewState
  readonly waitsSince: Instant
  /** Null unless the party waits. */
  readonly ahead: Ahead | null
  readonly quote: {
    readonly from: number
    readonly to: number
    readonly reason: string | null
    readonly at: Instant
  } | null
  /** Until when the table of a called party is kept. */
  readonly holdUntil: Instant | null
  readonly onMyWayAt: Instant | null
  /** How a visit ended that is over: `finished`, `cancelled` or `no_show`. */
  readonly ended: string | null
}

export function stateOf(guest: Shown, now: Instant): GuestViewState {
  const phase = phaseOf(guest.status)
  if (phase === 'completed' || isReleased(guest, now)) return 'over'
  if (phase === 'seated') return 'seated'
  if (guest.status === 'arrived' || guest.status === 'partially_arrived')
    return guest.graceUntil === null && guest.notifiedAt === null ? 'waiting' : 'arrived'
  return guest.graceUntil === null ? 'waiting' : 'called'
}

/** What a guest sees now. `guests`: all that wait, in any order. */
export function viewOf(
  guest: Shown,
  guests: Iterable<Waiting>,
  { name, locale, timeZone, clock }: House,
  now: Instant,
): GuestView {
  const state = stateOf(guest, now)
  const { firstName, partySize, quotedFrom, quotedTo, quoteReason, quotedAt, status } = guest
  const isQuoted = state === 'waiting' && quotedFrom !== null && quotedTo !== null && quotedAt !== null
  return {
    restaurant: { name, locale, timeZone, clock },
    firstName,
    partySize,
    state,
    waitsSince: guest.checkInTime ?? guest.createdAt,
    ahead: state === 'waiting' ? aheadOf(guests, guest, now) : null,
    quote: isQuoted ? { from: quotedFrom, to: quotedTo, reason: quoteReason, at: quotedAt } : null,
    holdUntil: state === 'called' ? guest.graceUntil : null,
    onMyWayAt: state === 'called' ? guest.onMyWayAt : null,
    ended: state === 'over' ? (phaseOf(status) === 'completed' ? status : 'no_show') : null,
  }
}
