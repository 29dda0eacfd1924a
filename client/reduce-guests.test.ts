import { expect, test } from 'vitest'
import { guest, moved, NOW, OLD, play, reservation, SENT, table } from '../test/floors.ts'
import type { Floors } from '../test/floors.ts'
import type { CommandName, Inputs } from './commands.ts'
import { instant } from './inputs.ts'
import type { Guest } from './words.ts'

/** What is shown before the server has said, command by command. That it is what the server then says, optimistic.db.test.ts shows. */

test('D10: a guest who is added has what was sent, and else what the server gives', () => {
  expect(play({}, 'add-guest', { firstName: 'Ada', partySize: 2 })).toEqual({
    'guest new': guest('new', { checkInTime: NOW, createdAt: NOW, updatedAt: NOW }),
  })
  const sent = {
    lastName: 'L',
    email: 'a@x.example',
    phone: '1',
    notes: 'n',
    specialRequests: 's',
    dietaryRestrictions: ['nuts'],
  }
  const given = { ...sent, reservationTime: '2026-11-23T11:00Z', checkInTime: '2026-11-23T11:00:00Z', status: 'seated' }
  expect(play({}, 'add-guest', { id: 'g', firstName: 'Ada', partySize: 2, ...given } as Inputs['add-guest'])).toEqual({
    'guest g': guest('g', {
      ...sent,
      status: 'seated',
      reservationTime: SENT,
      checkInTime: SENT,
      seatedTime: NOW,
      createdAt: NOW,
      updatedAt: NOW,
    }),
  })
  const later = { firstName: 'Ada', partySize: 2, checkedIn: false, seatedTime: SENT, finishedTime: SENT }
  expect(play({}, 'add-guest', later)).toMatchObject({
    'guest new': { checkInTime: null, seatedTime: SENT, finishedTime: SENT },
  })
  for (const floor of [{ guests: [guest('g')] }, { reservations: [reservation('g')] }])
    expect(play(floor, 'add-guest', { id: 'g', firstName: 'Ada', partySize: 2 })).toBe('id-taken')
})

test('D10: a guest may join at a table, by the rules of seating', () => {
  const join = (floor: Floors, more: object = {}) =>
    play(floor, 'add-guest', { firstName: 'Ada', partySize: 2, status: 'seated', tableId: 't', ...more })
  expect(join({ tables: [table('t')] })).toMatchObject({
    'guest new': { tableId: 't', seatedTime: NOW, version: 1 },
    'table t': table('t', { status: 'occupied', guestId: 'new', ...moved }),
  })
  expect(join({ tables: [table('t')] }, { status: 'finished' })).toBe('ended-with-table')
  expect(join({})).toBe('unknown-table')
  expect(join({ tables: [table('t', { capacity: 1 })] })).toBe('over-capacity')
  expect(join({ tables: [table('t', { capacity: 2 })] })).toHaveProperty('guest new')
  expect(join({ tables: [table('t', { capacity: 1 })] }, { force: true })).toHaveProperty('guest new')
  for (const status of ['reserved', 'out_of_service', 'needs_cleaning', 'occupied'] as const) {
    expect(join({ tables: [table('t', { status })] })).toBe('table-not-free')
    expect(join({ tables: [table('t', { status })] }, { force: true })).toHaveProperty('guest new')
  }
})

const SEATED = guest('a', { status: 'seated', tableId: 't', seatedTime: OLD, endedAt: null })
const TAKEN = table('t', { status: 'occupied', guestId: 'a' })

test('D10: a table with a party is taken over only by who says so; the party goes back to the waitlist', () => {
  const floor = { tables: [TAKEN], guests: [SEATED, guest('b')] }
  const seat = (more: object) => play(floor, 'update-guest', { guestId: 'b', tableId: 't', status: 'seated', ...more })
  expect(seat({})).toBe('table-not-free')
  expect(seat({ force: true })).toBe('table-not-free')
  expect(seat({ takeOver: true })).toEqual({
    'guest a': guest('a', moved),
    'guest b': guest('b', { status: 'seated', tableId: 't', seatedTime: NOW, ...moved }),
    'table t': table('t', { status: 'occupied', guestId: 'b', ...moved }),
  })
  const held = { tables: [table('t', { status: 'reserved', reservationId: 'r' })], guests: [guest('b')] }
  const reserved = { ...held, reservations: [reservation('r', { tableId: 't' })] }
  expect(play(reserved, 'update-guest', { guestId: 'b', tableId: 't' })).toBe('table-not-free')
  expect(play(reserved, 'update-guest', { guestId: 'b', tableId: 't', takeOver: true })).toEqual({
    'guest b': guest('b', { tableId: 't', ...moved }),
    'reservation r': reservation('r', moved),
    'table t': table('t', { status: 'occupied', guestId: 'b', ...moved }),
  })
})

