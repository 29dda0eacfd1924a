import {
  canFollow,
  canSeat,
  entryOf,
  isOver,
  keepsTable,
  phaseOf,
  timesOf,
  type PartyStatus,
  type SentTimes,
} from '../src/parties/rules.ts'
import type { Instant } from '../src/platform/clock.ts'
import type { Inputs } from './commands.ts'
import {
  displace,
  freeTable,
  given,
  refuseTable,
  saveGuest,
  saveReservation,
  saveTable,
  vacateTable,
  wantedTable,
} from './reduce-tables.ts'
import type { Insistence, Moment } from './reduce-tables.ts'
import { Unlikely, type View } from './view.ts'
import type { Guest } from './words.ts'

/** What the commands about guests do to what is shown, until the server has said. Pure; the status rules are the server's own file. */

/** A guest whose reservation has one of these stays: as in the server's query. */
const HOLDING: readonly PartyStatus[] = ['waitlist', 'arrived', 'seated']

/** What the server looks at first: the guest, and whether the table that is wanted exists. */
function guestIn(view: View, id: string, version?: number, wanted?: string | null): Guest {
  const guest = view.get('guest', id)
  if (!guest) throw new Unlikely('guest-not-found')
  if (version !== undefined && version !== guest.version) throw new Unlikely('version-conflict')
  if (wanted) wantedTable(view, wanted)
  return guest
}

export function addGuest(view: View, input: Inputs['add-guest'], moment: Moment): void {
  const { id = moment.newId, takeOver, force, checkedIn = true, checkInTime, seatedTime, finishedTime, ...made } = input
  // A table names its party by id, whichever kind it is: no guest may have a reservation's.
  if (view.get('guest', id) || view.get('reservation', id)) throw new Unlikely('id-taken')
  const { now } = moment
  const status = made.status ?? 'waitlist'
  const checkIn = instant(checkInTime) ?? (checkedIn ? now : undefined)
  const sent = { checkInTime: checkIn, seatedTime: instant(seatedTime), finishedTime: instant(finishedTime) }
  const guest: Guest = {
    id,
    firstName: made.firstName,
    lastName: made.lastName ?? '',
    partySize: made.partySize,
    status,
    email: made.email ?? null,
    phone: made.phone ?? null,
    notes: made.notes ?? null,
    specialRequests: made.specialRequests ?? null,
    dietaryRestrictions: made.dietaryRestrictions ?? [],
    reservationTime: instant(made.reservationTime) ?? null,
    tableId: made.tableId ?? null,
    ...timesOf(now, null, status, sent),
    version: 1,
    createdAt: now,
    updatedAt: now,
  }
  if (guest.tableId !== null) {
    if (isOver(status)) throw new Unlikely('ended-with-table')
    takeTable(view, moment, guest, { takeOver, force })
  }
  view.put('guest', guest)
}

export function seatGuest(view: View, input: Inputs['seat-guest'], moment: Moment): void {
  const guest = guestIn(view, input.guestId, input.version, input.tableId)
  if (!input.force && !canSeat(guest.status)) throw new Unlikely('guest-not-waiting')
  changeParty(view, moment, guest, { status: 'seated', tableId: input.tableId, force: input.force })
}

export function moveGuest(view: View, input: Inputs['move-guest'], moment: Moment): void {
  const guest = guestIn(view, input.guestId, input.version, input.tableId)
  if (guest.tableId === null) throw new Unlikely('guest-not-seated')
  changeParty(view, moment, guest, { tableId: input.tableId, force: input.force })
}

export function setGuestStatus(view: View, input: Inputs['set-guest-status'], moment: Moment): void {
  const { guestId, version, status, at, force } = input
  const guest = guestIn(view, guestId, version)
  const sent = instant(at)
  const times = {
    checkInTime:
      status === 'arrived' || status === 'partially_arrived' ? (sent ?? guest.checkInTime ?? moment.now) : undefined,
    seatedTime: status === 'seated' ? sent : undefined,
    finishedTime: status === 'finished' ? sent : undefined,
  }
  changeParty(view, moment, guest, { status, times, force })
}

export function updateGuest(view: View, input: Inputs['update-guest'], moment: Moment): void {
  const { guestId, version, phase, status: said, tableId, takeOver, force, ...rest } = input
  const { checkInTime, seatedTime, finishedTime, ...sent } = rest
  const guest = guestIn(view, guestId, version, tableId)
  const status = said ?? (phase && phase !== phaseOf(guest.status) ? entryOf[phase] : undefined)
  const facts = given({
    ...sent,
    ...(typeof sent.reservationTime === 'string' && { reservationTime: instant(sent.reservationTime) }),
  })
  const times = {
    checkInTime: instant(checkInTime),
    seatedTime: instant(seatedTime),
    finishedTime: instant(finishedTime),
  }
  changeParty(view, moment, guest, { facts, times, status, tableId, takeOver, force })
}

export function deleteGuest(view: View, input: Inputs['delete-guest'], moment: Moment): void {
  const guest = guestIn(view, input.guestId, input.version)
  for (const reservation of view.of('reservation')) {
    if (reservation.guestId !== guest.id) continue
    if (HOLDING.includes(reservation.status)) throw new Unlikely('guest-has-reservations')
    saveReservation(view, moment, { ...reservation, guestId: null })
  }
  vacateTable(view, moment, guest.tableId)
  view.drop('guest', guest.id)
}

interface PartyChange extends Insistence {
  readonly facts?: Partial<Guest>
  readonly times?: SentTimes
  readonly status?: PartyStatus | undefined
  readonly tableId?: string | null | undefined
}

function changeParty(view: View, moment: Moment, guest: Guest, change: PartyChange): void {
  const status = change.status ?? guest.status
  const tableId = targetTable(guest, change)
  // Each may follow itself.
  if (!change.force && !canFollow(guest.status, status)) throw new Unlikely('status-order')
  const times = timesOf(moment.now, guest, status, change.times)
  const next: Guest = { ...guest, ...change.facts, ...times, status, tableId }
  if (tableId !== guest.tableId) {
    if (tableId !== null) {
      if (!change.force && !canSeat(guest.status) && guest.status !== 'seated') throw new Unlikely('guest-not-waiting')
      takeTable(view, moment, next, change)
    }
    const isFree = tableId === null && leavesSeat(guest, change.status)
    ;(isFree ? freeTable : vacateTable)(view, moment, guest.tableId)
  }
  saveGuest(view, moment, next)
}

function takeTable(view: View, moment: Moment, guest: Guest, insistence: Insistence): void {
  const table = wantedTable(view, guest.tableId!)
  refuseTable(guest.partySize, table, insistence)
  displace(view, moment, table)
  saveTable(view, moment, { ...table, status: 'occupied', guestId: guest.id, reservationId: null })
}

function targetTable(guest: Guest, { status, tableId }: PartyChange): string | null {
  if (tableId && status !== undefined && isOver(status)) throw new Unlikely('ended-with-table')
  if (tableId !== undefined) return tableId
  return leavesSeat(guest, status) ? null : guest.tableId
}

const leavesSeat = (guest: Guest, status: PartyStatus | undefined): boolean =>
  status !== undefined && !keepsTable(guest.status, status)

/** A time as people's programs write it, with six digits. */
export function instant(text: string | null | undefined): Instant | undefined {
  const m = /^(.{16})(:\d\d)?(?:\.(\d+))?Z$/.exec(text ?? '')
  return m ? (`${m[1]}${m[2] ?? ':00'}.${(m[3] ?? '').padEnd(6, '0').slice(0, 6)}Z` as Instant) : undefined
}
