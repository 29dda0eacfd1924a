import { plusMillis, type Instant } from '../../platform/time-rules.ts'
import { isReleased, phaseOf, type Decision, type Effect, type Floor, type GuestState } from '../../parties/rules.ts'
import type { Refusal } from '../../changes/rules.ts'
import { changed, refuseUnseen, type About } from '../rules.ts'

/**
 * What a waiting party is told and what it says, and who is ahead of it. Pure. The server and the client share this file.
 */

/** How long a called party's table is kept, in minutes, where a host says nothing else. */
export const GRACE_MINUTES = 10

/** How much more time a party gets, in minutes, where nobody says how much. */
export const MORE_MINUTES = 5

/** The longest time from the call to the end of the grace, in minutes, that a guest gets without a host. */
export const GUEST_GRACE_MINUTES = 30
/** The same with a host. */
export const MOST_GRACE_MINUTES = 120

/** A waiting party is told how long it will wait. A later quote takes the place of an earlier one. Spec: G17. */
export function decideQuoteGuest(
  floor: Floor,
  input: About & { readonly from: number; readonly to: number; readonly reason?: string | null | undefined },
  now: Instant,
): Decision {
  const { from, to, reason = null } = input
  if (from > to)
    return { code: 'wrong-detail', status: 422, message: 'from is at most to', details: { detail: 'from' } }
  const guest = floor.get('guest', input.guestId)
  const firstQuotedTo = guest?.firstQuotedTo ?? to
  return (
    refuseUnseen(floor, guest, input) ??
    refuseNotWaiting(guest!) ??
    told(guest!, { quotedFrom: from, quotedTo: to, quoteReason: reason, quotedAt: now, firstQuotedTo })
  )
}

/** A waiting party is told that its table is ready, and how long it is kept. Spec: G18. */
export function decideNotifyGuest(
  floor: Floor,
  input: About & { readonly graceMinutes: number },
  now: Instant,
): Decision {
  const guest = floor.get('guest', input.guestId)
  const graceUntil = plusMinutes(now, input.graceMinutes)
  return (
    refuseUnseen(floor, guest, input) ??
    refuseNotWaiting(guest!) ??
    told(guest!, { notifiedAt: now, graceUntil, onMyWayAt: null })
  )
}

/** A party says that it comes. Spec: G18. */
export function decideGuestOnMyWay(floor: Floor, input: About, now: Instant): Decision {
  const guest = floor.get('guest', input.guestId)
  return (
    refuseUnseen(floor, guest, input) ??
    refuseNotWaiting(guest!) ??
    refuseReleased(guest!, now) ??
    told(guest!, { onMyWayAt: guest!.onMyWayAt ?? now })
  )
}

/** A called party gets more time: a guest only so much by themselves. Spec: G18. */
export function decideGiveMoreTime(
  floor: Floor,
  input: About & { readonly minutes: number },
  now: Instant,
  { byGuest }: { readonly byGuest: boolean },
): Decision {
  const guest = floor.get('guest', input.guestId)
  const refusal = refuseUnseen(floor, guest, input) ?? refuseNotWaiting(guest!)
  if (refusal) return refusal
  const { graceUntil, notifiedAt } = guest!
  if (graceUntil === null) {
    const message = 'Only a party that was called can be given more time'
    return { code: 'guest-not-called', status: 409, message, details: { guest } }
  }
  const until = plusMinutes(graceUntil, input.minutes)
  const last = plusMinutes(notifiedAt ?? now, byGuest ? GUEST_GRACE_MINUTES : MOST_GRACE_MINUTES)
  if (until > last) {
    const message = 'The party has had all the time that it can be given'
    return { code: 'no-more-time', status: 409, message, details: { guest } }
  }
  return refuseReleased(guest!, now) ?? told(guest!, { graceUntil: until })
}

/** A waiting party says that it does not come. A party that has said so already is no error. Spec: G19. */
export function decideCancelGuest(floor: Floor, input: About, now: Instant): Decision {
  const guest = floor.get('guest', input.guestId)
  const unseen = refuseUnseen(floor, guest, input)
  if (unseen) return unseen
  if (guest!.status === 'cancelled') return []
  const wait = { endReason: 'cancelled_by_guest' } as const
  return refuseNotWaiting(guest!) ?? changed(floor, guest!, { wait, status: 'cancelled', event: 'status-changed' }, now)
}

