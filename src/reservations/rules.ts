import { NOBODY, type Joined } from '../people/rules.ts'
import type { Instant } from '../platform/clock.ts'
import {
  canFollow,
  isOver,
  refuseEndWithTable,
  type Floor,
  type PartyStatus,
  type ReservationEffect,
  type ReservationEvent,
  type ReservationState,
  type SentTimes,
} from '../parties/rules.ts'
import { groupOf, tablesNamed, takes } from '../parties/tables/rules.ts'
import { servedBy } from '../parties/service/rules.ts'
import { sentOf, versionConflict, type Refusal } from '../changes/rules.ts'
import { freed, partyAt, refuseTables, statusAt, vacated, type TableEffect, type TableState } from '../tables/rules.ts'

/**
 * What the commands of reservations do: which are refused and why, and what the others change. The order of the checks is the
 * order of the refusals. Pure. The server and the client share this file.
 */

/** A reservation of one of these statuses is still to come or under way: its guest stays. Spec: V7. */
export const EXPECTED: readonly PartyStatus[] = ['waitlist', 'arrived', 'seated']

/** Which reservation a command is about, and the version that the host saw. */
interface About {
  readonly reservationId: string
  readonly version?: number | undefined
}

/** A reservation never displaces a party. */
export type ReservationDecision = Refusal | readonly (TableEffect | ReservationEffect)[]

/** What is wanted of a reservation. A time counts only together with its own status. */
interface ReservationChange extends About {
  readonly facts: Partial<ReservationState>
  readonly times?: SentTimes
  readonly status?: PartyStatus | undefined
  readonly tableId?: string | null | undefined
  readonly joinedTableIds?: readonly string[] | undefined
  readonly force?: boolean | undefined
  readonly event: ReservationEvent
}

/** A new reservation. It has no table yet. `joined`: whose it is, as far as the server knows. Spec: V1, E3. */
export const newReservation = <Made extends { readonly status: PartyStatus }>(
  id: string,
  made: Made,
  now: Instant,
  joined: Joined = NOBODY,
) => ({
  id,
  guestId: null,
  ...made,
  ...joined,
  tableId: null,
  serverId: null,
  checkInTime: null,
  seatedTime: null,
  finishedTime: null,
  endedAt: isOver(made.status) ? now : null,
  version: 1,
  createdAt: now,
  updatedAt: now,
})

/** The contact of a reservation as people have it. The last word of a name is the last name. */
export function contactOf(of: {
  readonly guestName?: string | undefined
  readonly contactInfo?: string | null | undefined
  readonly email?: string | null | undefined
}) {
  const words = of.guestName?.trim().split(/\s+/)
  const firstName = words
    ?.slice(0, Math.max(1, words.length - 1))
    .join(' ')
    .slice(0, 100)
  const lastName = words?.slice(1).at(-1)?.slice(0, 100) ?? ''
  return { ...(firstName !== undefined && { firstName, lastName }), phone: of.contactInfo, email: of.email }
}

/** A reservation's facts, status and table in one go. A taken table is refused. Spec: V2 to V5. */
export function decideUpdateReservation(
  floor: Floor,
  input: About &
    SentTimes & {
      readonly status?: PartyStatus | undefined
      readonly tableId?: string | null | undefined
      readonly joinedTableIds?: readonly string[] | undefined
      readonly partySize?: number | undefined
      readonly force?: boolean | undefined
    },
  now: Instant,
): ReservationDecision {
  const { reservationId, version, status, tableId, joinedTableIds, force, ...rest } = input
  const { checkInTime, seatedTime, finishedTime, ...facts } = rest
  const event = status !== undefined ? 'status-changed' : tableId !== undefined ? 'table-changed' : 'edited'
  const times = { checkInTime, seatedTime, finishedTime }
  const taking = { status, tableId, joinedTableIds, force }
  return changed(floor, { reservationId, version, facts: sentOf(facts), times, ...taking, event }, now)
}

/** A reservation is called off; its table is free. Spec: V5. */
export const decideCancelReservation = (
  floor: Floor,
  { reservationId, version }: About,
  now: Instant,
): ReservationDecision =>
  changed(floor, { reservationId, version, facts: {}, status: 'cancelled', force: true, event: 'cancelled' }, now)

