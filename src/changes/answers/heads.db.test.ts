import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { openLog, type ChangeLog } from '../../../test/change-log.ts'
import type { TestDatabase } from '../../../test/database.ts'
import { type HeldReads, useHeldReads } from '../../../test/held-reads.ts'
import { newId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import { createLog } from '../../platform/observability/log.ts'
import { Heads } from './heads.ts'
import { Hub } from '../hub/hub.ts'

/** Where logs end: never older than what anyone was told before the question, however many ask at once. */

let database: TestDatabase
let db: HeldReads
let hub: Hub
let log: ChangeLog

useHeldReads(10, (a, b) => {
  database = a
  db = b
})
beforeAll(async () => {
  log = await openLog(database)
})
beforeEach(() => {
  hub = new Hub(db, createLog('silent'), 2_000_000_000)
})
afterEach(() => {
  db.letAll()
  hub.close()
})

async function held(count: number): Promise<void> {
  await expect.poll(() => db.held).toBe(count)
}
const write = async (): Promise<number> => (await log.append({})).seq

test('K1: who asks while a question is under way is not given its answer, which may be older than what they know', async () => {
  const heads = new Heads(db, hub, false)
  const before = await write()
  db.hold('read-heads')
  const first = heads.of(log.restaurantId)
  await held(1)
  const known = await write()
  const second = heads.of(log.restaurantId)
  await held(2)
  db.letAll()
  expect((await first).seq).toBe(before)
  expect((await second).seq).toBe(known)
})

test('K1: all who ask within a tick share one question, and no more than so many are under way', async () => {
  const heads = new Heads(db, hub, false)
  const other = await openLog(database)
  const together = await Promise.all([
    heads.of(log.restaurantId),
    heads.of(other.restaurantId),
    heads.of(log.restaurantId),
  ])
  expect(heads.figures.asked).toBe(1)
  expect(together[0]).toEqual(together[2])
  db.hold('read-heads')
  const asking: Promise<unknown>[] = []
  for (let n = 1; n <= limits.headQuestions; n++) {
    asking.push(heads.of(log.restaurantId))
    await held(n)
  }
  for (let n = 0; n < 5; n++) {
    asking.push(heads.of(log.restaurantId))
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect([db.held, heads.figures.asked]).toEqual([limits.headQuestions, 1 + limits.headQuestions])
  const known = await write()
  db.let()
  // Those who waited share the next, which is asked now.
  await expect.poll(() => heads.figures.asked).toBe(2 + limits.headQuestions)
  db.letAll()
  expect(((await Promise.all(asking)).at(-1) as { seq: number }).seq).toBe(known)
  const more = Array.from({ length: limits.headQuestions + 1 }, () => heads.of(log.restaurantId))
  await Promise.all(more)
  expect(heads.figures.asked).toBe(3 + limits.headQuestions)
})

test('K1: more restaurants than one question takes are asked for in the next', async () => {
  const heads = new Heads(db, hub, false)
  const unknown = Array.from({ length: limits.reviewIds }, () => heads.of(newId()))
  const mine = heads.of(log.restaurantId)
  const ends = await Promise.allSettled(unknown)
  expect(ends.filter((end) => end.status === 'rejected')).toHaveLength(limits.reviewIds)
  expect((await mine).seq).toBeGreaterThan(0)
  expect(heads.figures.asked).toBe(2)
})

test('K1: a question that fails is told to all who asked it, and the next is asked anew', async () => {
  const heads = new Heads(db, hub, false)
  db.fail(limits.headQuestions)
  for (let n = 0; n < limits.headQuestions; n++) await expect(heads.of(log.restaurantId)).rejects.toThrow('planted')
  expect((await heads.of(log.restaurantId)).seq).toBeGreaterThan(0)
  await expect(heads.of(newId())).rejects.toMatchObject({ code: 'restaurant-not-found', status: 404 })
})

test('K2: a process that is alone knows by itself what it listens to, and asks for the rest', async () => {
  const [alone, one] = [new Heads(db, hub, true), new Heads(db, hub, false)]
  expect([alone.known(log.restaurantId), one.known(log.restaurantId)]).toEqual([null, null])
  await hub.subscribe(log.restaurantId, () => undefined)
  const end = hub.newest(log.restaurantId)
  expect(end).not.toBeNull()
  expect([alone.known(log.restaurantId), one.known(log.restaurantId)]).toEqual([end, null])
  expect(await alone.of(log.restaurantId)).toEqual(end)
  expect(alone.figures.asked).toBe(0)
  expect(await one.of(log.restaurantId)).toMatchObject(end!)
  expect(one.figures.asked).toBe(1)
})
