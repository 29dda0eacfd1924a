import { expect, test } from 'vitest'
import { confirmed, guest, mutation, reservation, table } from '../test/floors.ts'
import { Floor } from './floor.ts'
import type { Mutation } from './mutations.ts'
import { lay, replay } from './optimistic.ts'
import type { Queue } from './queue.ts'
import type { Confirmed } from './state.ts'
import { View } from './view.ts'

test('D10: mutations are laid one over the other; one that is likely refused, or not understood, changes nothing', () => {
  const state = confirmed({ tables: [table('t'), table('u')] })
  const all = [
    mutation('add-guest', { firstName: 'Ada', partySize: 2 }, 'g'),
    { ...mutation('seat-guest', {}, 'm2'), params: { guestId: 'g' }, body: { tableId: 't' } },
    mutation('remove-table', { tableId: 't' }, 'm3'),
    mutation('remove-table', { tableId: 'u' }, 'm4'),
    mutation('set-guest-status', { guestId: 'g', status: 'asleep', force: true }, 'm5'),
    mutation('of-a-later-version', {}, 'm6'),
    mutation('update-table', { tableId: 't', partyId: 7, status: 'reserved' }, 'm7'),
  ]
  const shown = replay(state, all.slice(0, 4))
  for (const each of all.slice(4)) lay(shown, each)
  expect([...shown.unlikely].map(([id, { code }]) => [id, code])).toEqual([
    ['m3', 'table-occupied'],
    ['m5', 'invalid-input'],
    ['m7', 'unknown-party'],
  ])
  expect([...shown.view.touched()].sort()).toEqual(['guest g', 'table t', 'table u'])
  expect(shown.view.get('table', 'u')).toBeUndefined()
  expect([...shown.view.of('guest')].map(({ id, status }) => [id, status])).toEqual([['g', 'seated']])
})

test('D10: work that fails half-way is taken back whole', () => {
  const view = new View(confirmed({ tables: [table('t'), table('u')] }))
  view.put('table', table('t', { section: 'bar' }))
  const fail = () => {
    view.put('table', table('t', { section: 'terrace' }))
    view.put('table', table('u', { section: 'terrace' }))
    view.drop('table', 'u')
    view.put('guest', guest('g'))
    throw new Error('half-way')
  }
  expect(() => view.attempt(fail)).toThrow('half-way')
  expect([view.get('table', 't')?.section, view.get('table', 'u')?.section, view.get('guest', 'g')]).toEqual([
    'bar',
    null,
    undefined,
  ])
  expect([...view.touched()]).toEqual(['table t'])
  // What was done before stays done when a later attempt fails.
  view.attempt(() => view.drop('table', 'u'))
  expect(() => view.attempt(fail)).toThrow('half-way')
  expect([...view.of('table')].map(({ id, section }) => [id, section])).toEqual([['t', 'bar']])
})

test('D10: the floor is made anew only when something changed, and says what is only this device’s word', () => {
  const state = confirmed({ tables: [table('t'), table('u')], guests: [guest('a')], reservations: [reservation('r')] })
  let waiting: Mutation[] = []
  let asked = 0
  const queue = {
    missingIn: (of: Confirmed) => {
      expect(of).toBe(state)
      asked++
      return waiting
    },
  } as unknown as Queue
  const floor = new Floor(state, queue)
  const shown = () => [floor.tables, floor.guests, floor.reservations].map((list) => list.length)
  expect([shown(), shown(), asked]).toEqual([[2, 1, 1], [2, 1, 1], 1])
  expect(floor.tables).toBe(floor.tables)
  expect(floor.isPending('guest', 'a')).toBe(false)
  floor.add(mutation('seat-guest', { guestId: 'a', tableId: 't' }, 'm1'))
  expect([floor.isPending('guest', 'a'), floor.isPending('table', 't'), floor.isPending('table', 'u')]).toEqual([
    true,
    true,
    false,
  ])
  expect([floor.get('table', 't')?.guestId, floor.guests[0]?.status, asked]).toEqual(['a', 'seated', 1])
  floor.add(mutation('seat-guest', { guestId: 'x', tableId: 't' }, 'm2'))
  expect([...floor.unlikely]).toEqual([
    ['m2', { code: 'guest-not-found', entity: { kind: 'guest', id: 'x' }, current: null }],
  ])
  // What was made of it has changed: from the beginning, with what still waits.
  waiting = [mutation('delete-guest', { guestId: 'a' }, 'm3')]
  floor.refresh()
  expect([shown(), asked, floor.isPending('table', 't'), floor.unlikely.size]).toEqual([[2, 0, 1], 2, false, 0])
  floor.refresh()
  // Nothing is shown yet: what is added now comes from the queue.
  waiting = [mutation('add-table', { number: '9', capacity: 2, x: 0, y: 0 }, 'm4')]
  floor.add(waiting[0]!)
  expect([shown(), asked]).toEqual([[3, 1, 1], 3])
})
