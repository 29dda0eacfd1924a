import { beforeEach, expect, test } from 'vitest'
import { Queue } from './queue.ts'
import type { Mutation, Verdict } from './mutations.ts'
import { Saver } from './saver.ts'
import { Confirmed } from './state.ts'
import { MemoryStorage, type Op } from './storage.ts'
import type { Surroundings } from './surroundings.ts'
import type { Entity, Snapshot } from './words.ts'

/** What a restart, a sign-out and a new snapshot leave behind: parts of the client over one storage, without a network. */

const EPOCH = 'epoch 1'

class Flaky extends MemoryStorage {
  fails = false
  override write(ops: readonly Op[]): Promise<void> {
    return this.fails ? Promise.reject(new Error('full')) : super.write(ops)
  }
}

let storage: Flaky
let timers: (() => void)[]
let sent: string[]
let answer: (mutation: Mutation) => Promise<Verdict>

beforeEach(() => {
  storage = new Flaky()
  timers = []
  sent = []
  answer = async () => ({ kind: 'later', afterMillis: null })
})

const surroundings = (): Surroundings => ({
  storage,
  fetch: () => Promise.reject(new Error('no network')),
  openSocket: () => ({ send: () => undefined, close: () => undefined }),
  now: () => 0,
  random: () => 0,
  after: (_, callback) => {
    timers.push(callback)
    return () => void (timers = timers.filter((each) => each !== callback))
  },
  alone: (_, work) => work(),
})

const open = async (prefix = 'r/s/'): Promise<Queue> =>
  new Queue(
    {
      at: surroundings(),
      prefix,
      send: (mutation) => {
        sent.push(mutation.id)
        return answer(mutation)
      },
      epoch: () => EPOCH,
      instant: () => '2026-11-23T12:00:00.000000Z',
      changed: () => undefined,
    },
    await storage.load(),
  )

const mutation = (id: string): Mutation => ({
  id,
  command: 'add-guest',
  method: 'POST',
  path: '/guests',
  params: {},
  body: {},
  version: null,
  madeAt: '2026-11-23T12:00:00.000000Z',
  device: null,
})
const idsOf = (list: readonly Mutation[]) => list.map(({ id }) => id)
const add = async (queue: Queue, ...ids: string[]) => {
  for (const id of ids) await queue.add(mutation(id)).stored
}
const done = (seq: number | null): Verdict => ({ kind: 'done', seq, result: null })
const refused: Verdict = {
  kind: 'refused',
  conflict: { status: 409, code: 'table-not-free', title: 'no', current: null, changed: null },
}
const snapshot = (seq: number, ...entities: Entity[]): Snapshot => ({
  epoch: EPOCH,
  seq,
  at: null,
  horizon: '2026-11-16T12:00:00.000000Z',
  entities,
})
const guest = (id: string, version = 1, endedAt: string | null = null): Entity => ({
  kind: 'guest',
  id,
  version,
  value: { id, version, endedAt },
})

test('D7: what is added after a restart stands behind what was stored before it, and takes nothing away', async () => {
  await add(await open(), 'a', 'b')
  const again = await open()
  await add(again, 'c')
  await add(await open('r/other/'), 'x')
  const last = await open()
  expect(idsOf(last.undecided)).toEqual(['a', 'b', 'c'])
  answer = async () => done(null)
  last.run()
  await expect.poll(() => sent).toEqual(['a', 'b', 'c'])
  await expect.poll(() => last.undecided).toEqual([])
  expect(idsOf((await open()).undecided)).toEqual([])
  expect(idsOf((await open('r/other/')).undecided)).toEqual(['x'])
})

test('D7: what is done is kept, also over a restart, until the stored state has it, and sent no more', async () => {
  const queue = await open()
  await add(queue, 'a', 'b')
  answer = async ({ id }) => done(id === 'a' ? 5 : 6)
  queue.run()
  await expect.poll(() => queue.undecided).toEqual([])
  const again = await open()
  expect(idsOf(again.missingIn({ epoch: EPOCH, seq: 4 }))).toEqual(['a', 'b'])
  expect(idsOf(again.missingIn({ epoch: EPOCH, seq: 5 }))).toEqual(['b'])
  expect(idsOf(again.missingIn({ epoch: 'another', seq: 0 }))).toEqual([])
  sent = []
  answer = async () => done(null)
  again.run()
  await add(again, 'c')
  await expect.poll(() => sent).toEqual(['c'])
  const confirmed = new Confirmed()
  confirmed.take(snapshot(5))
  const saver = new Saver(surroundings(), 'r/s/', confirmed, again)
  saver.touch()
  storage.fails = true
  await expect(saver.flush()).rejects.toThrow('full')
  expect(idsOf(again.missingIn({ epoch: EPOCH, seq: 4 }))).toEqual(['a', 'b'])
  storage.fails = false
  // It is tried again by itself.
  await saver.flush()
  expect(idsOf((await open()).missingIn({ epoch: EPOCH, seq: 4 }))).toEqual(['b'])
  expect((await storage.load()).get('r/s/state')).toMatchObject({ seq: 5 })
})