test('D10: seating and moving a guest', () => {
  const floor = { tables: [TAKEN, table('u')], guests: [SEATED, guest('b')] }
  expect(play(floor, 'seat-guest', { guestId: 'b', tableId: 'u' })).toEqual({
    'guest b': guest('b', { status: 'seated', tableId: 'u', seatedTime: NOW, ...moved }),
    'table u': table('u', { status: 'occupied', guestId: 'b', ...moved }),
  })
  expect(play(floor, 'seat-guest', { guestId: 'a', tableId: 'u' })).toBe('guest-not-waiting')
  expect(play(floor, 'seat-guest', { guestId: 'a', tableId: 'u', force: true })).toMatchObject({
    'table t': { status: 'available', guestId: null },
    'table u': { guestId: 'a' },
  })
  expect(play(floor, 'seat-guest', { guestId: 'x', tableId: 'u' })).toBe('guest-not-found')
  expect(play(floor, 'seat-guest', { guestId: 'b', tableId: 'u', version: 2 })).toBe('version-conflict')
  expect(play(floor, 'seat-guest', { guestId: 'b', tableId: 'u', version: 1 })).toHaveProperty('guest b')
  expect(play(floor, 'move-guest', { guestId: 'a', tableId: 'u' })).toEqual({
    'guest a': { ...SEATED, tableId: 'u', ...moved },
    'table t': table('t', moved),
    'table u': table('u', { status: 'occupied', guestId: 'a', ...moved }),
  })
  expect(play(floor, 'move-guest', { guestId: 'b', tableId: 'u' })).toBe('guest-not-seated')
  expect(play(floor, 'move-guest', { guestId: 'a', tableId: 'u', version: 7 })).toBe('version-conflict')
  const small = { ...floor, tables: [TAKEN, table('u', { capacity: 1 })] }
  expect(play(small, 'move-guest', { guestId: 'a', tableId: 'u' })).toBe('over-capacity')
  expect(play(small, 'move-guest', { guestId: 'a', tableId: 'u', force: true })).toHaveProperty('table u')
})

test('D10: what a host said of a table stays when its party goes elsewhere, and ends when the visit does', () => {
  const floor = { tables: [{ ...TAKEN, status: 'out_of_service' as const }, table('u')], guests: [SEATED] }
  const after = (command: CommandName, input: object) => play(floor, command, input as never)
  expect(after('move-guest', { guestId: 'a', tableId: 'u' })).toMatchObject({ 'table t': { status: 'out_of_service' } })
  expect(after('delete-guest', { guestId: 'a' })).toEqual({
    'guest a': null,
    'table t': table('t', { status: 'out_of_service', ...moved }),
  })
  expect(after('update-guest', { guestId: 'a', tableId: null })).toMatchObject({
    'guest a': { tableId: null, status: 'seated' },
    'table t': { status: 'out_of_service', guestId: null },
  })
  expect(after('set-guest-status', { guestId: 'a', status: 'finished' })).toMatchObject({
    'guest a': { tableId: null, finishedTime: NOW, endedAt: NOW },
    'table t': { status: 'available', guestId: null },
  })
  expect(play({ guests: [guest('b')] }, 'delete-guest', { guestId: 'b' })).toEqual({ 'guest b': null })
  expect(play({ guests: [guest('b')] }, 'delete-guest', { guestId: 'b', version: 2 })).toBe('version-conflict')
})

