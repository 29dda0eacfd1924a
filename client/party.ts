import type { PartyStatus } from '../src/parties/rules.ts'
import type { Guest, Reservation } from './words.ts'

/** A party as a screen shows it, whether it walked in or booked: one set of names for what guests and reservations call differently. Read only. */
export interface Party {
  readonly kind: 'guest' | 'reservation'
  readonly id: string
  readonly version: number
  readonly name: string
  /** Covers. */
  readonly size: number
  readonly status: PartyStatus
  readonly tableId: string | null
  /** The guest whom a reservation belongs to. */
  readonly guestId: string | null
  readonly phone: string | null
  readonly email: string | null
  /** When it is expected. */
  readonly bookedFor: string | null
  readonly bookedMinutes: number | null
  readonly cameAt: string | null
  readonly satAt: string | null
  readonly leftAt: string | null
  /** When the server recorded its end; null while it is not over. */
  readonly endedAt: string | null
  readonly madeAt: string
  readonly notes: string | null
  readonly requests: string | null
  readonly diets: readonly string[]
}

const NO_DIETS: readonly string[] = []

/** What both kinds call the same. */
const shared = (value: Guest | Reservation) => ({
  id: value.id,
  version: value.version,
  size: value.partySize,
  status: value.status,
  tableId: value.tableId,
  email: value.email,
  bookedFor: value.reservationTime,
  cameAt: value.checkInTime,
  satAt: value.seatedTime,
  leftAt: value.finishedTime,
  endedAt: value.endedAt,
  madeAt: value.createdAt,
  notes: value.notes,
  requests: value.specialRequests,
})

export const partyOfGuest = (guest: Guest): Party => ({
  kind: 'guest',
  ...shared(guest),
  name: [guest.firstName, guest.lastName].filter((part) => part !== '').join(' '),
  guestId: null,
  phone: guest.phone,
  bookedMinutes: null,
  diets: guest.dietaryRestrictions,
})

export const partyOfReservation = (reservation: Reservation): Party => ({
  kind: 'reservation',
  ...shared(reservation),
  name: reservation.guestName,
  guestId: reservation.guestId,
  phone: reservation.contactInfo,
  bookedMinutes: reservation.durationMinutes,
  diets: NO_DIETS,
})