test('D8: a conflict outlives a restart until it is dismissed, and blocks nothing', async () => {
  const queue = await open()
  const { settled } = queue.add(mutation('a'))
  await add(queue, 'b')
  answer = async ({ id }) => (id === 'a' ? refused : done(null))
  queue.run()
  expect(await settled).toMatchObject({ outcome: 'refused' })
  await expect.poll(() => queue.undecided).toEqual([])
  const again = await open()
  expect(again.conflicts.map((each) => each.mutation.id)).toEqual(['a'])
  expect(again.undecided).toEqual([])
  await again.dismiss('a')
  expect((await open()).conflicts).toEqual([])
})

test('D6, D7: after a pause nothing more is sent; the answer that was under way counts', async () => {
  const queue = await open()
  await add(queue, 'a', 'b')
  let decide: (verdict: Verdict) => void = () => undefined
  answer = () => new Promise((resolve) => (decide = resolve))
  queue.run()
  await expect.poll(() => sent).toEqual(['a'])
  queue.pause()
  decide(done(7))
  await expect.poll(() => idsOf(queue.undecided)).toEqual(['b'])
  await new Promise((resolve) => setImmediate(resolve))
  expect(sent).toEqual(['a'])
  queue.run()
  await expect.poll(() => sent).toEqual(['a', 'b'])
})

test('D6: a change that is heard before its answer does not let go what is being sent', async () => {
  const queue = await open()
  await add(queue, 'a')
  let decide: (verdict: Verdict) => void = () => undefined
  answer = () => new Promise((resolve) => (decide = resolve))
  queue.run()
  await expect.poll(() => sent).toEqual(['a'])
  queue.seen('a', { epoch: EPOCH, seq: 3 })
  expect(queue.landedBy({ epoch: EPOCH, seq: 3 }).ops).toEqual([])
  decide({ kind: 'later', afterMillis: null })
  await expect.poll(() => queue.landedBy({ epoch: EPOCH, seq: 3 }).ops).toHaveLength(1)
  expect(queue.undecided).toEqual([])
})

test('D2: a new snapshot leaves nothing of the state before it, neither what was ended nor what was being looked at', () => {
  const confirmed = new Confirmed()
  const ended = '2026-11-20T12:00:00.000000Z'
  confirmed.take(snapshot(1, guest('a', 1, ended), guest('b'), guest('c')))
  confirmed.recheck(1)
  const other = new Confirmed()
  const next = { ...snapshot(2, guest('a', 2), guest('d')), horizon: '2026-11-17T12:00:00.000000Z' }
  for (const each of [confirmed, other]) each.take(next)
  expect(confirmed.hash()).toBe(other.hash())
  confirmed.recheck(10)
  expect(confirmed.hash()).toBe(other.hash())
  expect([...confirmed.of('guest')].map(({ id }) => id)).toEqual(['a', 'd'])
  // The horizon of the snapshot counts: an earlier one comes late.
  expect(confirmed.prune('2026-11-16T23:00:00.000000Z')).toBe(false)
  expect(confirmed.prune('2026-11-21T12:00:00.000000Z')).toBe(true)
  expect(confirmed.size).toBe(2)
})

test('D2: of the state before a snapshot, not even damage comes back', () => {
  const confirmed = new Confirmed()
  confirmed.take(snapshot(1, guest('a'), guest('b')))
  // A sum is made when it is asked for, and only then can it be made anew.
  confirmed.hash()
  confirmed.recheck(1)
  // A value that went wrong in memory, behind what was looked at.
  const kept = confirmed.get('guest', 'b') as { value: object }
  Object.defineProperty(kept, 'value', { value: { id: 'b', version: 99 } })
  confirmed.take(snapshot(2, guest('b')))
  const hash = confirmed.hash()
  confirmed.recheck(10)
  expect(confirmed.hash()).toBe(hash)
  expect(confirmed.get('guest', 'b')?.value).toMatchObject({ version: 1 })
})
