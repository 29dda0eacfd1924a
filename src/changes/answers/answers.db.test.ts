import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openLog, type ChangeLog } from '../../../test/change-log.ts'
import type { TestDatabase } from '../../../test/database.ts'
import { type HeldReads, useHeldReads } from '../../../test/held-reads.ts'
import { fullHour, instantOfMicros, microsOf, systemClock, type Clock } from '../../platform/clock.ts'
import { limits } from '../../platform/limits.ts'
import { createLog } from '../../platform/observability/log.ts'
import type { Store } from '../../platform/redis.ts'
import { AnswerStore } from './answer-store.ts'
import { Answers, keyOf, type Shape, type Written } from './answers.ts'
import { Heads, type End } from './heads.ts'
import { Hub } from '../hub/hub.ts'
import { LiveFloors } from '../floor/live-floors.ts'
import { headOf } from '../log/log.ts'

/** Answers that are kept: written once for a place and an hour, and given again while that is the newest. */

const HOUR_MICROS = 3_600_000_000
const BESIDE = 400
let database: TestDatabase
let db: HeldReads
let log: ChangeLog
let hub: Hub
let floors: LiveFloors
let answers: Answers
let kept: Map<string, Buffer>
/** Microseconds since 1970; ten minutes past an hour. */
let time: number
let wrote: string[]
const clock: Clock = { now: () => instantOfMicros(time), micros: () => time }
const store: Store = { get: async (name) => kept.get(name) ?? null, set: (name, bytes) => void kept.set(name, bytes) }

useHeldReads(6, (a, b) => {
  database = a
  db = b
})
beforeEach(async () => {
  log = await openLog(database)
  hub = new Hub(db, createLog('silent'), 2_000_000_000)
  floors = new LiveFloors({ db, hub, clock: systemClock(), log: createLog('silent'), kinds: [], historyDays: 7 })
  kept = new Map()
  wrote = []
  time = microsOf(fullHour(systemClock().now())) + 600_000_000
  start()
})
afterEach(() => {
  db.letAll()
  answers.close()
  floors.close()
  hub.close()
})

function start({ isSole = true, maxBytes = 1e9, stores = false } = {}): void {
  answers = new Answers({
    heads: new Heads(db, hub, isSole),
    floors,
    clock,
    store: stores ? new AnswerStore(store, 'a secret key for tests only, long enough', 'form') : null,
    maxBytes,
  })
}
/** A shape that is written from the floor in memory. */
const fromFloor = (key: string, more: (seq: number) => Partial<Written> = () => ({})): Shape => ({
  key,
  fromFloor: (live) => {
    const { seq } = live.floor.standing
    wrote.push(`${key} ${seq}`)
    return { body: `${key} at ${seq}`, ...more(seq) }
  },
  fromDatabase: () => Promise.reject(new Error('it is in memory')),
})
/** A shape that only the database can write; `lag`: so many changes behind. */
const fromDatabase = (key: string, lag = () => 0, wait: Promise<void> = Promise.resolve()): Shape => ({
  key,
  fromFloor: null,
  fromDatabase: async (restaurantId, minSeq) => {
    const { epoch, seq } = await database.db.snapshot({ restaurantId }, (tx) => headOf(tx, restaurantId))
    wrote.push(`${key} ${seq} of ${minSeq}`)
    await wait
    return { place: { epoch, seq: seq - lag(), hour: fullHour(clock.now()) }, body: `${key} at ${seq}` }
  },
})
const get = (shape: Shape, coding: 'identity' | 'br' | 'gzip' = 'identity', told?: End) =>
  answers.get(log.restaurantId, shape, coding, told)
const atOnce = (shape: Shape, end: End, coding: 'identity' | 'br' = 'identity') =>
  answers.atOnce(log.restaurantId, keyOf(log.restaurantId, shape), shape, coding, end)
const change = async () => {
  const made = await log.append({})
  hub.publish(made)
  return made
}
const end = (): End => hub.newest(log.restaurantId)!

