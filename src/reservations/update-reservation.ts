import { z } from 'zod'
import { AppError } from '../platform/errors.ts'
import { idField, instantField, versionField } from '../platform/fields.ts'
import type { Instant } from '../platform/clock.ts'
import { command, LostRace, type Write } from '../changes/command/command.ts'
import { freeTable, giveTable, lockTables, partyAt, refuseTable, vacateTable, type Table } from '../tables/tables.ts'
import { PARTY_STATUSES, canFollow, isOver, type PartyStatus } from '../parties/rules.ts'
import {
  lockReservation,
  reservationEntity,
  reservationNotFound,
  reservationSchema,
  saveReservation,
  type Reservation,
  type ReservationEvent,
} from './reservations.ts'

const input = z.strictObject({
  reservationId: idField,
  ...reservationEntity.edited,
  status: z.enum(PARTY_STATUSES).optional(),
  tableId: idField.nullable().optional(),
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
  async run(w, { reservationId, version, status, tableId, force, checkInTime, seatedTime, finishedTime, ...sent }) {
    const event: ReservationEvent =
      status !== undefined ? 'status-changed' : tableId !== undefined ? 'table-changed' : 'edited'
    const given = Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined))
    const sentTimes = { arrived: checkInTime, seated: seatedTime, finished: finishedTime }
    return changeReservation(w, reservationId, { given, status, tableId, sentTimes, force, version, event })
  },
})

/** The requested changes of a reservation. A time counts only together with its own status. */
export interface ReservationChange {
  readonly given?: Partial<Reservation>
  readonly status?: PartyStatus | undefined
  readonly tableId?: string | null | undefined
  readonly sentTimes?: Readonly<Partial<Record<PartyStatus, Instant | undefined>>>
  readonly force?: boolean | undefined
  readonly version?: number | undefined
  readonly event: ReservationEvent
}

/**
 * Changes a reservation and the tables that it leaves or takes. Throws `AppError`: reservation-not-found,
 * version-conflict, status-order, ended-with-table, unknown-table, table-not-free, over-capacity.
 */
export async function changeReservation(w: Write, id: string, change: ReservationChange): Promise<Reservation> {
  const { tableId: wanted, force } = change
  const tables = await lockTables(w, wanted ? [wanted] : [], [id])
  const before = await lockReservation(w, id)
  if (!before) throw reservationNotFound(id)
  if (change.version !== undefined && change.version !== before.version)
    throw new AppError('version-conflict', 409, 'The reservation was changed in the meantime', { reservation: before })
  if (before.tableId !== null && !tables.has(before.tableId)) throw new LostRace('reservation moved')
  const status = change.status ?? before.status
  if (change.status !== undefined && !force && !canFollow(before.status, status))
    throw new AppError('status-order', 409, `A reservation that is ${before.status} can't become ${status}`, {
      reservation: before,
    })

  const tableId = targetTable(before, change)
  const next: Reservation = { ...before, ...change.given, ...timesOf(w.now, before, change), status, tableId }
  const from = before.tableId === null ? undefined : tables.get(before.tableId)
  const to = tableId === null ? undefined : tables.get(tableId)
  if (tableId !== null && !to) throw new AppError('unknown-table', 422, 'There is no such table to sit at', { tableId })
  if (to && to !== from) refuseHeld(next, to, force)
  const holds = status === 'seated' ? 'occupied' : 'reserved'
  // Store the reservation first, then the old table, then the new one: no table and no party is in two pairs between
  // two statements.
  const [saved] = await Promise.all([
    saveReservation(w, next, change.event),
    from && from !== to && (isOver(status) ? freeTable(w, from, 'freed') : vacateTable(w, from)),
    to &&
      (to !== from || to.status !== holds || wanted === to.id) &&
      giveTable(w, to, { kind: 'reservation', id }, holds),
  ])
  return saved
}

/** A table that another party has, or that is set as taken, is refused even with force. */
function refuseHeld(next: Reservation, table: Table, force: boolean | undefined): void {
  const taken = partyAt(table) !== null || table.status === 'occupied' || table.status === 'reserved'
  if (taken) throw new AppError('table-not-free', 409, 'Table is not available', { table })
  refuseTable(next.partySize, table, { force })
}

function targetTable(before: Reservation, { status, tableId }: ReservationChange): string | null {
  if (tableId && status !== undefined && isOver(status))
    throw new AppError('ended-with-table', 422, "A party whose visit ends can't take a table")
  if (tableId !== undefined) return tableId
  return status !== undefined && isOver(status) ? null : before.tableId
}

/** A status sets its time: the one sent with it, the one it had, or now. */
function timesOf(
  now: Instant,
  before: Reservation,
  { status, sentTimes = {} }: ReservationChange,
): Pick<Reservation, 'checkInTime' | 'seatedTime' | 'finishedTime' | 'endedAt'> {
  const time = (of: PartyStatus, had: Instant | null) => {
    if (status !== of) return had
    return sentTimes[of] ?? (before.status === of ? (had ?? now) : now)
  }
  return {
    checkInTime: time('arrived', before.checkInTime),
    seatedTime: time('seated', before.seatedTime),
    finishedTime: time('finished', before.finishedTime),
    endedAt: isOver(status ?? before.status) ? (before.endedAt ?? now) : null,
  }
}
