import { expect, test } from 'vitest'
import { BARE } from '../tables/rules.ts'
import { floorOf, guest, NOW, OLD, reservation, table, times } from '../../test/floors.ts'
import { NOBODY } from '../people/rules.ts'
import { UNTOLD } from '../parties/rules.ts'
import {
  decideDeleteGuest,
  decideJoin,
  decideMoveGuest,
  decideSeatGuest,
  decideSetGuestStatus,
  decideUpdateGuest,
  newGuest,
} from './rules.ts'

/** What the log is told and what a refusal shows. What becomes of each entity, the tests of the client's reducers show. */

const SEATED = guest('a', { status: 'seated', tableId: 't', seatedTime: OLD })
const WAITS = guest('b')
const TAKEN = table('t', { status: 'occupied', guestId: 'a' })
const FREE = table('u')
const floor = floorOf({ tables: [TAKEN, FREE], guests: [SEATED, WAITS] })

const free = { ...BARE, status: 'available' }

test('G5, G7: what happens comes in the order in which it can be stored, each with its event', () => {
  expect(decideUpdateGuest(floor, { guestId: 'b', tableId: 't', status: 'seated', takeOver: true }, NOW)).toEqual([
    {
      kind: 'guest',
      id: 'a',
      set: { status: 'waitlist', tableId: null, serverId: null, seatedTime: null, endedAt: null },
      event: 'displaced',
    },
    {
      kind: 'guest',
      id: 'b',
      set: { ...times, status: 'seated', seatedTime: NOW, tableId: 't', serverId: null },
      event: 'status-changed',
    },
    { kind: 'table', id: 't', set: { ...BARE, status: 'occupied', guestId: 'b' }, event: 'assigned' },
  ])
  expect(decideMoveGuest(floor, { guestId: 'a', tableId: 'u' }, NOW)).toEqual([
    {
      kind: 'guest',
      id: 'a',
      set: { ...times, status: 'seated', seatedTime: OLD, tableId: 'u', serverId: null },
      event: 'table-changed',
    },
    { kind: 'table', id: 't', set: free, event: 'freed' },
    { kind: 'table', id: 'u', set: { ...BARE, status: 'occupied', guestId: 'a' }, event: 'assigned' },
  ])
})

test('G10: a guest who is over keeps a table that it was given, until it ends once more', () => {
  const late = guest('c', { status: 'finished', tableId: 't', endedAt: OLD })
  const there = floorOf({ tables: [{ ...TAKEN, guestId: 'c' }], guests: [late] })
  const update = (input: object) => decideUpdateGuest(there, { guestId: 'c', ...input }, NOW)
  expect(update({ notes: 'n' })).toMatchObject([{ set: { tableId: 't' } }])
  expect(update({ status: 'finished' })).toMatchObject([{ set: { tableId: null } }, { id: 't', event: 'freed' }])
})

test('G3, G4: the event of a change keeps what was asked for', () => {
  const eventOf = (input: object) => decideUpdateGuest(floor, { guestId: 'b', ...input }, NOW)
  const of = (event: string) => [expect.objectContaining({ id: 'b', event })]
  expect(eventOf({ notes: 'n' })).toEqual(of('edited'))
  expect(eventOf({ tableId: null })).toEqual(of('table-changed'))
  expect(eventOf({ status: 'waitlist', tableId: null })).toEqual(of('status-changed'))
  expect(eventOf({ phase: 'waiting' })).toEqual(of('edited'))
  expect(eventOf({ phase: 'seated' })).toEqual(of('status-changed'))
  expect(decideSetGuestStatus(floor, { guestId: 'b', status: 'arrived' }, NOW)).toEqual(of('status-changed'))
  expect(decideSeatGuest(floor, { guestId: 'b', tableId: 'u' }, NOW)).toMatchObject([{ event: 'status-changed' }, {}])
})

