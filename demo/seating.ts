import type { Copy, Fields } from './copy.ts'
import { meanDining } from './figures.ts'
import type { House } from './house.ts'
import type { Party } from './party.ts'

/** Who sits where, and how long the others are told to wait. */

const STEP_MINUTES = 5
// A party waits this long before it gets a table much too large for it.
const GENEROUS_AFTER = 15
const SPARE_SEATS = 2

interface Seat {
  readonly id: string
  readonly table: Fields
  readonly capacity: number
}

/** A simple estimate: whose turn it is, over how many tables turn over, in steps of five minutes. */
export function quote(house: House, party: Party, copy: Copy): number {
  const suits = [...copy.tables.entries()].filter(([, table]) => Number(table['capacity']) >= party.size)
  const near = suits.filter(([, table]) => Number(table['capacity']) <= party.size + SPARE_SEATS)
  const tables = near.length > 0 ? near : suits
  const ahead = house.parties.filter(
    (each) => each.phase === 'waiting' && Math.abs(each.size - party.size) <= SPARE_SEATS,
  )
  const free = tables.filter(([, table]) => table['status'] === 'available').length
  if (free > ahead.length || tables.length === 0) return 0
  const turn = meanDining(house.day)
  return Math.ceil(((ahead.length - free + 1) * turn) / tables.length / STEP_MINUTES) * STEP_MINUTES
}

/** Gives free tables to those who wait, the longest waiting first, each the smallest that fits. */
export function seatWaiting(house: House, copy: Copy, now: number): void {
  const waiting = house.parties
    .filter((party) => party.phase === 'waiting' && !house.isBusy(party.id!) && !isHeldBack(party, copy))
    .sort((a, b) => a.waitedFrom! - b.waitedFrom!)
  if (waiting.length === 0) return
  const largest = Math.max(...[...copy.tables.values()].map((table) => Number(table['capacity'])))
  const seats: Seat[] = [...copy.tables]
    .filter(([id, table]) => house.isFree(id, table, now))
    .map(([id, table]) => ({ id, table, capacity: Number(table['capacity']) }))
    .sort((a, b) => a.capacity - b.capacity)
  for (const [i, party] of waiting.entries()) {
    const held = heldSeat(house, party, copy)
    const at = seats.findIndex((seat) => suits(seat, party, now, largest))
    if (held) seat(house, party, held)
    else if (at >= 0) {
      const [found] = seats.splice(at, 1)
      const rival = isOdd(party, 'two-hosts-at-once') ? waiting[i + 1] : undefined
      if (rival && !house.isBusy(rival.id!)) return seatBoth(house, party, rival, found!)
      seat(house, party, found!)
    } else if (isOdd(party, 'takes-over')) takeOver(house, party, copy, now)
  }
}

const isOdd = (party: Party, way: Party['plan']['seating']): boolean =>
  party.plan.seating === way && !party.oddlySeated && party.thrownOff === 0

/** Those written down by mistake are not led to a table, and who has a table already needs none. */
const isHeldBack = (party: Party, copy: Copy): boolean =>
  party.plan.fate === 'written-by-mistake' || copy.guests.get(party.id!)?.['tableId'] !== null

function suits({ capacity }: Seat, party: Party, now: number, largest: number): boolean {
  if (capacity < Math.min(party.size, largest)) return false
  return capacity <= party.size + SPARE_SEATS || now - party.waitedFrom! >= GENEROUS_AFTER
}

function heldSeat(house: House, party: Party, copy: Copy): Seat | undefined {
  const id = party.heldTable
  const table = id === null ? undefined : copy.tables.get(id)
  if (id === null || table?.['status'] !== 'reserved' || house.isBusy(id)) return undefined
  return { id, table, capacity: Number(table['capacity']) }
}

function seat(house: House, party: Party, { id: tableId, table }: Seat): void {
  const id = party.id!
  const done = house.act([id, tableId], async (device) => {
    if (party.plan.seating !== 'by-table')
      return device.act('PUT', `/guests/${id}`, { status: 'Seated', table_id: tableId })
    // The other way round: the party is given to the table. That it sits there is told when someone looks again.
    return device.act('PUT', `/tables/${tableId}`, { status: 'occupied', current_guest_id: id })
  })
  if (done) house.tell(`${party.family} (${party.size}) to table ${String(table['tableNumber'])}`)
}

/** Two hosts lead two parties to one table at the same moment. One of them comes back to the list. */
function seatBoth(house: House, party: Party, rival: Party, { id: tableId, table }: Seat): void {
  party.oddlySeated = true
  for (const each of [party, rival]) {
    const id = each.id!
    const doing = { status: 'Seated', table_id: tableId }
    each.contested = house.act([id, tableId], (device) => device.act('PUT', `/guests/${id}`, doing), 0)
  }
  house.tell(`two hosts at once seat ${party.family} and ${rival.family} at table ${String(table['tableNumber'])}`)
}

/** The table of the party that is next to leave looks empty. It isn't. */
function takeOver(house: House, party: Party, copy: Copy, now: number): void {
  const others = house.parties
    .filter((other) => other.phase === 'seated' && other.thrownOff === 0 && !house.isBusy(other.id!))
    .sort((a, b) => (a.leavesAt ?? now) - (b.leavesAt ?? now))
  for (const other of others) {
    const tableId = copy.guests.get(other.id!)?.['tableId']
    if (typeof tableId !== 'string' || house.isBusy(tableId)) continue
    if (Number(copy.tables.get(tableId)?.['capacity']) < party.size) continue
    const id = party.id!
    const body = { status: 'Seated', table_id: tableId }
    const done = house.act([id, tableId, other.id!], (device) => device.act('PUT', `/guests/${id}`, body))
    party.oddlySeated = done
    if (done) house.tell(`${party.family} take the table of ${other.family}, who come back to the list`)
    return
  }
}
