import { expect, test } from 'vitest'
import type { Instant } from '../../platform/clock.ts'
import { limits } from '../../platform/limits.ts'
import { LockedRows } from './locked-rows.ts'
import type { Entry } from '../log/log.ts'
import { isSame, Told } from './told.ts'

/** What a command says of what it did, and what it knows of the rows it has locked. */

const put = (id: string, event: string, version = 1, more: object = {}): Entry => ({
  op: 'put',
  kind: 'guest',
  id,
  event,
  version,
  value: { id, event },
  ...more,
})
const drop = (id: string, kind = 'guest'): Entry => ({ op: 'drop', kind, id, event: 'deleted', version: 9 })
const toldOf = (entries: readonly Entry[], withUnchanged = false): Entry[] => {
  const told = new Told()
  for (const entry of entries) told.tell(entry)
  return told.entries(withUnchanged)
}

test('L2: each entity is told of once, with what is true of it in the end', () => {
  expect(toldOf([put('a', 'seated'), put('b', 'edited'), put('a', 'moved', 2)])).toEqual([
    put('a', 'moved', 2),
    put('b', 'edited'),
  ])
  expect(toldOf([put('a', 'seated'), drop('a')])).toEqual([drop('a')])
  expect(toldOf([put('a', 'created'), drop('a')])).toEqual([drop('a')])
  expect(toldOf([drop('a'), put('a', 'created')])).toEqual([put('a', 'created')])
  expect(toldOf([drop('a'), drop('a', 'table')])).toHaveLength(2)
})

test('L2, C4: what was created stays so, and what was asked for in a batch, whatever that moved besides', () => {
  for (const event of ['created', 'batched']) {
    const [entry] = toldOf([put('a', event), put('a', 'seated', 2)])
    expect(entry).toEqual({ ...put('a', 'seated', 2), event })
  }
})

test('L19: what is as it was is told to who asks for it, until there is news of it', () => {
  const old = { unchanged: true }
  const unchanged = put('a', 'edited', 1, old)
  expect([toldOf([unchanged]), toldOf([unchanged], true)]).toEqual([[], [unchanged]])
  // Told twice it is still as it was, and so it is while its version is the same.
  expect(toldOf([unchanged, put('a', 'moved', 1, old)], true)).toEqual([put('a', 'moved', 1, old)])
  expect(toldOf([unchanged, put('a', 'moved')])).toEqual([])
  expect(toldOf([unchanged, put('a', 'moved')], true)).toEqual([put('a', 'moved', 1, old)])
  // Later it is news, and what was news stays so.
  expect(toldOf([unchanged, put('a', 'moved', 2)])).toEqual([put('a', 'moved', 2)])
  expect(toldOf([unchanged, put('a', 'moved', 2, old)], true)).toEqual([put('a', 'moved', 2, old)])
  expect(toldOf([put('a', 'seated'), put('a', 'moved', 1, old)])).toEqual([put('a', 'moved')])
  expect(toldOf([unchanged, drop('a')])).toEqual([drop('a')])
})

test('L2: a command touches no more entities than the limit says', () => {
  const told = new Told()
  for (let n = 0; n < limits.entriesPerChange; n++) told.tell(put(`${n}`, 'edited'))
  told.tell(put('0', 'edited'))
  expect(() => told.tell(put('one more', 'edited'))).toThrow(
    expect.objectContaining({ code: 'too-large', status: 422 }) as Error,
  )
})

test('B2: what was told before a part is there to come back to', () => {
  const told = new Told()
  told.tell(put('a', 'seated'))
  const before = told.copy()
  told.tell(put('b', 'seated'))
  before.tell(put('c', 'seated'))
  expect(told.entries(false).map(({ id }) => id)).toEqual(['a', 'b'])
  expect(before.entries(false).map(({ id }) => id)).toEqual(['a', 'c'])
})

test('L19: two states are the same where they differ in nothing but when they were stored', () => {
  const at = (hour: number) => `2026-11-23T${hour}:00:00.000000Z` as Instant
  const before = { id: 'a', version: 1, updatedAt: at(10), tags: ['x'], at: { x: 0 } }
  expect(isSame(before, { ...before, version: 2, updatedAt: at(11), tags: ['x'], at: { x: 0 } })).toBe(true)
  expect(isSame(before, { ...before, tags: ['x', 'y'] })).toBe(false)
  expect(isSame(before, { ...before, at: { x: 1 } })).toBe(false)
  expect(isSame(before, { ...before, id: 'b' })).toBe(false)
  // A state may be told in part: what it leaves out is as it was.
  expect(isSame(before, { id: 'a' })).toBe(true)
})

test('L18, P20: of rows that are locked it is known what they are, that they are none, or nothing', () => {
  const held = new LockedRows()
  const [a, b] = [{ id: 'a' }, { id: 'b' }]
  expect([held.of('guest', 'a'), held.all('guest', ['a'])]).toEqual([undefined, undefined])
  held.note('guest', ['a', 'b', 'none'], [b, a])
  expect([held.of('guest', 'a'), held.of('guest', 'none'), held.of('table', 'a')]).toEqual([a, null, undefined])
  expect(held.all('guest', ['none', 'b', 'a'])).toEqual([b, a])
  expect(held.all('guest', ['a', 'unknown'])).toBeUndefined()
  const before = held.copy()
  held.set('guest', 'a', null)
  held.set('guest', 'c', { id: 'c' })
  expect([held.of('guest', 'a'), held.of('guest', 'c')]).toEqual([null, { id: 'c' }])
  expect([before.of('guest', 'a'), before.of('guest', 'c')]).toEqual([a, undefined])
})
