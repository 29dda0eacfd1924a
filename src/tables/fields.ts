import { choice, fact, id, ids, instant, integer, nullable, number, text } from '../platform/field.ts'
import { limits } from '../platform/limits.ts'
import { TABLE_SHAPES, TABLE_STATUSES } from './rules.ts'

/** A table. `x` and `y` are its place on the plan, 0 to 1 from the top left. */
export const tableFields = {
  number: fact(text(20)),
  // The iPad may store any number.
  capacity: fact(integer(-2_147_483_648)),
  x: fact(number(0, 1)),
  y: fact(number(0, 1)),
  shape: fact(choice(TABLE_SHAPES), 'round'),
  /** The name of its section, or any text. */
  section: fact(nullable(text(100)), null),
  areaId: fact(nullable(id()), null),
  /** Centimetres; null where nobody measured. */
  width: fact(nullable(number(10, limits.areaCentimetres)), null),
  height: fact(nullable(number(10, limits.areaCentimetres)), null),
  /** Degrees, clockwise. */
  rotation: fact(number(0, 360), 0),
  /** The smallest party that a host would seat here. */
  minCapacity: fact(integer(1), 1),
  sectionId: nullable(id()),
  /** The server who gets the next party there. */
  serverId: nullable(id()),
  status: choice(TABLE_STATUSES),
  guestId: nullable(id()),
  reservationId: nullable(id()),
  /** The party's first table, at each further one. The party's `tableId` is the first. */
  joinedTo: nullable(id()),
  /** The party's further tables, at its first. */
  joined: ids(limits.joinedTables),
  /** When a hold or a block ends by itself. From then on the table counts as available. */
  statusUntil: nullable(instant()),
  /** The party that a table is held for: only it may be seated without insisting. */
  heldFor: nullable(id()),
  /** Why a table is held or blocked. */
  statusReason: nullable(text(limits.reasonCharacters)),
  /** When the check came to the table, and when it was paid. */
  checkAt: nullable(instant()),
  paidAt: nullable(instant()),
}
