import { expect, test } from 'vitest'
import { floorOf, NOW, OLD, reservation, table } from '../../test/floors.ts'
import { decideCancelReservation, decideUpdateReservation } from './rules.ts'

/** What the log is told and what a refusal shows. What becomes of each entity, the tests of the client's reducers show. */

const COMES = reservation('r', { tableId: 't' })
const OVER = reservation('s', { tableId: 'v', status: 'finished', endedAt: OLD })
const HELD = table('t', { status: 'reserved', reservationId: 'r' })
const floor = floorOf({
  tables: [HELD, table('u'), table('v', { status: 'reserved', reservationId: 's' })],
  reservations: [COMES, OVER],
})

const update = (input: object) => decideUpdateReservation(floor, { reservationId: 'r', ...input }, NOW)

test('V4: what happens comes in the order in which it can be stored, each with its event', () => {
  expect(update({ tableId: 'u' })).toMatchObject([
    { kind: 'reservation', id: 'r', set: { tableId: 'u' }, event: 'table-changed' },
    { kind: 'table', id: 't', set: { status: 'available', reservationId: null }, event: 'freed' },
    { kind: 'table', id: 'u', set: { status: 'reserved', guestId: null, reservationId: 'r' }, event: 'assigned' },
  ])
  expect(update({ notes: 'n' })).toMatchObject([{ set: { notes: 'n', tableId: 't' }, event: 'edited' }])
  // A table that is asked for again is assigned again: the iPad is told.
  expect(update({ tableId: 't' })).toMatchObject([{ event: 'table-changed' }, { id: 't', event: 'assigned' }])
  expect(update({ status: 'seated' })).toMatchObject([
    { event: 'status-changed' },
    { set: { status: 'occupied' }, event: 'assigned' },
  ])
  expect(decideCancelReservation(floor, { reservationId: 'r' }, NOW)).toMatchObject([
    { set: { status: 'cancelled', tableId: null, endedAt: NOW }, event: 'cancelled' },
    { id: 't', event: 'freed' },
  ])
})

test('V5: a reservation that is over keeps the table it was given, until it ends once more', () => {
  expect(update({ reservationId: 's', notes: 'n' })).toMatchObject([{ set: { tableId: 'v' } }])
  expect(update({ reservationId: 's', status: 'finished' })).toMatchObject([{ set: { tableId: null } }, { id: 'v' }])
})

test('V2, V3: a refusal has its status and shows what it is about', () => {
  const missing = { code: 'reservation-not-found', status: 404, details: { reservationId: 'x' } }
  expect(update({ reservationId: 'x' })).toMatchObject(missing)
  const details = { reservation: COMES }
  expect(update({ version: 2 })).toMatchObject({ code: 'version-conflict', status: 409, details })
  expect(update({ status: 'finished' })).toMatchObject({ code: 'status-order', status: 409, details })
  expect(update({ status: 'cancelled', tableId: 'u' })).toMatchObject({ code: 'ended-with-table', status: 422 })
  expect(update({ status: 'finished', tableId: 'u' })).toMatchObject({ code: 'status-order' })
  expect(update({ tableId: 'x' })).toMatchObject({ code: 'unknown-table', status: 422, details: { tableId: 'x' } })
  expect(update({ reservationId: 's', tableId: 't', force: true })).toMatchObject({
    code: 'table-not-free',
    status: 409,
    details: { table: HELD },
  })
  // A party has it, whatever a host said of it.
  const late = floorOf({ tables: [{ ...HELD, status: 'needs_cleaning' }], reservations: [OVER] })
  const wants = { reservationId: 's', tableId: 't', force: true }
  expect(decideUpdateReservation(late, wants, NOW)).toMatchObject({ message: 'Table is not available' })
  expect(update({ tableId: 'u', partySize: 9 })).toMatchObject({ code: 'over-capacity', status: 409 })
})
