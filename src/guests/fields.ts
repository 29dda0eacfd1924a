import { choice, fact, id, instant, integer, nullable, text, texts } from '../platform/field.ts'
import { joinedFields } from '../people/people.ts'
import { limits } from '../platform/limits.ts'
import { END_REASONS, PARTY_STATUSES } from '../parties/rules.ts'

/** A guest: a party from joining to leaving. */
export const guestFields = {
  firstName: fact(text(100)),
  lastName: fact(text(100), ''),
  email: fact(nullable(text(255)), null),
  phone: fact(nullable(text(20)), null),
  partySize: fact(integer(1)),
  status: choice(PARTY_STATUSES),
  tableId: nullable(id()),
  /** The server who got the party. */
  serverId: nullable(id()),
  reservationTime: fact(nullable(instant()), null),
  checkInTime: nullable(instant()),
  seatedTime: nullable(instant()),
  finishedTime: nullable(instant()),
  /** When the server recorded the end of the visit. */
  endedAt: nullable(instant()),
  dietaryRestrictions: fact(texts(limits.dietaryRestrictionCharacters, limits.dietaryRestrictions), []),
  specialRequests: fact(nullable(text(limits.noteCharacters)), null),
  notes: fact(nullable(text(limits.noteCharacters)), null),
  ...joinedFields,
  /** The wait that the party was told last: from so many minutes to so many, from `quotedAt` on. */
  quotedFrom: nullable(integer(0)),
  quotedTo: nullable(integer(0)),
  quoteReason: nullable(text(limits.reasonCharacters)),
  quotedAt: nullable(instant()),
  /** The longest wait, in minutes, of the first quote: what the party was promised. */
  firstQuotedTo: nullable(integer(0)),
  /** When the party was told last that its table is ready, and until when the table is kept for it. */
  notifiedAt: nullable(instant()),
  graceUntil: nullable(instant()),
  /** When the party said that it comes. */
  onMyWayAt: nullable(instant()),
  /** By how many minutes a party that runs late comes late. */
  lateMinutes: nullable(integer(1)),
  /** How many of a party have come that is not complete. */
  arrivedCount: nullable(integer(1)),
  /** Why the party was seated before others who waited longer. */
  jumpReason: nullable(text(limits.reasonCharacters)),
  /** How a visit ended without a meal, where the status does not say it. */
  endReason: nullable(choice(END_REASONS)),
}