test('G6, G15: a refusal has its status and shows what it is about', () => {
  const seat = (input: object) => decideSeatGuest(floor, { guestId: 'b', tableId: 'u', ...input }, NOW)
  expect(seat({ guestId: 'x' })).toMatchObject({ code: 'guest-not-found', status: 404, details: { guestId: 'x' } })
  expect(seat({ version: 2 })).toMatchObject({ code: 'version-conflict', status: 409, details: { guest: WAITS } })
  expect(seat({ tableId: 'x' })).toMatchObject({ code: 'unknown-table', status: 422, details: { tableId: 'x' } })
  expect(seat({ guestId: 'a' })).toMatchObject({ code: 'guest-not-waiting', status: 409, details: { guest: SEATED } })
  expect(seat({ tableId: 't' })).toMatchObject({ code: 'table-not-free', status: 409, details: { table: TAKEN } })
  expect(decideMoveGuest(floor, { guestId: 'b', tableId: 'u' }, NOW)).toMatchObject({
    code: 'guest-not-seated',
    status: 409,
    details: { guest: WAITS },
  })
  const update = (input: object) => decideUpdateGuest(floor, { guestId: 'b', ...input }, NOW)
  expect(update({ status: 'finished' })).toMatchObject({ code: 'status-order', status: 409, details: { guest: WAITS } })
  expect(update({ status: 'finished', tableId: 'u' })).toMatchObject({ code: 'ended-with-table', status: 422 })
  expect(update({ tableId: 'u', partySize: 5 })).toMatchObject({ code: 'over-capacity', status: 409 })
  // A party that sits already may take another table.
  expect(update({ guestId: 'a', tableId: 'u' })).toHaveLength(3)
})

test('G1, G2: a guest who joins at a table displaces the party there first', () => {
  const join = (more: object, insistence = {}) =>
    decideJoin(floor, { id: 'n', status: 'waitlist', partySize: 2, tableId: null, ...more }, insistence, NOW)
  expect(join({})).toEqual({ serverId: null, before: [], after: [] })
  expect(join({ tableId: 't' }, { takeOver: true })).toMatchObject({
    before: [{ id: 'a', event: 'displaced' }],
    after: [{ id: 't', set: { guestId: 'n' }, event: 'assigned' }],
  })
  expect(join({ tableId: 't' })).toMatchObject({ code: 'table-not-free' })
  expect(join({ tableId: 'x' })).toMatchObject({ code: 'unknown-table', details: { tableId: 'x' } })
  expect(join({ tableId: 'x', status: 'no_show' })).toMatchObject({ code: 'ended-with-table' })
  const made = {
    status: 'waitlist',
    partySize: 2,
    tableId: null,
    checkedIn: true,
    takeOver: true,
    force: true,
  } as const
  const stamps = { version: 1, createdAt: NOW, updatedAt: NOW }
  const none = { ...NOBODY, ...UNTOLD, ...times }
  const waits = { id: 'n', status: 'waitlist', partySize: 2, tableId: null, serverId: null, ...none, ...stamps }
  expect(newGuest('n', made, NOW)).toEqual({ ...waits, checkInTime: NOW })
  expect(newGuest('n', { ...made, checkedIn: false }, NOW)).toEqual(waits)
})

test('G10, V7: a guest who goes leaves reservations and the table behind, unless one is expected', () => {
  const linked = [reservation('r', { guestId: 'a' })]
  expect(decideDeleteGuest(floor, { guestId: 'a' }, { isExpected: false, linked })).toEqual([
    { kind: 'reservation', id: 'r', set: { guestId: null }, event: 'edited' },
    { kind: 'guest', id: 'a', set: null, event: 'deleted' },
    { kind: 'table', id: 't', set: free, event: 'freed' },
  ])
  expect(decideDeleteGuest(floor, { guestId: 'b' }, { isExpected: false, linked: [] })).toHaveLength(1)
  const kept = { code: 'guest-has-reservations', status: 409, details: { guest: SEATED } }
  expect(decideDeleteGuest(floor, { guestId: 'a' }, { isExpected: true, linked: [] })).toMatchObject(kept)
})
