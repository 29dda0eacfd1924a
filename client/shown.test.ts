import { expect, test } from 'vitest'
import { confirmed, guest, mutation, NOW, reservation, table } from '../test/floors.ts'
import { Floor } from './floor.ts'
import type { Mutation } from './mutations.ts'
import type { Queue } from './queue.ts'
import type { Confirmed } from './state.ts'

/** What is shown stays the same object as long as it is the same, and has one set of names. */

function shown(state: Confirmed, waiting: Mutation[]) {
  const queue = { missingIn: () => waiting } as unknown as Queue
  return { floor: new Floor(state, queue), waiting }
}

test('D20: with many changes that are not decided, one of somebody else makes one entity anew and no other', () => {
  const ids = Array.from({ length: 60 }, (_, n) => `g${n}`)
  const state = confirmed({ guests: [...ids, 'other'].map((id) => guest(id)), tables: [table('t')] })
  const waiting = ids.map((id, n) =>
    mutation('update-guest', { guestId: id, notes: 'n', dietaryRestrictions: ['nuts', id] }, `m${n}`),
  )
  const { floor } = shown(state, [...waiting, mutation('add-guest', { id: 'new', firstName: 'Bo', partySize: 2 }, 'm')])
  const before = new Map(floor.guests.map((each) => [each.id, each]))
  state.apply({
    epoch: 'e',
    seq: 2,
    at: NOW,
    command: 'update-guest',
    mutationId: null,
    actorId: null,
    device: null,
    entries: [{ op: 'put', kind: 'guest', id: 'other', version: 2, value: { ...guest('other', { notes: 'x' }) } }],
  })
  floor.refresh()
  expect(floor.guests.filter((each) => before.get(each.id) !== each).map(({ id }) => id)).toEqual(['other'])
  // Nobody looked in between: what was shown last counts.
  floor.refresh()
  floor.refresh()
  expect(floor.get('guest', 'g7')).toBe(before.get('g7'))
  // One of them changed under what is done to it here.
  const changed = guest('g7', { phone: '1', version: 2 })
  state.apply({ ...change(3), entries: [{ op: 'put', kind: 'guest', id: 'g7', version: 2, value: { ...changed } }] })
  floor.refresh()
  expect(floor.get('guest', 'g7')).toMatchObject({ phone: '1', notes: 'n' })
  expect(floor.get('guest', 'g8')).toBe(before.get('g8'))
})

const change = (seq: number) => ({
  epoch: 'e',
  seq,
  at: NOW,
  command: 'test',
  mutationId: null,
  actorId: null,
  device: null,
})

test('D20: guests and reservations are parties under one set of names, the same object while they are the same', () => {
  const times = { checkInTime: NOW, seatedTime: NOW, finishedTime: NOW, endedAt: NOW }
  const facts = {
    email: 'e',
    notes: 'n',
    specialRequests: 's',
    reservationTime: NOW,
    tableId: 't',
    partySize: 3,
    version: 4,
  }
  const one = guest('g', {
    ...facts,
    ...times,
    lastName: 'King',
    phone: '1',
    dietaryRestrictions: ['nuts'],
    status: 'finished',
  })
  const other = reservation('r', {
    ...facts,
    ...times,
    contactInfo: '2',
    guestId: 'g',
    durationMinutes: 75,
    status: 'cancelled',
  })
  const { floor } = shown(confirmed({ guests: [one, guest('h')], reservations: [other] }), [])
  const [first, second, third] = floor.parties
  const same = {
    version: 4,
    size: 3,
    tableId: 't',
    email: 'e',
    bookedFor: NOW,
    cameAt: NOW,
    satAt: NOW,
    leftAt: NOW,
    endedAt: NOW,
    madeAt: one.createdAt,
    notes: 'n',
    requests: 's',
  }
  expect(first).toEqual({
    ...same,
    kind: 'guest',
    id: 'g',
    name: 'Ada King',
    status: 'finished',
    guestId: null,
    phone: '1',
    bookedMinutes: null,
    diets: ['nuts'],
  })
  expect(second).toMatchObject({ id: 'h', name: 'Ada', endedAt: null })
  expect(third).toEqual({
    ...same,
    kind: 'reservation',
    id: 'r',
    name: 'Bo',
    status: 'cancelled',
    guestId: 'g',
    phone: '2',
    bookedMinutes: 75,
    diets: [],
  })
  expect(floor.parties).toBe(floor.parties)
  floor.add(mutation('update-guest', { guestId: 'h', notes: 'x' }, 'm'))
  expect(floor.parties.map((party, n) => party === [first, second, third][n])).toEqual([true, false, true])
})

test('D20, D10: what is likely refused says what stands in its way, as it is shown', () => {
  const state = confirmed({
    tables: [table('t', { status: 'occupied', guestId: 'a' }), table('u')],
    guests: [guest('a')],
  })
  const { floor } = shown(state, [
    mutation('seat-guest', { guestId: 'a', tableId: 'x' }, 'm1'),
    mutation('add-table', { number: 'Nu', capacity: 2, x: 0, y: 0 }, 'm2'),
    mutation('remove-table', { tableId: 't' }, 'm3'),
    mutation('update-table', { tableId: 'u', partyId: 7 }, 'm4'),
  ])
  expect([...floor.unlikely.values()]).toMatchObject([
    { code: 'unknown-table', entity: { kind: 'table', id: 'x' }, current: null },
    { code: 'table-number-taken', entity: { kind: 'table', id: 'u' }, current: { version: 1, value: { id: 'u' } } },
    { code: 'table-occupied', entity: { kind: 'table', id: 't' }, current: { kind: 'table', value: { guestId: 'a' } } },
    { code: 'unknown-party', entity: null, current: null },
  ])
})
