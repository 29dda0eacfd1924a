import { choice, fact, id, instant, integer, nullable, origin, text } from '../platform/field.ts'
import { joinedFields } from '../people/people.ts'
import { limits } from '../platform/limits.ts'
import { PARTY_STATUSES } from '../parties/rules.ts'

/** A reservation: a party that is expected. */
export const reservationFields = {
  guestId: nullable(id()),
  guestName: fact(text(200)),
  contactInfo: fact(nullable(text(20)), null),
  email: fact(nullable(text(255)), null),
  partySize: fact(integer(1)),
  status: choice(PARTY_STATUSES),
  tableId: nullable(id()),
  /** The server who got the party. */
  serverId: nullable(id()),
  reservationTime: fact(nullable(instant()), null),
  durationMinutes: fact(integer(1), 90),
  source: origin(text(20), 'app'),
  checkInTime: nullable(instant()),
  seatedTime: nullable(instant()),
  finishedTime: nullable(instant()),
  endedAt: nullable(instant()),
  notes: fact(nullable(text(limits.noteCharacters)), null),
  specialRequests: fact(nullable(text(limits.noteCharacters)), null),
  ...joinedFields,
}