/** A reservation changes, and with it the table that it gives back and the one that it takes. */
function changed(floor: Floor, change: ReservationChange, now: Instant): ReservationDecision {
  const { reservationId: id, facts, event, force } = change
  const reservation = floor.get('reservation', id)
  const refusal =
    refuseUnseen(reservation, change) ??
    refuseOrder(reservation!, change) ??
    refuseEndWithTable(change.status, change.tableId)
  if (refusal) return refusal
  const before = reservation!
  const status = change.status ?? before.status
  const ends = change.status !== undefined && isOver(status)
  const tableId = change.tableId !== undefined ? change.tableId : ends ? null : before.tableId
  const moves = tableId !== before.tableId || (tableId !== null && change.joinedTableIds !== undefined)
  const from = floor.get('table', before.tableId)
  const own = from ? groupOf(floor, from) : []
  const named = tableId === null ? [] : tablesNamed(floor, [tableId, ...(change.joinedTableIds ?? [])])
  if ('code' in named) return named
  // Who only stays keeps what is joined.
  const to = moves || named.length === 0 ? named : own
  const unfit = moves && to.length > 0 ? refuseHeld(id, facts.partySize ?? before.partySize, to, force, now) : null
  if (unfit) return unfit

  const holds = status === 'seated' ? 'occupied' : 'reserved'
  const serverId = servedBy(before, status, to[0])
  const set = { ...facts, ...timesOf(before, change, now), status, tableId, serverId }
  const isGiven = to.length > 0 && (moves || to[0]!.status !== holds || change.tableId === to[0]!.id)
  const leaving = moves ? own.filter((table) => !to.some((each) => each.id === table.id)) : []
  return [
    { kind: 'reservation', id, set, event },
    ...leaving.map((table) => (isOver(status) ? freed(table) : vacated(table))),
    ...(isGiven ? takes({ kind: 'reservation', id }, to, holds).after : []),
  ]
}

function refuseUnseen(reservation: ReservationState | undefined, { reservationId, version }: About): Refusal | null {
  if (!reservation) {
    const details = { reservationId }
    return { code: 'reservation-not-found', status: 404, message: 'There is no such reservation', details }
  }
  if (version === undefined || version === reservation.version) return null
  return versionConflict('reservation', reservation)
}

function refuseOrder(reservation: ReservationState, { status, force }: ReservationChange): Refusal | null {
  if (status === undefined || force || canFollow(reservation.status, status)) return null
  const message = `A reservation that is ${reservation.status} can't become ${status}`
  return { code: 'status-order', status: 409, message, details: { reservation } }
}

/** Refuses tables that another party has, or that are set as taken, even when the host insists. */
function refuseHeld(
  id: string,
  partySize: number,
  tables: readonly TableState[],
  force: boolean | undefined,
  now: Instant,
): Refusal | null {
  const isTaken = (table: TableState) => {
    const party = partyAt(table)
    if (party) return party.id !== id
    const status = statusAt(table, now)
    return status === 'occupied' || (status === 'reserved' && table.heldFor !== id)
  }
  const table = tables.find(isTaken)
  if (table) return { code: 'table-not-free', status: 409, message: 'Table is not available', details: { table } }
  return refuseTables({ id, partySize }, tables, { force }, now)
}

/** A status sets its time: the one sent with it, the one it had, or now. */
function timesOf(
  before: ReservationState,
  { status, times = {} }: ReservationChange,
  now: Instant,
): Pick<ReservationState, 'checkInTime' | 'seatedTime' | 'finishedTime' | 'endedAt'> {
  const time = (of: PartyStatus, sent: Instant | undefined, had: Instant | null) => {
    if (status !== of) return had
    return sent ?? (before.status === of ? (had ?? now) : now)
  }
  return {
    checkInTime: time('arrived', times.checkInTime, before.checkInTime),
    seatedTime: time('seated', times.seatedTime, before.seatedTime),
    finishedTime: time('finished', times.finishedTime, before.finishedTime),
    endedAt: isOver(status ?? before.status) ? (before.endedAt ?? now) : null,
  }
}