test('K1, K2: an answer is written once for each state of the floor, for all who ask', async () => {
  const shape = fromFloor('floor')
  const all = await Promise.all(Array.from({ length: 10 }, () => get(shape)))
  expect(all.map(({ found }) => found)).toEqual(Array.from({ length: 10 }, () => 'made'))
  const first = await get(shape)
  expect(first).toMatchObject({ found: 'hit', coding: 'identity' })
  expect(first.body.toString()).toBe('floor at 0')
  await change()
  const next = await get(shape)
  expect([next.body.toString(), next.found, next.etag === first.etag]).toEqual(['floor at 1', 'made', false])
  expect(wrote).toEqual(['floor 0', 'floor 1'])
  expect(answers.figures).toMatchObject({ entries: 1, evictions: 0, found: { hit: 1, made: 11, redis: 0 } })
  expect(answers.figures.bytes).toBe('floor at 1'.length + keyOf(log.restaurantId, shape).length + BESIDE)
  answers.close()
  expect(answers.figures).toMatchObject({ entries: 0, bytes: 0 })
})

test('K1: of one of several processes the log is asked each time; what was told of its end need not be', async () => {
  answers.close()
  start({ isSole: false })
  const shape = fromDatabase('list')
  await get(shape)
  // Nobody publishes it here.
  await log.append({})
  expect((await get(shape)).body.toString()).toBe('list at 1')
  expect(await get(shape)).toMatchObject({ found: 'hit' })
  const asked = db.asked.get('read-heads')
  expect(await get(shape, 'identity', { epoch: log.epoch, seq: 1 })).toMatchObject({ found: 'hit' })
  expect(db.asked.get('read-heads')).toBe(asked)
  expect(wrote).toEqual(['list 0 of 0', 'list 1 of 1'])
})

test('K1: who knows of something newer is not given what was begun before; what ended late is of use to nobody later', async () => {
  let go: () => void = () => undefined
  const slow = fromDatabase('list', () => 0, new Promise((resolve) => (go = resolve)))
  await floors.hold(log.restaurantId)
  const first = get(slow)
  await expect.poll(() => wrote.length).toBe(1)
  await change()
  const quick = get(fromDatabase('list'))
  expect((await quick).body.toString()).toBe('list at 1')
  go()
  expect((await first).body.toString()).toBe('list at 0')
  expect((await get(slow)).body.toString()).toBe('list at 1')
  expect(wrote).toEqual(['list 0 of 0', 'list 1 of 1'])
})

test('K1: an answer that stays behind is refused in the end, and one that is refused is asked for anew', async () => {
  await change()
  await expect(get(fromDatabase('late', () => 1))).rejects.toMatchObject({ code: 'busy', status: 503 })
  expect(wrote).toHaveLength(limits.transactionAttempts)
  let late = 1
  expect((await get(fromDatabase('once', () => late--))).body.toString()).toBe('once at 1')
  const failing: Shape = { key: 'fails', fromFloor: null, fromDatabase: () => Promise.reject(new Error('planted')) }
  await expect(get(failing)).rejects.toThrow('planted')
  expect((await get(fromDatabase('fails'))).found).toBe('made')
})

