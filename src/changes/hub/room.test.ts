import { expect, test } from 'vitest'
import { elapsedMillis, instantOfMicros } from '../../platform/clock.ts'
import { limits } from '../../platform/limits.ts'
import type { Change } from '../log/log.ts'
import { advance, askNext, isAnyInDoubt, lagOf, newRoom, noteBehind, restart, type Room } from './room.ts'

/** What the hub knows of a restaurant that somebody listens to. */

const room = (at: number | null = null): Room => {
  const made = newRoom('r', Promise.resolve())
  made.at = at === null ? null : { epoch: 'e', seq: at }
  return made
}
const change = (seq: number): Change => ({
  restaurantId: 'r',
  epoch: 'e',
  seq,
  at: instantOfMicros(seq),
  command: 'c',
  mutationId: null,
  actorId: null,
  device: null,
  entries: [],
})

test('L4: a room that nobody is in yet knows nothing, asks nothing and doubts nothing', () => {
  const ready = Promise.resolve()
  expect(newRoom('r', ready)).toEqual({
    restaurantId: 'r',
    subscribers: new Set(),
    at: null,
    behind: null,
    times: new Map(),
    early: new Map(),
    ready,
    filling: null,
    asking: null,
    next: null,
    isRenewing: false,
    isInDoubt: false,
  })
})

test('L4: word of changes counts until listeners have heard the newest of them', () => {
  const one = room(3)
  noteBehind(one, 5)
  const { since } = one.behind!
  noteBehind(one, 7)
  noteBehind(one, 6)
  expect(one.behind).toEqual({ seq: 7, since })
  advance(one, change(4))
  expect([one.at, one.behind?.seq]).toEqual([{ epoch: 'e', seq: 4 }, 7])
  advance(one, change(6))
  expect(one.behind?.seq).toBe(7)
  advance(one, change(7))
  expect(one.behind).toBeNull()
  noteBehind(one, 8)
  advance(one, change(9))
  expect(one.behind).toBeNull()
})

test('L21: the times of the last changes are known, of no more than the limit says', () => {
  const one = room(0)
  for (let seq = 1; seq <= limits.deliveredTimes + 2; seq++) advance(one, change(seq))
  expect(one.times.size).toBe(limits.deliveredTimes)
  expect([one.times.get(2), one.times.get(3)]).toEqual([undefined, instantOfMicros(3)])
})

test('L4, F2: of a log that has ended nothing counts in the next one', () => {
  const one = room(3)
  advance(one, change(4))
  noteBehind(one, 9)
  one.early.set(6, change(6))
  restart(one, { epoch: 'another', seq: 2 })
  expect([one.at, one.behind, one.times.size, one.early.size]).toEqual([{ epoch: 'another', seq: 2 }, null, 0, 0])
})

test('L4: who asks meanwhile waits for the next question, one for all; a question that failed keeps nobody from asking', async () => {
  const one = room(1)
  const asked: (() => void)[] = []
  let failing = false
  const ask = () =>
    new Promise<void>((resolve, reject) => {
      const fails = failing
      asked.push(() => (fails ? reject(new Error('planted')) : resolve()))
    })
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  failing = true
  const first = askNext(one, ask)
  await turn()
  expect(asked).toHaveLength(1)
  failing = false
  const [second, third] = [askNext(one, ask), askNext(one, ask)]
  expect(second).toBe(third)
  await turn()
  expect(asked).toHaveLength(1)
  asked[0]!()
  await expect(first).rejects.toThrow('planted')
  await turn()
  expect(asked).toHaveLength(2)
  const fourth = askNext(one, ask)
  expect(fourth).not.toBe(second)
  await turn()
  expect(asked).toHaveLength(2)
  asked[1]!()
  await second
  await turn()
  asked[2]!()
  await fourth
})

test('M2: the lag is that of all rooms together, and as old as the oldest word that was not delivered', () => {
  expect(lagOf([room(3), room()])).toEqual({ changes: 0, seconds: 0 })
  const [a, b, unknown] = [room(3), room(10), room()]
  const now = elapsedMillis()
  a.behind = { seq: 5, since: now - 2_000 }
  b.behind = { seq: 11, since: now - 60_000 }
  unknown.behind = { seq: 99, since: 0 }
  for (const rooms of [
    [a, b, unknown, room(1)],
    [b, a],
  ]) {
    const { changes, seconds } = lagOf(rooms)
    expect(changes).toBe(3)
    expect(seconds).toBeGreaterThanOrEqual(60)
    expect(seconds).toBeLessThan(90)
  }
})

test('L4: a commit of unknown outcome in any room is a doubt', () => {
  const doubtful = room(1)
  doubtful.isInDoubt = true
  expect([[], [room(1)], [room(1), doubtful]].map(isAnyInDoubt)).toEqual([false, false, true])
})