/** A called party that did not come in time is a no-show, and its table is free. Any other party stays. Spec: G18. */
export function decideRelease(floor: Floor, guestId: string, now: Instant): Decision {
  const guest = floor.get('guest', guestId)
  if (!guest || !isReleased(guest, now)) return []
  const wait = { endReason: 'grace_ended' } as const
  return changed(floor, guest, { wait, status: 'no_show', event: 'status-changed' }, now)
}

const MINUTE = 60_000
const plusMinutes = (at: Instant, minutes: number): Instant => plusMillis(at, minutes * MINUTE)

const told = ({ id }: GuestState, set: Partial<GuestState>): readonly Effect[] => [
  { kind: 'guest', id, set, event: 'edited' },
]

function refuseNotWaiting(guest: GuestState): Refusal | null {
  if (phaseOf(guest.status) === 'waiting') return null
  const message = `A guest who is ${guest.status} doesn't wait`
  return { code: 'guest-not-waiting', status: 409, message, details: { guest } }
}

/** The table is another's from the end of the grace on, though the log may not say so yet. */
function refuseReleased(guest: GuestState, now: Instant): Refusal | null {
  if (!isReleased(guest, now)) return null
  const message = 'The time to come has passed'
  return { code: 'guest-not-waiting', status: 409, message, details: { guest } }
}

/** What the order of the waitlist looks at. */
export interface Waiting extends Pick<GuestState, 'id' | 'status' | 'partySize' | 'tableId' | 'graceUntil'> {
  readonly checkInTime: Instant | null
  readonly reservationTime: Instant | null
  readonly createdAt: Instant
}

/** Sizes of parties that wait for the same tables. */
export const SIZE_BANDS = ['1-2', '3-4', '5-6', '7+'] as const
export type SizeBand = (typeof SIZE_BANDS)[number]

export const bandOf = (partySize: number): SizeBand =>
  partySize <= 2 ? '1-2' : partySize <= 4 ? '3-4' : partySize <= 6 ? '5-6' : '7+'

/** How many are ahead of a party: all, their covers, and the parties by size. */
export interface Ahead {
  readonly parties: number
  readonly covers: number
  readonly bySize: Readonly<Record<SizeBand, number>>
}

/** Whether a party stands in line at `now`: it waits for a table, and is not expected for later only. */
const isInLine = (guest: Waiting, now: Instant): boolean =>
  phaseOf(guest.status) === 'waiting' &&
  guest.tableId === null &&
  !isReleased(guest, now) &&
  (guest.checkInTime !== null || guest.reservationTime === null || guest.reservationTime <= now)

/** Since when a party waits. */
const since = ({ checkInTime, createdAt }: Waiting): Instant => checkInTime ?? createdAt

const isBefore = (a: Waiting, b: Waiting): boolean => since(a) < since(b) || (since(a) === since(b) && a.id < b.id)

const aheadIn = <W extends Waiting>(guests: Iterable<W>, guest: Waiting, now: Instant): W[] =>
  [...guests].filter((other) => other.id !== guest.id && isInLine(other, now) && isBefore(other, guest))

/** The parties that wait longer than this one, by size. Spec: G20. */
export function aheadOf(guests: Iterable<Waiting>, guest: Waiting, now: Instant): Ahead {
  const bySize = { '1-2': 0, '3-4': 0, '5-6': 0, '7+': 0 }
  let [parties, covers] = [0, 0]
  for (const { partySize } of aheadIn(guests, guest, now)) {
    bySize[bandOf(partySize)]++
    parties++
    covers += partySize
  }
  return { parties, covers, bySize }
}

/**
 * The parties that this one would jump at a table for so many: they wait longer and fit there. A host gives a reason then.
 * Spec: G21.
 */
export const passedOver = <W extends Waiting>(
  guests: Iterable<W>,
  guest: Waiting,
  capacity: number,
  now: Instant,
): W[] => aheadIn(guests, guest, now).filter(({ partySize }) => partySize <= capacity)
