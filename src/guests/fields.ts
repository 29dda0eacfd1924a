import { choice, fact, id, instant, integer, nullable, text, texts } from '../platform/field.ts'
import { joinedFields } from '../people/people.ts'
import { limits } from '../platform/limits.ts'
import { PARTY_STATUSES } from '../parties/rules.ts'

/** A guest: a party from joining to leaving. */
export const guestFields = {
  firstName: fact(text(100)),
  lastName: fact(text(100), ''),
  email: fact(nullable(text(255)), null),
  phone: fact(nullable(text(20)), null),
  partySize: fact(integer(1)),
  status: choice(PARTY_STATUSES),
  tableId: nullable(id()),
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
}
