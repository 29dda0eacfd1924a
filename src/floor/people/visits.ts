import { z } from 'zod'
import type { Instant } from '../../platform/clock.ts'
import { statement, type Tx } from '../../platform/database/db.ts'
import { AppError } from '../../platform/errors.ts'
import { idField, intField, sentInstant } from '../../platform/fields.ts'
import { limits } from '../../platform/limits.ts'
import type { Write } from '../../changes/command/command.ts'
import { applyToGuest, lockGuests } from '../../guests/guests.ts'
import { PARTY_STATUSES } from '../../parties/rules.ts'
import { countedBefore } from '../../people/people.ts'
import type { Joined } from '../../people/rules.ts'
import { applyToReservation, lockReservations } from '../../reservations/reservations.ts'

/** The parties that are visits of people: read, locked in the order of the ladder, and stored. */

/** A party as far as people are concerned. */
export interface Party extends Joined {
  readonly kind: 'guest' | 'reservation'
  readonly id: string
  readonly endedAt: string | null
}

/** One visit of a person, for lists. */
export const visitSchema = z
  .object({
    kind: z.enum(['guest', 'reservation']),
    id: idField,
    status: z.enum(PARTY_STATUSES),
    partySize: intField(1),
    reservationTime: sentInstant.nullable(),
    seatedTime: sentInstant.nullable(),
    endedAt: sentInstant.nullable(),
    createdAt: sentInstant,
  })
  .meta({ id: 'Visit' })

export type Visit = z.output<typeof visitSchema>

const listVisits = statement(
  'visits-of-person',
  `select kind, id, status, party_size as "partySize", reservation_time as "reservationTime", seated_time as "seatedTime",
     ended_at as "endedAt", created_at as "createdAt"
   from person_visits where restaurant_id = $1 and person_id = $2 order by created_at desc, id desc limit $3`,
)

const countVisits = statement(
  'count-visits',
  `select count(*) as visits from person_visits where restaurant_id = $1 and person_id = any ($2::uuid[]) and status = 'finished'
     and ended_at <= $3`,
)

const listParties = statement(
  'parties-of-people',
  `select 'guest' as kind, id from guests where restaurant_id = $1 and person_id = any ($2::uuid[]) and ($3 or ended_at is null)
   union all
   select 'reservation', id from reservations
   where restaurant_id = $1 and person_id = any ($2::uuid[]) and ($3 or ended_at is null)`,
)

/** The latest visits of a person, newest first, `limits.visitsPerPerson` at most. */
export const readVisits = (tx: Tx, restaurantId: string, personId: string): Promise<Visit[]> =>
  tx.all<Visit>(listVisits, [restaurantId, personId, limits.visitsPerPerson])

/** How many visits of some people count as earlier ones at a time. */
export const visitsOf = async (
  tx: Tx,
  restaurantId: string,
  personIds: readonly string[],
  now: Instant,
): Promise<number> =>
  (await tx.one<{ visits: number }>(countVisits, [restaurantId, personIds, countedBefore(now)])).visits

/** Locks parties by their ids, reservations before guests. Those that are not there are left out. */
export async function lockParties(w: Write, ids: readonly string[]): Promise<Party[]> {
  if (ids.length === 0) return []
  const reservations = await lockReservations(w, ids)
  const guests = await lockGuests(w, ids)
  return [
    ...reservations.map((each) => ({ kind: 'reservation' as const, ...each })),
    ...[...guests.values()].map((each) => ({ kind: 'guest' as const, ...each })),
  ]
}

/** Locks the visits of some people: all, or those that are not over. */
export async function lockVisits(w: Write, personIds: readonly string[], which: 'all' | 'current'): Promise<Party[]> {
  const rows = await w.tx.all<{ id: string }>(listParties, [w.restaurantId, personIds, which === 'all'])
  const parties = await lockParties(
    w,
    rows.map(({ id }) => id),
  )
  // Somebody may have linked one to another person while its lock was waited for.
  return parties.filter(({ personId }) => personId !== null && personIds.includes(personId))
}

/** Locks one party. Throws `AppError` guest-not-found (404). */
export async function lockParty(w: Write, partyId: string): Promise<Party> {
  const [party] = await lockParties(w, [partyId])
  if (!party) throw new AppError('guest-not-found', 404, 'There is no such guest or reservation', { partyId })
  return party
}

/** Stores whose visit a party is, whom the caller has locked, and tells devices where that is new. */
export function storeJoined(w: Write, { kind, id }: Pick<Party, 'kind' | 'id'>, set: Joined): Promise<unknown> {
  if (kind === 'guest') return applyToGuest(w, { kind, id, set, event: 'edited' })
  return applyToReservation(w, { kind, id, set, event: 'edited' })
}
