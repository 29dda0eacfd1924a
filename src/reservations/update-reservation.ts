import { z } from 'zod'
import { idField, instantField, versionField } from '../platform/fields.ts'
import { command, type Write } from '../changes/command/command.ts'
import { decided } from '../changes/decided.ts'
import { applyToTable, lockTables } from '../tables/tables.ts'
import { PARTY_STATUSES } from '../parties/rules.ts'
import { joinedField, lockedFloor } from '../parties/parties.ts'
import { joinAnew, lockByContact } from '../people/people.ts'
import {
  applyToReservation,
  lockReservation,
  reservationEntity,
  reservationSchema,
  type Reservation,
} from './reservations.ts'
import { contactOf, decideUpdateReservation, type ReservationDecision } from './rules.ts'

const input = z.strictObject({
  reservationId: idField,
  ...reservationEntity.edited,
  status: z.enum(PARTY_STATUSES).optional(),
  tableId: idField.nullable().optional(),
  joinedTableIds: joinedField,
  checkInTime: instantField.optional(),
  seatedTime: instantField.optional(),
  finishedTime: instantField.optional(),
  force: z.boolean().optional(),
  version: versionField,
})

/**
 * Changes a reservation's facts, status and table at once. A taken table is refused: a reservation displaces nobody.
 * Spec: V2 to V5.
 */
export const updateReservation = command({
  name: 'update-reservation',
  summary: "Change a reservation's facts, status and table at once",
  method: 'PATCH',
  path: '/reservations/:reservationId',
  role: 'host',
  inBatch: true,
  budget: [7, 3],
  input,
  answer: reservationSchema,
  async run(w, change): Promise<Reservation> {
    const { reservationId, tableId, joinedTableIds = [] } = change
    const sent = contactOf(change)
    const wanted = tableId ? [tableId, ...joinedTableIds] : []
    await Promise.all([lockByContact(w, sent), lockWithTables(w, reservationId, wanted)])
    const before = w.locked.of<Reservation>('reservation', reservationId)
    const joined = await joinAnew(
      w,
      before && { ...contactOf(before), phone: before.contactInfo, email: before.email },
      sent,
    )
    return applied(w, reservationId, decideUpdateReservation(lockedFloor(w), { ...change, ...joined }, w.now))
  },
})

/** Locks a reservation, the tables it has and those it wants, in the ladder's order: tables before reservations. */
export async function lockWithTables(w: Write, id: string, wanted: readonly string[] = []): Promise<void> {
  await lockTables(w, wanted, [id])
  await lockReservation(w, id)
}

/** Stores what was decided about a reservation and its tables, and gives the reservation. Throws the refusal. */
export async function applied(w: Write, id: string, decision: ReservationDecision): Promise<Reservation> {
  // In the order of the effects, so that no table and no party is in two pairs between two statements.
  await Promise.all(
    decided(decision).map((effect) =>
      effect.kind === 'table' ? applyToTable(w, effect) : applyToReservation(w, effect),
    ),
  )
  return w.locked.of<Reservation>('reservation', id)!
}
