import type { PartyStatus } from '../parties/rules.ts'
import { phaseOf } from '../parties/rules.ts'
import type { TableStatus } from '../tables/rules.ts'

/** The contract's words for the statuses inside. Ruling 7 of docs/ios-contract.md lists them. */

/** All words for a guest in guests and dashboards. */
export const GUEST_WORDS = [
  'Waitlist',
  'Confirmed',
  'Running Late',
  'Arrived',
  'Partially Arrived',
  'Seated',
  'Finished',
  'Cancelled',
  'No Show',
] as const

/** Guests in guests and dashboards. */
export const guestWords: Record<PartyStatus, (typeof GUEST_WORDS)[number]> = {
  waitlist: 'Waitlist',
  confirmed: 'Confirmed',
  running_late: 'Running Late',
  arrived: 'Arrived',
  partially_arrived: 'Partially Arrived',
  seated: 'Seated',
  finished: 'Finished',
  cancelled: 'Cancelled',
  no_show: 'No Show',
}

/** The statuses that POST guests accepts: exactly these spellings, in the order of the error's text. */
export const POST_GUEST_WORDS = [
  'Waitlist',
  'Seated',
  'Finished',
  'Cancelled',
  'No Show',
  'Running Late',
  'Arrived',
] as const

const known = new Map<string, PartyStatus>([
  ...Object.keys(guestWords).map((status) => [plain(status), status as PartyStatus] as const),
  ['waiting', 'waitlist'],
  ['completed', 'finished'],
  ['canceled', 'cancelled'],
])

/** Accepted spellings, for the API's description. */
export const GUEST_SPELLINGS = [
  ...new Set([
    ...Object.values(guestWords),
    ...Object.keys(guestWords),
    'noShow',
    'runningLate',
    'waiting',
    'completed',
  ]),
]

/** A guest's status in any known spelling and case, or undefined. */
export const partyStatusOf = (text: string): PartyStatus | undefined => known.get(plain(text))

/** Reservations, in the order of the error's text. */
export const RESERVATION_WORDS = [
  'waitlist',
  'confirmed',
  'arrived',
  'partiallyArrived',
  'seated',
  'finished',
  'cancelled',
  'noShow',
  'runningLate',
] as const

/** Reservations in their endpoints. */
export const reservationWords: Record<PartyStatus, (typeof RESERVATION_WORDS)[number]> = {
  waitlist: 'waitlist',
  confirmed: 'confirmed',
  running_late: 'runningLate',
  arrived: 'arrived',
  partially_arrived: 'partiallyArrived',
  seated: 'seated',
  finished: 'finished',
  cancelled: 'cancelled',
  no_show: 'noShow',
}

/** Tables in /api/sync: four other words. A table out of service is reserved there, never available. */
export const syncTableWord: Record<TableStatus, 'available' | 'occupied' | 'reserved' | 'needs_cleaning'> = {
  available: 'available',
  occupied: 'occupied',
  reserved: 'reserved',
  out_of_service: 'reserved',
  needs_cleaning: 'needs_cleaning',
}

/** Guests in /api/sync and in the sync socket's own messages. */
export const syncGuestWord = phaseOf

/** Tables as the app sends them. `needs_cleaning` is accepted where the enum's four are. */
export const TABLE_INPUT = ['available', 'occupied', 'reserved', 'outOfService'] as const

/** Tables: four words. A table that needs cleaning is out of service for an old app. */
export const tableWords: Record<TableStatus, (typeof TABLE_INPUT)[number]> = {
  available: 'available',
  occupied: 'occupied',
  reserved: 'reserved',
  out_of_service: 'outOfService',
  needs_cleaning: 'outOfService',
}

/** A table's status as it was sent, or undefined. */
export const tableStatusOf = (word: string): TableStatus | undefined => {
  if (word === 'outOfService') return 'out_of_service'
  return Object.hasOwn(tableWords, word) && word !== 'out_of_service' ? (word as TableStatus) : undefined
}

function plain(text: string): string {
  return text.toLowerCase().replace(/[\s_-]/g, '')
}