test('K3: an answer counts in its hour, and until its own end where it has one', async () => {
  const shape = fromFloor('floor')
  const { etag } = await get(shape)
  time += HOUR_MICROS - 600_000_000 - 1
  expect(await get(shape)).toMatchObject({ etag, found: 'hit' })
  time += 1
  const next = await get(shape)
  expect([next.found, next.etag === etag]).toEqual(['made', false])
  time -= 1
  expect((await get(shape)).found).toBe('made')
  time += 1
  let times = 0
  const counted = fromFloor('counted', () => ({ until: instantOfMicros(time + 2_000_000), mark: `m${++times}` }))
  const before = await get(counted)
  expect(before.etag).toMatch(/\.m1"$/)
  time += 1_999_999
  expect(await get(counted)).toMatchObject({ etag: before.etag, found: 'hit' })
  time += 1
  expect((await get(counted)).etag).toMatch(/\.m2"$/)
})

test('K4: who takes br or gzip gets it, compressed once; a small answer stays as it is', async () => {
  const [small, large] = [limits.codedBytes - 1, limits.codedBytes].map((bytes) =>
    fromFloor(`of ${bytes}`, () => ({ body: Buffer.alloc(bytes, 'a') })),
  ) as [Shape, Shape]
  expect(await get(small, 'br')).toMatchObject({ coding: 'identity', body: Buffer.alloc(limits.codedBytes - 1, 'a') })
  const [br, again, gzip, plain] = [
    await get(large, 'br'),
    await get(large, 'br'),
    await get(large, 'gzip'),
    await get(large),
  ]
  expect([br, again, gzip, plain].map(({ coding }) => coding)).toEqual(['br', 'br', 'gzip', 'identity'])
  expect(again.body).toBe(br.body)
  for (const body of [brotliDecompressSync(br.body), gunzipSync(gzip.body)]) expect(body).toEqual(plain.body)
  const bytes = [small, large].reduce((sum, shape) => sum + keyOf(log.restaurantId, shape).length + BESIDE, 0)
  expect(answers.figures.bytes).toBe(bytes + 2 * limits.codedBytes - 1 + br.body.length + gzip.body.length)
})

test('K5: answers take no more memory than the setting says; what was used longest ago goes first', async () => {
  const each = (key: string) => `${key} at 0`.length + keyOf(log.restaurantId, { key }).length + BESIDE
  answers.close()
  start({ maxBytes: 3 * each('a') })
  const shapes = ['a', 'b', 'c', 'd'].map((key) => fromFloor(key)) as [Shape, Shape, Shape, Shape]
  const [a, b, c, d] = shapes
  for (const shape of [a, b, c]) await get(shape)
  expect(answers.figures).toMatchObject({ entries: 3, evictions: 0, bytes: 3 * each('a') })
  // The order is kept to the second.
  time += 999_999
  await get(a)
  time += 1
  await get(b)
  await get(d)
  expect(answers.figures).toMatchObject({ entries: 3, evictions: 1, bytes: 3 * each('a') })
  const found: string[] = []
  for (const shape of [b, c, d]) found.push(atOnce(shape, end()) === null ? 'gone' : 'there')
  expect([found, wrote]).toEqual([
    ['there', 'there', 'there'],
    ['a 0', 'b 0', 'c 0', 'd 0'],
  ])
  await get(a)
  expect(wrote.at(-1)).toBe('a 0')
})

test('K2, K7: where nothing is to be waited for an answer is given at once, and else not', async () => {
  const shape = fromFloor('floor')
  const nowhere = { epoch: log.epoch, seq: 0 }
  expect(atOnce(shape, nowhere)).toBeNull()
  const { release } = await floors.hold(log.restaurantId)
  expect(atOnce(shape, nowhere, 'br')).toBeNull()
  expect(atOnce(fromDatabase('list'), nowhere)).toBeNull()
  expect(atOnce(shape, { epoch: log.epoch, seq: 1 })).toBeNull()
  expect(atOnce(shape, { epoch: 'another', seq: 0 })).toBeNull()
  expect(atOnce(shape, nowhere)).toMatchObject({ found: 'made', coding: 'identity' })
  expect(atOnce(shape, nowhere)).toMatchObject({ found: 'hit', coding: 'identity' })
  expect(atOnce(shape, nowhere, 'br')).toMatchObject({ found: 'hit', coding: 'identity' })
  const large = fromFloor('large', () => ({ body: 'a'.repeat(limits.codedBytes) }))
  expect(atOnce(large, nowhere)?.body).toHaveLength(limits.codedBytes)
  expect(atOnce(large, nowhere, 'br')).toBeNull()
  const { body, etag } = await get(large, 'br')
  expect(atOnce(large, nowhere, 'br')).toEqual({ etag, body, coding: 'br', found: 'hit' })
  expect(answers.figures.found).toEqual({ made: 2, hit: 4, redis: 0 })
  release()
})

test('K6: what has stood a while is kept for others, and found where the floor is not in memory', async () => {
  answers.close()
  start({ stores: true })
  const until = instantOfMicros(time + 60_000_000)
  const shapes = [
    fromFloor('floor', () => ({ until, mark: 'm' })),
    fromFloor('too large', () => ({ body: Buffer.alloc(limits.answerStoreBytes + 1) })),
    fromFloor('as large as may be', () => ({ body: Buffer.alloc(limits.answerStoreBytes) })),
  ] as const
  const made = await get(shapes[0])
  for (const shape of shapes.slice(1)) await get(shape)
  expect(kept.size).toBe(0)
  await expect.poll(() => kept.size).toBe(2)
  const elsewhere = async () => {
    answers.close()
    floors.close()
    start({ stores: true, isSole: false })
    return get(shapes[0])
  }
  expect(await elsewhere()).toEqual({ ...made, found: 'redis' })
  expect(answers.figures.found).toEqual({ hit: 0, made: 0, redis: 1 })
  expect((await get(shapes[0])).found).toBe('hit')
  // At its end it is none any more.
  time = microsOf(until)
  expect((await elsewhere()).found).toBe('made')
  time -= 1
  // Where the floor is in memory it is written at once.
  answers.close()
  start({ stores: true, isSole: false })
  expect((await get(shapes[0])).found).toBe('made')
})