test('D10: a status follows the order unless forced, and sets its own time only', () => {
  const set = (of: Guest, input: object) =>
    play({ guests: [of] }, 'set-guest-status', { guestId: 'b', ...input } as never)
  expect(set(guest('b'), { status: 'finished' })).toBe('status-order')
  expect(set(guest('b'), { status: 'finished', force: true, at: SENT })).toEqual({
    'guest b': guest('b', { status: 'finished', finishedTime: SENT, endedAt: NOW, ...moved }),
  })
  for (const status of ['arrived', 'partially_arrived'] as const) {
    expect(set(guest('b'), { status })).toEqual({ 'guest b': guest('b', { status, checkInTime: NOW, ...moved }) })
    expect(set(guest('b', { checkInTime: OLD }), { status })).toMatchObject({ 'guest b': { checkInTime: OLD } })
    expect(set(guest('b', { checkInTime: OLD }), { status, at: SENT })).toMatchObject({
      'guest b': { checkInTime: SENT },
    })
  }
  expect(set(guest('b'), { status: 'seated', at: SENT })).toEqual({
    'guest b': guest('b', { status: 'seated', seatedTime: SENT, ...moved }),
  })
  expect(set(guest('b'), { status: 'cancelled', at: SENT })).toEqual({
    'guest b': guest('b', { status: 'cancelled', endedAt: NOW, ...moved }),
  })
  expect(set(guest('b'), { status: 'arrived', version: 9 })).toBe('version-conflict')
})

test('D10: an edit of a guest changes what was sent, and a phase only when it is another', () => {
  const floor = { tables: [TAKEN, table('u')], guests: [SEATED, guest('b', { status: 'arrived', notes: 'old' })] }
  const edit = (input: object) => play(floor, 'update-guest', { guestId: 'b', ...input })
  expect(edit({ partySize: 3, notes: null, email: undefined })).toEqual({
    'guest b': guest('b', { status: 'arrived', partySize: 3, notes: null, ...moved }),
  })
  expect(
    edit({ reservationTime: '2026-11-23T11:00:00.0Z', checkInTime: SENT, seatedTime: SENT, finishedTime: SENT }),
  ).toEqual({
    'guest b': guest('b', {
      status: 'arrived',
      notes: 'old',
      reservationTime: SENT,
      checkInTime: SENT,
      seatedTime: SENT,
      finishedTime: SENT,
      ...moved,
    }),
  })
  const comes = { guests: [guest('b', { reservationTime: OLD })] }
  expect(play(comes, 'update-guest', { guestId: 'b', reservationTime: null })).toMatchObject({
    'guest b': { reservationTime: null },
  })
  expect(play(comes, 'update-guest', { guestId: 'b', notes: 'n' })).toMatchObject({
    'guest b': { reservationTime: OLD },
  })
  expect(edit({ phase: 'waiting' })).toEqual({})
  expect(edit({ phase: 'seated' })).toMatchObject({ 'guest b': { status: 'seated', seatedTime: NOW } })
  expect(edit({ phase: 'completed' })).toBe('status-order')
  expect(edit({ phase: 'completed', force: true })).toMatchObject({ 'guest b': { status: 'finished' } })
  expect(edit({ phase: 'seated', status: 'cancelled' })).toMatchObject({ 'guest b': { status: 'cancelled' } })
  expect(edit({ status: 'cancelled', tableId: 'u' })).toBe('ended-with-table')
  expect(edit({ version: 3 })).toBe('version-conflict')
  const ended = { tables: [table('u')], guests: [guest('b', { status: 'no_show', endedAt: OLD })] }
  expect(play(ended, 'update-guest', { guestId: 'b', tableId: 'u' })).toBe('guest-not-waiting')
  expect(play(ended, 'update-guest', { guestId: 'b', tableId: 'u', force: true })).toHaveProperty('table u')
  // Who stands up keeps no table, who was never seated keeps theirs.
  expect(play(floor, 'update-guest', { guestId: 'a', status: 'waitlist' })).toMatchObject({
    'guest a': { tableId: null },
    'table t': { status: 'available', guestId: null },
  })
  const waits = guest('a', { tableId: 't' })
  expect(play({ tables: [TAKEN], guests: [waits] }, 'update-guest', { guestId: 'a', status: 'arrived' })).toEqual({
    'guest a': { ...waits, status: 'arrived', ...moved },
  })
})

