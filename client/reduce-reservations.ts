import { canFollow, isOver, type PartyStatus } from '../src/parties/rules.ts'
import type { Instant } from '../src/platform/clock.ts'
import type { Inputs } from './commands.ts'
import { instant } from './reduce-guests.ts'
import { freeTable, given, refuseTable, saveReservation, saveTable, vacateTable, wantedTable } from './reduce-tables.ts'
import type { Moment } from './reduce-tables.ts'
import { Unlikely, type View } from './view.ts'
import type { Reservation, Table } from './words.ts'

/** What the commands about reservations do to what is shown, until the server has said. Pure. */

export function addReservation(view: View, input: Inputs['add-reservation'], { now, newId }: Moment): void {
  const status = input.status ?? 'waitlist'
  view.put('reservation', {
    id: newId,
    guestId: null,
    guestName: input.guestName,
    partySize: input.partySize,
    status,
    reservationTime: instant(input.reservationTime) ?? null,
    durationMinutes: input.durationMinutes ?? 90,
    contactInfo: input.contactInfo ?? null,
    email: input.email ?? null,
    source: input.source ?? 'app',
    notes: input.notes ?? null,
    specialRequests: input.specialRequests ?? null,
    tableId: null,
    checkInTime: null,
    seatedTime: null,
    finishedTime: null,
    endedAt: isOver(status) ? now : null,
    version: 1,
    createdAt: now,
    updatedAt: now,
  })
}

export function updateReservation(view: View, input: Inputs['update-reservation'], moment: Moment): void {
  const { reservationId, version, status, tableId, force, checkInTime, seatedTime, finishedTime, ...sent } = input
  const facts = given({
    ...sent,
    ...(typeof sent.reservationTime === 'string' && { reservationTime: instant(sent.reservationTime) }),
  })
  const sentTimes = { arrived: instant(checkInTime), seated: instant(seatedTime), finished: instant(finishedTime) }
  change(view, moment, { reservationId, version, facts, status, tableId, force, sentTimes })
}

export const cancelReservation = (view: View, input: Inputs['cancel-reservation'], moment: Moment): void =>
  change(view, moment, { ...input, status: 'cancelled', force: true })

interface ReservationChange {
  readonly reservationId: string
  readonly version?: number | undefined
  readonly facts?: Partial<Reservation>
  readonly status?: PartyStatus | undefined
  readonly tableId?: string | null | undefined
  readonly force?: boolean | undefined
  readonly sentTimes?: Readonly<Partial<Record<PartyStatus, Instant | undefined>>>
}

function change(view: View, moment: Moment, wanted: ReservationChange): void {
  const before = view.get('reservation', wanted.reservationId)
  if (!before) throw new Unlikely('reservation-not-found')
  if (wanted.version !== undefined && wanted.version !== before.version) throw new Unlikely('version-conflict')
  const status = wanted.status ?? before.status
  // Each may follow itself.
  if (!wanted.force && !canFollow(before.status, status)) throw new Unlikely('status-order')
  if (wanted.tableId && wanted.status !== undefined && isOver(wanted.status)) throw new Unlikely('ended-with-table')
  const tableId = wanted.tableId !== undefined ? wanted.tableId : isOver(status) ? null : before.tableId
  const next: Reservation = { ...before, ...wanted.facts, ...timesOf(moment.now, before, wanted), status, tableId }
  const to = tableId === null ? null : wantedTable(view, tableId)
  if (to && tableId !== before.tableId) refuseHeld(next, to, wanted.force)
  if (tableId !== before.tableId) (isOver(status) ? freeTable : vacateTable)(view, moment, before.tableId)
  const holds = status === 'seated' ? 'occupied' : 'reserved'
  if (to) saveTable(view, moment, { ...to, status: holds, guestId: null, reservationId: before.id })
  saveReservation(view, moment, next)
}

function refuseHeld(next: Reservation, table: Table, force: boolean | undefined): void {
  // Whatever is forced.
  if (table.status === 'occupied' || table.status === 'reserved') throw new Unlikely('table-not-free')
  refuseTable(next.partySize, table, { force })
}

function timesOf(now: Instant, before: Reservation, { status, sentTimes = {} }: ReservationChange) {
  const time = (of: PartyStatus, had: Instant | null) =>
    status === of ? (sentTimes[of] ?? (before.status === of ? (had ?? now) : now)) : had
  return {
    checkInTime: time('arrived', before.checkInTime),
    seatedTime: time('seated', before.seatedTime),
    finishedTime: time('finished', before.finishedTime),
    endedAt: isOver(status ?? before.status) ? (before.endedAt ?? now) : null,
  }
}
