import { z } from 'zod'
import { statement, type Tx } from '../platform/database/db.ts'
import { intField } from '../platform/fields.ts'
import type { FactsOf } from '../platform/field.ts'
import type { Instant } from '../platform/clock.ts'
import type { Write } from '../changes/command/command.ts'
import type { Cursor } from '../changes/cursor.ts'
import { entity, type EntityOf } from '../changes/entity.ts'
import { withFreshId } from '../changes/command/fresh-id.ts'
import { noun } from '../changes/floor/noun.ts'
import type { ServedParty } from '../sections/rotation/rules.ts'
import type { GuestEffect, GuestEvent } from '../parties/rules.ts'
import { guestFields } from './fields.ts'

/** A guest as devices see it. */
export const guestEntity = entity('guest', 'Guest', guestFields)
export const guestSchema = guestEntity.schema

export type Guest = EntityOf<typeof guestFields>

/** The parts of a guest that are plain facts: they move nobody. */
export type GuestFacts = FactsOf<typeof guestFields>

/** How far back visits that ended are listed, in days; 0 is all. */
export const historyField = z.coerce.number().pipe(intField(0, 36_500)).default(7)

const { columns, insert, update, row } = guestEntity

const lockGuestsById = statement(
  'lock-guests',
  `select ${columns} from guests where restaurant_id = $1 and id = any ($2::uuid[]) order by id for update`,
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

const served = statement(
  'served-guests',
  `select server_id as "serverId", party_size as "partySize", seated_time as "seatedTime" from guests
   where restaurant_id = $1 and case when ended_at is null then 'infinity' else ended_at end >= $2
     and seated_time >= $2 and server_id is not null`,
)

/** What servers got since a moment: visits that ended before it are no part of it. */
export const servedGuests = (tx: Tx, restaurantId: string, since: Instant): Promise<ServedParty[]> =>
  tx.all<ServedParty>(served, [restaurantId, since])

/** Guests as the floor has them: all but those whose visit ended before `horizon`. */
export const guestsOnFloor = noun(guestEntity, {
  read: (tx, restaurantId, horizon) => tx.all<Guest>(listOnFloor, [restaurantId, horizon]),
  lock: (w, ids) => lockGuests(w, ids),
})

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
  let rows = w.locked.all<Guest>('guest', ids)
  if (!rows) {
    rows = await w.tx.all<Guest>(lockGuestsById, [w.restaurantId, ids])
    w.locked.note('guest', ids, rows)
  }
  return new Map(rows.map((guest) => [guest.id, guest]))
}

/** Stores a new guest and tells of it. `isNamed`: its id is a client's and may be in use; then it is waited for. */
export async function storeGuest(w: Write, guest: Guest, isNamed: boolean): Promise<Guest> {
  w.put('guest', guest.id, 'created' satisfies GuestEvent, guest.version, guest)
  if (isNamed) await withFreshId(guest.id, 'guests_pkey', w.tx.all(insert, row(w, guest)))
  else w.tx.send(insert, row(w, guest))
  return guest
}

/** Stores a changed guest, whom the caller has locked, and puts them into the change. */
async function saveGuest(w: Write, changed: Guest, event: GuestEvent): Promise<Guest> {
  if (w.isUnchanged('guest', event, changed)) return w.locked.of<Guest>('guest', changed.id)!
  const guest = { ...changed, version: changed.version + 1, updatedAt: w.now }
  w.put('guest', guest.id, event, guest.version, guest)
  w.tx.send(update, row(w, guest))
  return guest
}

/** Removes a guest, whom the caller has locked. */
async function dropGuest(w: Write, guest: Guest): Promise<void> {
  w.drop('guest', guest.id, 'deleted' satisfies GuestEvent, guest.version)
  w.tx.send(deleteGuestRow, [w.restaurantId, guest.id])
}

/** Stores what was decided about a guest, whom the caller has locked. */
export function applyToGuest(w: Write, { id, set, event }: GuestEffect): Promise<unknown> {
  const guest = w.locked.of<Guest>('guest', id)!
  return set === null ? dropGuest(w, guest) : saveGuest(w, { ...guest, ...set }, event)
}
