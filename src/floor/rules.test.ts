import { expect, test } from 'vitest'
import { floorOf, guest, NOW, reservation, table } from '../../test/floors.ts'
import { decideClearTable, decideUpdateTable } from './rules.ts'

/** What the log is told and what a refusal shows. What becomes of each entity, the tests of the client's reducers show. */

const SEATED = guest('a', { status: 'seated', tableId: 't' })
const TAKEN = table('t', { status: 'occupied', guestId: 'a' })
const floor = floorOf({
  tables: [TAKEN, table('u'), table('v', { status: 'reserved', reservationId: 'r' })],
  guests: [SEATED, guest('b'), guest('c', { status: 'no_show' })],
  reservations: [reservation('r', { tableId: 'v' })],
})

const update = (tableId: string, input: object) => decideUpdateTable(floor, { tableId, ...input }, NOW)

test('G12, T5: the event of a change keeps what was asked for', () => {
  expect(update('u', { section: 'bar' })).toMatchObject([
    { set: { section: 'bar', status: 'available' }, event: 'edited' },
  ])
  expect(update('u', { status: 'occupied' })).toMatchObject([{ event: 'assigned' }])
  expect(update('u', { status: 'available' })).toMatchObject([{ event: 'edited' }])
  expect(update('u', { status: 'available', partyId: 'b' })).toMatchObject([{ event: 'assigned' }])
  expect(update('u', { partyId: null })).toMatchObject([{ event: 'edited' }])
  expect(update('t', { status: 'available' })).toMatchObject([{ event: 'status-changed' }, { event: 'freed' }])
  expect(update('v', { status: 'available' })).toMatchObject([{ event: 'table-lost' }, { event: 'freed' }])
  expect(update('t', { partyId: null })).toMatchObject([{ event: 'table-changed' }, { event: 'edited' }])
  expect(update('t', { partyId: 'a' })).toMatchObject([{ id: 't', event: 'assigned' }])
  expect(decideClearTable(floor, { tableId: 't' }, NOW)).toMatchObject([
    { id: 'a', set: { status: 'finished' }, event: 'cleared' },
    { id: 't', set: { status: 'available' }, event: 'cleared' },
  ])
})

test('G7: a party that is named at a table displaces the one there, and leaves its own', () => {
  expect(update('t', { partyId: 'r', takeOver: true, capacity: 2 })).toMatchObject([
    { kind: 'guest', id: 'a', set: { status: 'waitlist' }, event: 'displaced' },
    { kind: 'reservation', id: 'r', set: { tableId: 't' }, event: 'table-changed' },
    { kind: 'table', id: 'v', set: { reservationId: null }, event: 'freed' },
    { kind: 'table', id: 't', set: { capacity: 2, reservationId: 'r', guestId: null }, event: 'assigned' },
  ])
  expect(update('v', { partyId: 'b', takeOver: true })).toMatchObject([
    { kind: 'reservation', id: 'r', set: { tableId: null }, event: 'table-lost' },
    { kind: 'guest', id: 'b' },
    { kind: 'table', id: 'v' },
  ])
})

test('G8, G15: a refusal has its status and shows what it is about', () => {
  const missing = { code: 'table-not-found', status: 404, details: { tableId: 'x' } }
  expect(update('x', {})).toMatchObject(missing)
  expect(decideClearTable(floor, { tableId: 'x' }, NOW)).toMatchObject(missing)
  const passed = { code: 'version-conflict', status: 409, details: { table: TAKEN } }
  expect(update('t', { version: 2 })).toMatchObject(passed)
  expect(decideClearTable(floor, { tableId: 't', version: 2 }, NOW)).toMatchObject(passed)
  expect(update('u', { partyId: 'x' })).toMatchObject({ code: 'unknown-party', status: 422, details: { partyId: 'x' } })
  expect(update('u', { partyId: 'c' })).toMatchObject({ code: 'ended-with-table', status: 422 })
  expect(update('t', { partyId: 'b' })).toMatchObject({
    code: 'table-not-free',
    status: 409,
    details: { table: TAKEN },
  })
  // The table is refused as the command would make it.
  const small = { ...table('u'), capacity: 1 }
  expect(update('u', { partyId: 'b', capacity: 1 })).toMatchObject({ code: 'over-capacity', details: { table: small } })
})