test('D10: of several refusals the one is foreseen that the server comes upon first', () => {
  const floor = { tables: [TAKEN], guests: [SEATED, guest('b')] }
  const nowhere = { guestId: 'b', tableId: 'x' }
  for (const command of ['seat-guest', 'move-guest', 'update-guest'] as const) {
    expect(play(floor, command, nowhere)).toBe('unknown-table')
    expect(play(floor, command, { ...nowhere, version: 2 })).toBe('version-conflict')
  }
  expect(play(floor, 'seat-guest', { guestId: 'a', tableId: 'x' })).toBe('unknown-table')
  const ends = { guestId: 'b', status: 'finished' } as const
  expect(play(floor, 'update-guest', { ...ends, tableId: 't' })).toBe('ended-with-table')
  expect(play(floor, 'update-guest', { ...ends, tableId: 'x' })).toBe('unknown-table')
  expect(play(floor, 'update-guest', { ...ends, tableId: null })).toBe('status-order')
  // The database refuses an id in use, and it is asked last.
  const joins = { id: 'b', firstName: 'Ada', partySize: 2 }
  expect(play(floor, 'add-guest', joins)).toBe('id-taken')
  expect(play(floor, 'add-guest', { ...joins, tableId: 't' })).toBe('table-not-free')
  expect(play(floor, 'add-guest', { ...joins, tableId: 'x', status: 'finished' })).toBe('ended-with-table')
})

test('D10: who stands up for another table leaves the first as a host said it is', () => {
  const floor = { tables: [{ ...TAKEN, status: 'out_of_service' as const }, table('u')], guests: [SEATED] }
  expect(play(floor, 'update-guest', { guestId: 'a', status: 'waitlist', tableId: 'u' })).toMatchObject({
    'guest a': { status: 'waitlist', tableId: 'u' },
    'table t': { status: 'out_of_service', guestId: null },
  })
})

test('D10: a table that a host said is reserved stays so when a guest leaves it', () => {
  const floor = { tables: [{ ...TAKEN, status: 'reserved' as const }, table('u')], guests: [SEATED] }
  expect(play(floor, 'move-guest', { guestId: 'a', tableId: 'u' })).toMatchObject({
    'table t': { status: 'reserved', guestId: null },
  })
})

test('D10: a guest whose reservation is to come stays; a reservation that is not is left without its guest', () => {
  const floor = (status: Guest['status']) => ({
    guests: [guest('b')],
    reservations: [reservation('r', { guestId: 'b', status }), reservation('s', { guestId: 'c', status: 'seated' })],
  })
  for (const status of ['waitlist', 'arrived', 'seated'] as const)
    expect(play(floor(status), 'delete-guest', { guestId: 'b' }), status).toBe('guest-has-reservations')
  for (const status of ['confirmed', 'finished', 'cancelled'] as const)
    expect(play(floor(status), 'delete-guest', { guestId: 'b' })).toEqual({
      'guest b': null,
      'reservation r': reservation('r', { status, ...moved }),
    })
})

test('D10: every time may be written short', () => {
  const short = '2026-11-23T11:00Z'
  const edit = { seatedTime: short, finishedTime: short, checkInTime: short, reservationTime: short }
  const full = { seatedTime: SENT, finishedTime: SENT, checkInTime: SENT, reservationTime: SENT }
  const floor = { guests: [guest('b')] }
  expect(play(floor, 'update-guest', { guestId: 'b', ...edit })).toMatchObject({ 'guest b': full })
  const sits = { guestId: 'b', status: 'seated', at: short } as const
  expect(play(floor, 'set-guest-status', sits)).toMatchObject({ 'guest b': { seatedTime: SENT } })
})

test('D10: a time is taken to the microsecond, and what is no time is none', () => {
  expect(instant('2026-11-23T11:00:07.1234567Z')).toBe('2026-11-23T11:00:07.123456Z')
  for (const text of ['at 2026-11-23T11:00:00Z', '2026-11-23T11:00:00Z.', '2026-11-23T11:00:00', ''])
    expect(instant(text)).toBeUndefined()
})
