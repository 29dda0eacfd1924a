import { expect, test } from 'vitest'
import { instantOfMicros } from '../../platform/clock.ts'
import { limits } from '../../platform/limits.ts'
import { RecentChanges, type Recent } from './recent.ts'

const change = (seq: number, text = `change ${seq}`): Recent => ({
  seq,
  at: instantOfMicros(seq),
  text,
})
const changes = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => change(from + n))
const seqs = (found: readonly Recent[] | null) => found?.map(({ seq }) => seq)

test('F1: what was read from the log joins what memory has, without a gap or not at all', () => {
  const recent = new RecentChanges()
  expect(recent.after(7)).toBeNull()
  recent.prepend(changes(5, 6), { seq: 4, at: change(4).at }, 7)
  expect(recent.after(5)).toBeNull()
  recent.prepend(changes(5, 9), { seq: 4, at: change(4).at }, 7)
  expect(seqs(recent.after(4))).toEqual([5, 6, 7])
  expect([recent.timeOf(3), recent.timeOf(4), recent.timeOf(6)]).toEqual([null, change(4).at, change(6).at])
  recent.push(change(8))
  recent.prepend(changes(3, 8), { seq: 2, at: undefined }, 8)
  expect(seqs(recent.after(2))).toEqual([3, 4, 5, 6, 7, 8])
  expect(recent.timeOf(2)).toBeNull()
  recent.clear()
  expect([recent.after(6), recent.timeOf(4)]).toEqual([null, null])
})

test('F1: memory has its bounds, of changes and of characters', () => {
  const recent = new RecentChanges()
  for (const each of changes(101, 700)) recent.push(each)
  recent.prepend(changes(1, 100), { seq: 0, at: undefined }, 700)
  expect(recent.after(0)).toHaveLength(700)
  for (const each of changes(701, limits.recentChanges + 50)) recent.push(each)
  expect(recent.after(49)).toBeNull()
  expect(recent.after(50)).toHaveLength(limits.recentChanges)
  recent.clear()
  const long = 'x'.repeat(limits.recentCharacters / 4)
  recent.push(change(10, long))
  recent.prepend(
    [6, 7, 8, 9].map((seq) => change(seq, long)),
    { seq: 5, at: undefined },
    10,
  )
  expect(recent.after(5)).toBeNull()
  expect(seqs(recent.after(6))).toEqual([7, 8, 9, 10])
})

test('F1: whoever comes back is given what follows their place and nothing before it', () => {
  const recent = new RecentChanges()
  for (const each of changes(5, 8)) recent.push(each)
  expect([3, 4, 5, 6, 7, 8].map((since) => seqs(recent.after(since)))).toEqual([
    undefined,
    [5, 6, 7, 8],
    [6, 7, 8],
    [7, 8],
    [8],
    [],
  ])
  recent.prepend([], { seq: 4, at: undefined }, 8)
  expect(seqs(recent.after(4))).toEqual([5, 6, 7, 8])
})

test('F1: memory is filled to its bounds and no further, from either end', () => {
  const recent = new RecentChanges()
  const quarter = 'x'.repeat(limits.recentCharacters / 4)
  for (const seq of [1, 2, 3, 4]) recent.push(change(seq, quarter))
  expect(seqs(recent.after(0))).toEqual([1, 2, 3, 4])
  for (const seq of [5, 6]) recent.push(change(seq, quarter))
  expect([recent.after(1), seqs(recent.after(2))]).toEqual([null, [3, 4, 5, 6]])
  recent.clear()
  for (const each of changes(11, limits.recentChanges + 8)) recent.push(each)
  recent.prepend(changes(1, 10), { seq: 0, at: undefined }, limits.recentChanges + 8)
  expect([recent.after(7), recent.after(8)?.length]).toEqual([null, limits.recentChanges])
})
