import { isOver, timesOf } from '../src/parties/rules.ts'
import { statusLeft, tableStatuses } from '../src/tables/rules.ts'
import type { Instant } from '../src/platform/clock.ts'
import type { Inputs } from './commands.ts'
import { canonicalJson } from '../src/changes/floor/canonical.ts'
import { Unlikely, type View } from './view.ts'
import type { Guest, Kind, Kinds, Reservation, Table } from './words.ts'

/** What the commands about tables do to what is shown, until the server has said. Pure. Also what seating needs of tables. */

export interface Moment {
  readonly now: Instant
  /** The id of an entity that the command makes and the device did not name. */
  readonly newId: string
}

export interface Insistence {
  readonly takeOver?: boolean | undefined
  readonly force?: boolean | undefined
}

/** What was sent, without what was left out. */
export const given = (sent: object): object =>
  Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined))

export function tableIn(view: View, id: string, version?: number): Table {
  const table = view.get('table', id)
  if (!table) throw new Unlikely('table-not-found')
  if (version !== undefined && version !== table.version) throw new Unlikely('version-conflict')
  return table
}

/** The table that a party is to sit at. */
export function wantedTable(view: View, id: string): Table {
  const table = view.get('table', id)
  if (!table) throw new Unlikely('unknown-table')
  return table
}

const saveOf =
  <K extends Kind>(kind: K) =>
  (view: View, { now }: Moment, value: Kinds[K]): void => {
    const before = view.get(kind, value.id)
    // What changes nothing is no change.
    if (before && stateOf(before) === stateOf(value)) return
    view.put(kind, { ...value, version: value.version + 1, updatedAt: now })
  }

const stateOf = (value: object): string => canonicalJson({ ...value, version: 0, updatedAt: '' })

export const saveTable = saveOf('table')
export const saveGuest = saveOf('guest')
export const saveReservation = saveOf('reservation')

export function freeTable(view: View, moment: Moment, id: string | null): void {
  const table = view.get('table', id)
  if (table) saveTable(view, moment, { ...table, status: 'available', guestId: null, reservationId: null })
}

/** Its party has gone elsewhere: what a host said of the table stays. */
export function vacateTable(view: View, moment: Moment, id: string | null): void {
  const table = view.get('table', id)
  if (!table) return
  const status = statusLeft(table.status, table.guestId === null ? 'reservation' : 'guest')
  saveTable(view, moment, { ...table, status, guestId: null, reservationId: null })
}

export function refuseTable(size: number, table: Table, { takeOver, force }: Insistence): void {
  const taken = table.guestId !== null || table.reservationId !== null
  if (taken ? !takeOver : !force && !tableStatuses[table.status].seatable) throw new Unlikely('table-not-free')
  if (!force && size > table.capacity) throw new Unlikely('over-capacity')
}

/** Who has the table goes back to the waitlist; a reservation only loses it. */
export function displace(view: View, moment: Moment, { guestId, reservationId }: Table): void {
  const guest = view.get('guest', guestId)
  if (guest) saveGuest(view, moment, { ...guest, status: 'waitlist', tableId: null, seatedTime: null, endedAt: null })
  const reservation = view.get('reservation', reservationId)
  if (reservation) saveReservation(view, moment, { ...reservation, tableId: null })
}

/** Who has the table leaves it, and has finished where `finishes` says so. */
function leave(view: View, moment: Moment, table: Table, finishes: (party: Guest | Reservation) => boolean): void {
  const guest = view.get('guest', table.guestId)
  if (guest) saveGuest(view, moment, { ...guest, ...(finishes(guest) && finished(moment, guest)), tableId: null })
  const held = view.get('reservation', table.reservationId)
  if (held)
    saveReservation(view, moment, {
      ...held,
      ...(held.status === 'seated' && finishes(held) && finished(moment, held)),
      tableId: null,
    })
}

const finished = ({ now }: Moment, party: Guest | Reservation) =>
  ({ ...timesOf(now, party, 'finished'), status: 'finished' }) as const

export function clearTable(view: View, { tableId, version }: Inputs['clear-table'], moment: Moment): void {
  const table = tableIn(view, tableId, version)
  leave(view, moment, table, () => true)
  freeTable(view, moment, tableId)
}

export function addTable(view: View, input: Inputs['add-table'], { now, newId }: Moment): void {
  const { id = newId, shape = 'round', section = null, number, capacity, x, y } = input
  if (view.get('table', id)) throw new Unlikely('id-taken')
  refuseNumber(view, number, id)
  const free = { status: 'available', guestId: null, reservationId: null } as const
  view.put('table', { id, number, capacity, x, y, shape, section, ...free, version: 1, createdAt: now, updatedAt: now })
}

export function removeTable(view: View, { tableId, version }: Inputs['remove-table']): void {
  const table = tableIn(view, tableId, version)
  if (table.status === 'occupied' || table.guestId !== null || table.reservationId !== null)
    throw new Unlikely('table-occupied')
  view.drop('table', tableId)
}

export function updateTable(view: View, input: Inputs['update-table'], moment: Moment): void {
  const { tableId, version, status, partyId, takeOver, force, ...sent } = input
  const table = tableIn(view, tableId, version)
  const edited = { ...table, ...given(sent) }
  const bare = { guestId: null, reservationId: null }
  if (status === 'available') {
    leave(view, moment, table, (party) => party.status === 'seated')
    saveTable(view, moment, { ...edited, ...bare, status })
  } else if (partyId) {
    seatThere(view, moment, edited, { partyId, status, takeOver, force })
  } else if (partyId === null) {
    leave(view, moment, table, () => false)
    saveTable(view, moment, { ...edited, ...bare, status: status ?? table.status })
  } else saveTable(view, moment, { ...edited, status: status ?? table.status })
  // Last, as the server learns of it last.
  refuseNumber(view, edited.number, tableId)
}

function seatThere(
  view: View,
  moment: Moment,
  table: Table,
  { partyId, status, ...insistence }: { partyId: string; status: Table['status'] | undefined } & Insistence,
): void {
  const reservation = view.get('reservation', partyId)
  const guest = reservation ? undefined : view.get('guest', partyId)
  const party = reservation ?? guest
  if (!party) throw new Unlikely('unknown-party')
  const holds = reservation && !(reservation.status === 'seated') ? 'reserved' : 'occupied'
  const columns = reservation ? { guestId: null, reservationId: partyId } : { guestId: partyId, reservationId: null }
  if (party.tableId !== table.id) {
    if (isOver(party.status) && !insistence.force) throw new Unlikely('ended-with-table')
    refuseTable(party.partySize, table, insistence)
    displace(view, moment, table)
    vacateTable(view, moment, party.tableId)
    if (reservation) saveReservation(view, moment, { ...reservation, tableId: table.id })
    if (guest) saveGuest(view, moment, { ...guest, tableId: table.id })
  }
  saveTable(view, moment, { ...table, ...columns, status: status ?? holds })
}

function refuseNumber(view: View, number: string, id: string): void {
  for (const table of view.of('table'))
    if (table.number === number && table.id !== id) throw new Unlikely('table-number-taken')
}
