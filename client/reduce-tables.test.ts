import { expect, test } from 'vitest'
import { guest, moved, NOW, OLD, play, reservation, SENT, table } from '../test/floors.ts'
import type { Floors } from '../test/floors.ts'
import type { Inputs } from './commands.ts'

/** Tables and reservations as they are shown before the server has said. */

const TAKEN = table('t', { status: 'occupied', guestId: 'a' })
const SEATED = guest('a', { status: 'seated', tableId: 't', seatedTime: OLD })
const HELD = table('t', { status: 'reserved', reservationId: 'r' })
const COMES = reservation('r', { tableId: 't' })

test('D10: a new table has what was sent, and a number and an id of its own', () => {
  const sent = { number: '1', capacity: 4, x: 0.5, y: 1 }
  expect(play({}, 'add-table', sent)).toEqual({
    'table new': { ...table('new', sent), createdAt: NOW, updatedAt: NOW },
  })
  const more = { id: 'u', shape: 'oval', section: 'bar' } as const
  expect(play({}, 'add-table', { ...sent, ...more })).toEqual({
    'table u': { ...table('u', { ...sent, ...more }), createdAt: NOW, updatedAt: NOW },
  })
  const floor = { tables: [table('t', { number: '1' })] }
  expect(play(floor, 'add-table', sent)).toBe('table-number-taken')
  for (const number of ['1', '2']) expect(play(floor, 'add-table', { ...sent, number, id: 't' })).toBe('id-taken')
})

test('D10: a table is removed only when nobody has it', () => {
  expect(play({ tables: [table('t')] }, 'remove-table', { tableId: 't', version: 1 })).toEqual({ 'table t': null })
  expect(play({ tables: [table('t')] }, 'remove-table', { tableId: 't', version: 2 })).toBe('version-conflict')
  expect(play({}, 'remove-table', { tableId: 't' })).toBe('table-not-found')
  for (const more of [{ status: 'occupied' as const }, { guestId: 'a' }, { reservationId: 'r' }])
    expect(play({ tables: [table('t', more)] }, 'remove-table', { tableId: 't' })).toBe('table-occupied')
})

test('D10: clearing a table frees it and finishes whoever sat there; a reservation to come only loses it', () => {
  const clear = (floor: Floors) => play(floor, 'clear-table', { tableId: 't' })
  expect(clear({ tables: [TAKEN], guests: [SEATED] })).toEqual({
    'guest a': guest('a', { status: 'finished', seatedTime: OLD, finishedTime: NOW, endedAt: NOW, ...moved }),
    'table t': table('t', moved),
  })
  expect(clear({ tables: [HELD], reservations: [COMES] })).toEqual({
    'reservation r': reservation('r', moved),
    'table t': table('t', moved),
  })
  const seated = { ...COMES, status: 'seated' as const, seatedTime: OLD }
  expect(clear({ tables: [HELD], reservations: [seated] })).toMatchObject({
    'reservation r': { status: 'finished', tableId: null, finishedTime: NOW, endedAt: NOW },
  })
  expect(clear({ tables: [table('t', { status: 'needs_cleaning' })] })).toEqual({ 'table t': table('t', moved) })
  expect(play({ tables: [TAKEN] }, 'clear-table', { tableId: 't', version: 3 })).toBe('version-conflict')
})

test('D10: an edit of a table changes what was sent and nothing else', () => {
  const floor = { tables: [table('t'), table('u', { number: '7' })] }
  const edit = (input: Omit<Inputs['update-table'], 'tableId'>) =>
    play(floor, 'update-table', { tableId: 't', ...input })
  expect(edit({ section: 'bar', capacity: undefined, number: 'Nt' })).toEqual({
    'table t': table('t', { section: 'bar', ...moved }),
  })
  expect(edit({ status: 'out_of_service' })).toEqual({ 'table t': table('t', { status: 'out_of_service', ...moved }) })
  expect(edit({ number: '7' })).toBe('table-number-taken')
  expect(edit({ number: '7', partyId: 'x' })).toBe('unknown-party')
  expect(edit({ number: '7', status: 'available' })).toBe('table-number-taken')
  expect(edit({ number: '8' })).toMatchObject({ 'table t': { number: '8' } })
  expect(edit({ version: 2 })).toBe('version-conflict')
  // Who has it keeps it.
  const taken = { tables: [TAKEN], guests: [SEATED] }
  expect(play(taken, 'update-table', { tableId: 't', section: 'bar' })).toEqual({
    'table t': { ...TAKEN, section: 'bar', ...moved },
  })
})

