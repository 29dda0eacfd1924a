import { statement, type Tx } from '../platform/database/db.ts'
import type { Write } from '../changes/command/command.ts'
import type { Cursor } from '../changes/cursor.ts'
import { entity, type EntityOf } from '../changes/entity.ts'
import { withFreshId } from '../changes/command/fresh-id.ts'
import { noun } from '../changes/floor/noun.ts'
import type { ReservationEffect, ReservationEvent } from '../parties/rules.ts'
import type { Instant } from '../platform/clock.ts'
import type { ServedParty } from '../sections/rotation/rules.ts'
import type { Span } from '../settings/hours/rules.ts'
import { EXPECTED } from './rules.ts'
import { reservationFields } from './fields.ts'

/** A reservation as devices see it. */
export const reservationEntity = entity('reservation', 'Reservation', reservationFields)
export const reservationSchema = reservationEntity.schema

export type Reservation = EntityOf<typeof reservationFields>

const { columns, insert, update, row } = reservationEntity

const lockById = statement(
  'lock-reservations',
  `select ${columns} from reservations where restaurant_id = $1 and id = any ($2::uuid[]) order by id for update`,
)

const lockByGuest = statement(
  'lock-reservations-of-guest',
  `select ${columns} from reservations where restaurant_id = $1 and guest_id = $2 order by id for update`,
)

const listNewest = statement(
  'list-reservations',
  `select ${columns} from reservations
   where restaurant_id = $1 and ($2::text is null or status = $2)
     and (created_at, id) < (coalesce($5::timestamptz, 'infinity'), coalesce($6::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
     and ($3::timestamptz is null or coalesce(reservation_time, created_at) >= $3 and coalesce(reservation_time, created_at) < $4)
   order by created_at desc, id desc limit $7`,
)

const countActiveOf = statement(
  'active-reservations-of-guest',
  `select count(*) as count from reservations
   where restaurant_id = $1 and guest_id = $2 and status in (${EXPECTED.map((status) => `'${status}'`).join(', ')})`,
)

const listOnFloor = statement(
  'reservations-on-floor',
  `select ${columns} from reservations where restaurant_id = $1 and case when ended_at is null then 'infinity' else ended_at end >= $2`,
)

const served = statement(
  'served-reservations',
  `select server_id as "serverId", party_size as "partySize", seated_time as "seatedTime" from reservations
   where restaurant_id = $1 and case when ended_at is null then 'infinity' else ended_at end >= $2
     and seated_time >= $2 and server_id is not null`,
)

/** What servers got since a moment: visits that ended before it are no part of it. */
export const servedReservations = (tx: Tx, restaurantId: string, since: Instant): Promise<ServedParty[]> =>
  tx.all<ServedParty>(served, [restaurantId, since])

/** The reservations on the floor: all but those that ended before `horizon`. */
export const reservationsOnFloor = noun(reservationEntity, {
  read: (tx, restaurantId, horizon) => tx.all<Reservation>(listOnFloor, [restaurantId, horizon]),
  lock: (w, ids) => lockReservations(w, ids),
})

/** The filter of a list; null filters nothing. `during`: when the reservation is for or, without a time, was made. */
export interface ReservationPage {
  readonly status: string | null
  readonly during: Span | null
  /** The cursor after which the page starts. */
  readonly after: Cursor | null
  readonly limit: number
}

/** Reservations, newest first. */
export const readReservations = (
  tx: Tx,
  restaurantId: string,
  { status, during, after, limit }: ReservationPage,
): Promise<Reservation[]> =>
  tx.all<Reservation>(listNewest, [restaurantId, status, during?.from, during?.to, after?.createdAt, after?.id, limit])

/** Whether a guest has an upcoming or current reservation. */
export async function hasExpectedReservation(w: Write, guestId: string): Promise<boolean> {
  return (await w.tx.one<{ count: number }>(countActiveOf, [w.restaurantId, guestId])).count > 0
}

/** Locks a reservation, if there is one with this id. */
export const lockReservation = async (w: Write, id: string): Promise<Reservation | undefined> =>
  (await lockReservations(w, [id]))[0]

/** Locks reservations in the order of id. Unknown ids are left out. */
export async function lockReservations(w: Write, ids: readonly string[]): Promise<Reservation[]> {
  const known = w.locked.all<Reservation>('reservation', ids)
  if (known) return known
  const rows = await w.tx.all<Reservation>(lockById, [w.restaurantId, ids])
  w.locked.note('reservation', ids, rows)
  return rows
}

/** Locks the reservations of a guest. */
export async function lockReservationsOf(w: Write, guestId: string): Promise<Reservation[]> {
  const rows = await w.tx.all<Reservation>(lockByGuest, [w.restaurantId, guestId])
  w.locked.note('reservation', [], rows)
  return rows
}

/** Stores a new reservation and adds it to the change. `isNamed`: its id is a client's and may be in use; then it is waited for. */
export async function storeReservation(w: Write, reservation: Reservation, isNamed: boolean): Promise<Reservation> {
  w.put('reservation', reservation.id, 'created' satisfies ReservationEvent, reservation.version, reservation)
  if (isNamed) await withFreshId(reservation.id, 'reservations_pkey', w.tx.all(insert, row(w, reservation)))
  else w.tx.send(insert, row(w, reservation))
  return reservation
}

/** Stores a changed reservation, which the caller has locked, and adds it to the change. */
async function saveReservation(w: Write, changed: Reservation, event: ReservationEvent): Promise<Reservation> {
  if (w.isUnchanged('reservation', event, changed)) return w.locked.of<Reservation>('reservation', changed.id)!
  const reservation = { ...changed, version: changed.version + 1, updatedAt: w.now }
  w.put('reservation', reservation.id, event, reservation.version, reservation)
  w.tx.send(update, row(w, reservation))
  return reservation
}

/** Stores what was decided about a reservation, which the caller has locked. */
export const applyToReservation = (w: Write, { id, set, event }: ReservationEffect): Promise<unknown> =>
  saveReservation(w, { ...w.locked.of<Reservation>('reservation', id)!, ...set }, event)
