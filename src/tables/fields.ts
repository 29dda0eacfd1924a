import { choice, fact, id, integer, nullable, number, text } from '../platform/field.ts'
import { TABLE_SHAPES, TABLE_STATUSES } from './rules.ts'

/** A table. `x` and `y` are its place on the plan, 0 to 1 from the top left. */
export const tableFields = {
  number: fact(text(20)),
  // The iPad may store any number.
  capacity: fact(integer(-2_147_483_648)),
  x: fact(number(0, 1)),
  y: fact(number(0, 1)),
  shape: fact(choice(TABLE_SHAPES), 'round'),
  section: fact(nullable(text(100)), null),
  status: choice(TABLE_STATUSES),
  guestId: nullable(id()),
  reservationId: nullable(id()),
}
