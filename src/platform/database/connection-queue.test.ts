import { expect, test } from 'vitest'
import { goneAt } from '../http/client-gone.ts'
import { ConnectionQueue } from './connection-queue.ts'

const MINUTE = 60_000

test('P17: turns come in the order of asking, and never more at once than there are', async () => {
  const queue = new ConnectionQueue(2, 1_000, MINUTE)
  const order: number[] = []
  let inside = 0
  let most = 0
  const one = async (n: number) => {
    await queue.enter()
    order.push(n)
    most = Math.max(most, ++inside)
    await new Promise(setImmediate)
    inside--
    queue.leave()
  }
  await Promise.all(Array.from({ length: 500 }, (_, n) => one(n)))
  expect(order).toEqual(Array.from({ length: 500 }, (_, n) => n))
  expect([most, queue.waiting]).toEqual([2, 0])
})

test('P17: one too many is refused at once, and whoever waits too long later; neither takes a turn', async () => {
  const gaveUp: string[] = []
  const waits: number[] = []
  const observer = {
    statement: () => undefined,
    reached: () => undefined,
    waited: (seconds: number) => void waits.push(seconds),
    gaveUp: (reason: string) => void gaveUp.push(reason),
  }
  const queue = new ConnectionQueue(1, 2, 30, observer)
  await queue.enter()
  const late = [queue.enter(), queue.enter()]
  await expect(queue.enter()).rejects.toMatchObject({ code: 'busy', status: 503 })
  for (const each of await Promise.allSettled(late)) expect(each).toMatchObject({ status: 'rejected' })
  expect(gaveUp).toEqual(['queue-full', 'deadline', 'deadline'])
  expect(queue.waiting).toBe(0)
  queue.leave()
  await queue.enter()
  expect(waits).toEqual([0, 0])
})

test('P17: whoever is gone is passed over', async () => {
  const queue = new ConnectionQueue(1, 10, MINUTE)
  await queue.enter()
  const gone = new AbortController()
  const first = queue.enter(goneAt(gone.signal))
  const second = queue.enter()
  gone.abort()
  await expect(first).rejects.toMatchObject({ code: 'busy' })
  expect(queue.waiting).toBe(1)
  queue.leave()
  await second
  await expect(queue.enter(goneAt(gone.signal))).rejects.toMatchObject({ code: 'busy' })
  expect(queue.waiting).toBe(0)
})