test('D10: a table set to available is free: who sat there has finished, another only loses it', () => {
  const free = (floor: Floors) => play(floor, 'update-table', { tableId: 't', status: 'available', section: 'bar' })
  const bare = table('t', { section: 'bar', ...moved })
  expect(free({ tables: [TAKEN], guests: [SEATED] })).toMatchObject({
    'guest a': { status: 'finished', tableId: null, finishedTime: NOW },
    'table t': bare,
  })
  const waits = guest('a', { tableId: 't' })
  expect(free({ tables: [TAKEN], guests: [waits] })).toEqual({ 'guest a': guest('a', moved), 'table t': bare })
  expect(free({ tables: [HELD], reservations: [COMES] })).toEqual({
    'reservation r': reservation('r', moved),
    'table t': bare,
  })
})

test('D10: a party is taken off a table, which keeps its status unless another is sent', () => {
  const off = (input: object) =>
    play({ tables: [TAKEN], guests: [SEATED] }, 'update-table', { tableId: 't', partyId: null, ...input })
  expect(off({})).toEqual({
    'guest a': { ...SEATED, tableId: null, ...moved },
    'table t': table('t', { status: 'occupied', ...moved }),
  })
  expect(off({ status: 'needs_cleaning' })).toMatchObject({ 'table t': { status: 'needs_cleaning', guestId: null } })
  const held = { tables: [HELD], reservations: [{ ...COMES, status: 'seated' as const }] }
  expect(play(held, 'update-table', { tableId: 't', partyId: null })).toMatchObject({
    'reservation r': { status: 'seated', tableId: null, endedAt: null },
  })
})

test('D10: a party named at a table moves there, whichever kind it is', () => {
  const floor: Floors = {
    tables: [TAKEN, table('u'), table('v', { status: 'out_of_service', reservationId: 'r' })],
    guests: [SEATED, guest('b')],
    reservations: [reservation('r', { tableId: 'v' }), reservation('s', { status: 'seated' })],
  }
  const name = (tableId: string, partyId: string, more: object = {}) =>
    play(floor, 'update-table', { tableId, partyId, ...more })
  expect(name('u', 'a')).toEqual({
    'guest a': { ...SEATED, tableId: 'u', ...moved },
    'table t': table('t', moved),
    'table u': table('u', { status: 'occupied', guestId: 'a', ...moved }),
  })
  expect(name('u', 'r', { section: 'bar' })).toEqual({
    'reservation r': reservation('r', { tableId: 'u', ...moved }),
    'table u': table('u', { status: 'reserved', reservationId: 'r', section: 'bar', ...moved }),
    'table v': table('v', { status: 'out_of_service', ...moved }),
  })
  expect(name('u', 's')).toMatchObject({ 'table u': { status: 'occupied', reservationId: 's', guestId: null } })
  expect(name('u', 'b', { status: 'needs_cleaning' })).toMatchObject({ 'table u': { status: 'needs_cleaning' } })
  // Already there: what changes nothing is no change.
  expect(name('t', 'a')).toEqual({})
  expect(name('t', 'x')).toBe('unknown-party')
  expect(name('t', 'b')).toBe('table-not-free')
  expect(name('t', 'r', { takeOver: true })).toMatchObject({
    'guest a': { status: 'waitlist', tableId: null, seatedTime: null },
    'table t': { status: 'reserved', reservationId: 'r', guestId: null },
  })
  const ended = { tables: [table('u')], guests: [guest('b', { status: 'finished' })] }
  expect(play(ended, 'update-table', { tableId: 'u', partyId: 'b' })).toBe('ended-with-table')
  expect(play(ended, 'update-table', { tableId: 'u', partyId: 'b', force: true })).toHaveProperty('guest b')
  const big = { tables: [table('u')], guests: [guest('b', { partySize: 5 })] }
  expect(play(big, 'update-table', { tableId: 'u', partyId: 'b' })).toBe('over-capacity')
})

