import { z } from 'zod'
import { statement, type Tx } from '../platform/db.ts'
import { AppError } from '../platform/errors.ts'
import { idField, intField, sentInstant, textField } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'
import type { Instant } from '../platform/clock.ts'
import type { Write } from '../changes/command.ts'
import type { Cursor } from '../changes/cursor.ts'
import { withFreshId } from '../changes/fresh-id.ts'
import type { FloorKind } from '../changes/live-floor.ts'
import { PARTY_STATUSES } from '../parties/rules.ts'

/** A guest: a party from joining to leaving, as devices see it. */
export const guestSchema = z
  .object({
    id: idField,
    firstName: textField(100),
    lastName: textField(100),
    email: textField(255).nullable(),
    phone: textField(20).nullable(),
    partySize: intField(1),
    status: z.enum(PARTY_STATUSES),
    tableId: idField.nullable(),
    reservationTime: sentInstant.nullable(),
    checkInTime: sentInstant.nullable(),
    seatedTime: sentInstant.nullable(),
    finishedTime: sentInstant.nullable(),
    /** When the server recorded the end of the visit. */
    endedAt: sentInstant.nullable(),
    dietaryRestrictions: z.array(textField(limits.dietaryRestrictionCharacters)).max(limits.dietaryRestrictions),
    specialRequests: textField(limits.noteCharacters).nullable(),
    notes: textField(limits.noteCharacters).nullable(),
    version: intField(1),
    createdAt: sentInstant,
    updatedAt: sentInstant,
  })
  .meta({ id: 'Guest' })

export type Guest = Readonly<z.output<typeof guestSchema>>

/** The parts of a guest that are plain facts: they move nobody. */
export type GuestFacts = Pick<
  Guest,
  | 'firstName'
  | 'lastName'
  | 'email'
  | 'phone'
  | 'partySize'
  | 'reservationTime'
  | 'dietaryRestrictions'
  | 'specialRequests'
  | 'notes'
>

/** What happened to a guest. It keeps the intent: `status-changed` when a status was sent, even the same one. `displaced`: another party took the table.
 * `batched`: changed as an item of a batch. */
export type GuestEvent =
  | 'created'
  | 'edited'
  | 'status-changed'
  | 'table-changed'
  | 'displaced'
  | 'cleared'
  | 'batched'
  | 'deleted'

const columns = `id, first_name as "firstName", last_name as "lastName", email, phone, party_size as "partySize", status,
  table_id as "tableId", reservation_time as "reservationTime", check_in_time as "checkInTime", seated_time as "seatedTime",
  finished_time as "finishedTime", ended_at as "endedAt", dietary_restrictions as "dietaryRestrictions",
  special_requests as "specialRequests", notes, version, created_at as "createdAt", updated_at as "updatedAt"`

const lockGuestsById = statement(
  'lock-guests',
  `select ${columns} from guests where restaurant_id = $1 and id = any ($2::uuid[]) order by id for update`,
)

const insertGuest = statement(
  'insert-guest',
  `insert into guests (restaurant_id, id, first_name, last_name, email, phone, party_size, status, table_id, reservation_time,
     check_in_time, seated_time, finished_time, ended_at, dietary_restrictions, special_requests, notes, version, updated_at, created_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $19)`,
)

const updateGuest = statement(
  'update-guest',
  `update guests set first_name = $3, last_name = $4, email = $5, phone = $6, party_size = $7, status = $8, table_id = $9,
     reservation_time = $10, check_in_time = $11, seated_time = $12, finished_time = $13, ended_at = $14,
     dietary_restrictions = $15, special_requests = $16, notes = $17, version = $18, updated_at = $19
   where restaurant_id = $1 and id = $2`,
)

const deleteGuestRow = statement('delete-guest', `delete from guests where restaurant_id = $1 and id = $2`)

const readGuest = statement('read-guest', `select ${columns} from guests where restaurant_id = $1 and id = $2`)