test('D10: a reservation that is added has what was sent, and else what the server gives', () => {
  const made = { createdAt: NOW, updatedAt: NOW }
  expect(play({}, 'add-reservation', { guestName: 'Bo', partySize: 2 })).toEqual({
    'reservation new': reservation('new', { status: 'waitlist', ...made }),
  })
  const sent = { contactInfo: 'c', email: 'e@x.example', source: 'web', notes: 'n', specialRequests: 's' }
  const more = { ...sent, durationMinutes: 60, status: 'cancelled', reservationTime: '2026-11-23T11:00Z' } as const
  expect(play({}, 'add-reservation', { guestName: 'Bo', partySize: 2, ...more })).toEqual({
    'reservation new': reservation('new', { ...more, reservationTime: SENT, endedAt: NOW, ...made }),
  })
})

test('D10, V8: a reservation has the id that the device gave it, unless a party has it already', () => {
  const named = { id: 'mine', guestName: 'Bo', partySize: 2 }
  expect(play({}, 'add-reservation', named)).toHaveProperty('reservation mine')
  expect(play({ guests: [guest('mine')] }, 'add-reservation', named)).toBe('id-taken')
  expect(play({ reservations: [reservation('mine')] }, 'add-reservation', named)).toBe('id-taken')
})

test('D10: a reservation takes a free table, leaves it when it ends, and keeps its times by their statuses', () => {
  const change = (floor: Floors, input: object) => play(floor, 'update-reservation', { reservationId: 'r', ...input })
  const free = { tables: [table('t'), table('u')], reservations: [reservation('r')] }
  expect(change(free, { tableId: 't' })).toEqual({
    'reservation r': reservation('r', { tableId: 't', ...moved }),
    'table t': table('t', { status: 'reserved', reservationId: 'r', ...moved }),
  })
  expect(change(free, { tableId: 't', status: 'seated' })).toMatchObject({
    'reservation r': { status: 'seated', seatedTime: NOW },
    'table t': { status: 'occupied' },
  })
  const held = { tables: [HELD, table('u')], reservations: [COMES] }
  expect(change(held, { status: 'seated', seatedTime: SENT, finishedTime: SENT })).toEqual({
    'reservation r': { ...COMES, status: 'seated', seatedTime: SENT, ...moved },
    'table t': { ...HELD, status: 'occupied', ...moved },
  })
  expect(change(held, { notes: 'n', email: undefined })).toEqual({
    'reservation r': { ...COMES, notes: 'n', ...moved },
  })
  expect(change(held, { tableId: 'u' })).toEqual({
    'reservation r': { ...COMES, tableId: 'u', ...moved },
    'table t': table('t', moved),
    'table u': table('u', { status: 'reserved', reservationId: 'r', ...moved }),
  })
  expect(change(held, { tableId: null })).toEqual({
    'reservation r': reservation('r', moved),
    'table t': table('t', moved),
  })
  const kept = { tables: [{ ...HELD, status: 'out_of_service' as const }], reservations: [COMES] }
  expect(change(kept, { tableId: null })).toMatchObject({ 'table t': { status: 'out_of_service' } })
  expect(play(kept, 'cancel-reservation', { reservationId: 'r' })).toEqual({
    'reservation r': reservation('r', { status: 'cancelled', endedAt: NOW, ...moved }),
    'table t': table('t', moved),
  })
  expect(change(held, { tableId: 't' })).toEqual({})
  // Over, it keeps the table that it was given all the same.
  const late = { tables: [HELD], reservations: [{ ...COMES, status: 'finished' as const, endedAt: OLD }] }
  expect(change(late, { notes: 'n' })).toMatchObject({ 'reservation r': { tableId: 't', notes: 'n' } })
  // Over already, it may be called off all the same; given a table, it leaves none.
  const over = { tables: [table('t')], reservations: [reservation('r', { status: 'finished', endedAt: OLD })] }
  expect(play(over, 'cancel-reservation', { reservationId: 'r' })).toMatchObject({
    'reservation r': { status: 'cancelled', endedAt: OLD },
  })
  expect(Object.keys(change(over, { tableId: 't' }))).toEqual(['reservation r', 'table t'])
})