// Those of this evening are found by when their visit ended, all that ever were by when they came: which it is, the values tell. One plan for both read every visit that a house of some ten thousand ever had.
const listNewest = statement(
  'list-guests',
  `select ${columns} from guests
   where restaurant_id = $1 and case when ended_at is null then 'infinity' else ended_at end > $2
     and (created_at, id) < (coalesce($3::timestamptz, 'infinity'), coalesce($4::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
   order by created_at desc, id desc limit $5`,
  { isPlannedAnew: true },
)

const listOnFloor = statement(
  'guests-on-floor',
  `select ${columns} from guests where restaurant_id = $1 and case when ended_at is null then 'infinity' else ended_at end >= $2`,
)

/** Guests as the floor has them: all but those whose visit ended before `horizon`. */
export const guestsOnFloor: FloorKind = {
  kind: 'guest',
  read: (tx, restaurantId, horizon) => tx.all<Guest>(listOnFloor, [restaurantId, horizon]),
}

/** A guest by id, or undefined. */
export const findGuest = (tx: Tx, restaurantId: string, id: string): Promise<Guest | undefined> =>
  tx.maybe<Guest>(readGuest, [restaurantId, id])

/**
 * Guests, newest first: those whose visit isn't over or ended after `endedAfter`, in the list after `after`, `limit` at most.
 * `endedAfter` may be `-infinity`.
 */
export const readGuests = (
  tx: Tx,
  restaurantId: string,
  { endedAfter, after, limit }: { endedAfter: Instant | '-infinity'; after: Cursor | null; limit: number },
): Promise<Guest[]> => tx.all<Guest>(listNewest, [restaurantId, endedAfter, after?.createdAt, after?.id, limit])

/** Locks guests in the order of id. Unknown ids are left out. */
export async function lockGuests(w: Write, ids: readonly string[]): Promise<Map<string, Guest>> {
  let rows = w.held.all<Guest>('guest', ids)
  if (!rows) {
    rows = await w.tx.all<Guest>(lockGuestsById, [w.restaurantId, ids])
    w.held.note('guest', ids, rows)
  }
  return new Map(rows.map((guest) => [guest.id, guest]))
}

export const guestNotFound = (id: string): AppError =>
  new AppError('guest-not-found', 404, 'There is no such guest', { guestId: id })

/** Stores a new guest and tells of it. `isNamed`: its id is a client's and may be in use; then it is waited for. */
export async function storeGuest(w: Write, guest: Guest, isNamed: boolean): Promise<Guest> {
  w.put('guest', guest.id, 'created' satisfies GuestEvent, guest.version, guest)
  if (isNamed) await withFreshId(guest.id, 'guests_pkey', w.tx.all(insertGuest, rowOf(w, guest)))
  else w.tx.send(insertGuest, rowOf(w, guest))
  return guest
}

/** Stores a changed guest, whom the caller has locked, and tells of it. */
export async function saveGuest(w: Write, changed: Guest, event: GuestEvent): Promise<Guest> {
  if (w.isUnchanged('guest', event, changed)) return w.held.of<Guest>('guest', changed.id)!
  const guest = { ...changed, version: changed.version + 1, updatedAt: w.now }
  w.put('guest', guest.id, event, guest.version, guest)
  w.tx.send(updateGuest, rowOf(w, guest))
  return guest
}

/** Removes a guest, whom the caller has locked. */
export async function dropGuest(w: Write, guest: Guest): Promise<void> {
  w.drop('guest', guest.id, 'deleted' satisfies GuestEvent, guest.version)
  w.tx.send(deleteGuestRow, [w.restaurantId, guest.id])
}

function rowOf(w: Write, g: Guest): unknown[] {
  return [
    w.restaurantId,
    g.id,
    g.firstName,
    g.lastName,
    g.email,
    g.phone,
    g.partySize,
    g.status,
    g.tableId,
    g.reservationTime,
    g.checkInTime,
    g.seatedTime,
    g.finishedTime,
    g.endedAt,
    g.dietaryRestrictions,
    g.specialRequests,
    g.notes,
    g.version,
    w.now,
  ]
}