test('D10: what the server would refuse of a reservation is foreseen', () => {
  const change = (input: object, t = table('t')) =>
    play({ tables: [t], reservations: [reservation('r')] }, 'update-reservation', { reservationId: 'r', ...input })
  expect(change({ reservationId: 'x' })).toBe('reservation-not-found')
  expect(change({ version: 2 })).toBe('version-conflict')
  expect(change({ version: 1, notes: 'n' })).toHaveProperty('reservation r')
  expect(change({ status: 'finished' })).toBe('status-order')
  expect(change({ status: 'finished', force: true })).toMatchObject({ 'reservation r': { finishedTime: NOW } })
  expect(change({ status: 'cancelled', tableId: 't' })).toBe('ended-with-table')
  expect(change({ tableId: 'x' })).toBe('unknown-table')
  expect(change({ tableId: 't', partySize: 5 })).toBe('over-capacity')
  expect(change({ tableId: 't', partySize: 5, force: true })).toHaveProperty('table t')
  for (const more of [
    { guestId: 'a' },
    { reservationId: 's' },
    { status: 'occupied' },
    { status: 'reserved' },
  ] as const)
    expect(change({ tableId: 't', force: true }, table('t', more))).toBe('table-not-free')
  expect(change({ tableId: 't' }, table('t', { status: 'out_of_service' }))).toBe('table-not-free')
  expect(change({ tableId: 't', force: true }, table('t', { status: 'out_of_service' }))).toHaveProperty('table t')
})

test('D10: a time of a reservation counts only with its own status, and stays once it is set', () => {
  const had = { checkInTime: OLD, seatedTime: OLD, finishedTime: OLD, endedAt: OLD }
  const change = (before: object, input: object) =>
    play({ reservations: [reservation('r', before)] }, 'update-reservation', { reservationId: 'r', ...input })
  const sent = { checkInTime: SENT, seatedTime: SENT, finishedTime: SENT }
  const after = (times: object) => ({ 'reservation r': times })
  expect(change({}, sent)).toEqual({})
  expect(change({}, { status: 'arrived', ...sent })).toMatchObject(after({ checkInTime: SENT, seatedTime: null }))
  expect(change(had, { status: 'arrived' })).toMatchObject(after({ ...had, checkInTime: NOW, endedAt: null }))
  expect(change({ ...had, status: 'arrived' }, { status: 'arrived' })).toMatchObject(after({ checkInTime: OLD }))
  expect(change({ status: 'arrived' }, { status: 'arrived' })).toMatchObject(after({ checkInTime: NOW }))
  expect(change({ ...had, status: 'finished' }, { notes: 'n' })).toMatchObject(after(had))
  expect(change({ status: 'seated' }, { status: 'finished', finishedTime: SENT })).toMatchObject(
    after({ finishedTime: SENT, endedAt: NOW }),
  )
  expect(change({}, { reservationTime: '2026-11-23T11:00:00Z' })).toMatchObject(after({ reservationTime: SENT }))
  expect(change({ reservationTime: OLD }, { reservationTime: null })).toMatchObject(after({ reservationTime: null }))
})
