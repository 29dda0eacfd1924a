import { expect, test } from 'vitest'
import { done, house, later, mutation, refused, settle } from '../test/queues.ts'
import type { Conflict, Verdict } from './mutations.ts'
import { MemoryStorage } from './storage.ts'

const ids = (list: readonly { readonly id: string }[]) => list.map(({ id }) => id)

test('D6: mutations are stored first, then sent in order, one at a time, and each waits for its answer', async () => {
  const { queue, sent, answer, keys, state } = await house()
  const [first, second] = [queue.add(mutation(1)), queue.add(mutation(2))]
  await Promise.all([first.stored, second.stored])
  expect(await keys()).toEqual(['a/mutation/000000000000', 'a/mutation/000000000001'])
  expect(sent).toEqual([])
  queue.run()
  await settle()
  expect(ids(sent)).toEqual(['m1'])
  expect(ids(queue.undecided)).toEqual(['m1', 'm2'])
  await answer(done(7))
  expect(await first.settled).toEqual({ outcome: 'done', seq: 7, result: { seq: 7 } })
  expect(state.changes).toBe(1)
  expect(ids(sent)).toEqual(['m1', 'm2'])
  expect(ids(queue.undecided)).toEqual(['m2'])
  // Nothing was to be done: it leaves at once, from the device too.
  await answer(done(null))
  expect(await second.settled).toEqual({ outcome: 'done', seq: null, result: { seq: null } })
  expect(await keys()).toEqual(['a/mutation/000000000000'])
  expect(state.changes).toBe(2)
})

test('D6: nothing is sent before it is stored, and what cannot be stored is taken back', async () => {
  const { queue, sent, state } = await house()
  queue.run()
  state.fails = true
  const { stored, settled } = queue.add(mutation(1))
  queue.run()
  expect(sent).toEqual([])
  await expect(stored).rejects.toMatchObject({ code: 'storage', cause: { message: 'full' } })
  await expect(settled).rejects.toMatchObject({ code: 'storage' })
  expect([sent, queue.undecided, state.changes]).toEqual([[], [], 1])
})

test('D6: without an answer it is sent again after the wait, which doubles, or when the server says', async () => {
  const { queue, sent, timers, answer, tick } = await house()
  queue.add(mutation(1))
  queue.run()
  const waits: number[] = []
  for (const verdict of [later(), later(), { kind: 'token' } as Verdict, later(60_000), later(1)]) {
    await answer(verdict)
    waits.push(timers[0]!.millis)
    await tick()
  }
  expect(waits).toEqual([250, 500, 1_000, 60_000, 4_000])
  expect(ids(sent)).toEqual(Array.from({ length: 6 }, () => 'm1'))
  await answer(done(1))
  // Decided: the next trouble begins with the first wait again.
  queue.add(mutation(2))
  await answer(later())
  expect(timers.map(({ millis }) => millis)).toEqual([250])
})

test('D6: whoever runs it again ends the wait, whoever pauses it sends nothing more but hears the answer', async () => {
  const { queue, sent, timers, answer, tick } = await house()
  const { settled } = queue.add(mutation(1))
  queue.run()
  await answer(later(60_000))
  queue.run()
  await settle()
  expect([sent.length, timers.length]).toEqual([2, 0])
  queue.run()
  await settle()
  expect(sent).toHaveLength(2)
  queue.pause()
  queue.add(mutation(2))
  await answer(done(1))
  expect(await settled).toMatchObject({ outcome: 'done' })
  expect(sent).toHaveLength(2)
  // A wait that is paused ends as well, and nothing follows it.
  queue.run()
  await answer(later())
  queue.pause()
  await settle()
  expect([timers.length, sent.length]).toEqual([0, 3])
  queue.run()
  await settle()
  expect(sent).toHaveLength(4)
  await answer(later())
  await tick()
  expect(ids(sent)).toEqual(['m1', 'm1', 'm2', 'm2', 'm2'])
})

test('D8: a refused mutation becomes a conflict in one write, blocks nothing, and goes when it is dismissed', async () => {
  const { queue, sent, answer, keys, writes, state, stored } = await house()
  const { settled } = queue.add(mutation(1))
  queue.add(mutation(2))
  queue.run()
  await answer(refused)
  const conflict: Conflict = {
    ...refused.conflict,
    mutation: mutation(1),
    refusedAt: '2026-11-23T13:00:00.000000Z',
  }
  expect(await settled).toEqual({ outcome: 'refused', conflict })
  expect(writes.at(-1)).toEqual([{ drop: 'a/mutation/000000000000' }, { put: 'a/conflict/m1', value: conflict }])
  expect([queue.conflicts, ids(queue.undecided), ids(sent)]).toEqual([[conflict], ['m2'], ['m1', 'm2']])
  await answer(refused)
  expect(queue.conflicts.map(({ mutation: { id } }) => id)).toEqual(['m1', 'm2'])
  // A restart has them, oldest first whatever their ids, and goes on counting where it was.
  const again = await house(stored)
  expect(again.queue.conflicts.map(({ mutation: { id } }) => id)).toEqual(['m1', 'm2'])
  const before = state.changes
  await queue.dismiss('unknown')
  expect(state.changes).toBe(before)
  await queue.dismiss('m1')
  expect(state.changes).toBe(before + 1)
  expect(queue.conflicts.map(({ mutation: { id } }) => id)).toEqual(['m2'])
  expect(await keys()).toEqual(['a/conflict/m2'])
})

test('D8: conflicts are listed by when they were refused, those of one moment in one order', async () => {
  const stored = new MemoryStorage()
  const conflict = (id: string, refusedAt: string) => ({ ...mutation(1), mutation: mutation(1, { id }), refusedAt })
  await stored.write([
    { put: 'a/conflict/x', value: conflict('x', '2026-11-23T13:00:02.000000Z') },
    { put: 'a/conflict/v', value: conflict('v', '2026-11-23T13:00:02.000000Z') },
    { put: 'a/conflict/y', value: conflict('y', '2026-11-23T13:00:01.000000Z') },
    { put: 'a/conflict/z', value: conflict('z', '2026-11-23T13:00:03.000000Z') },
    { put: 'b/conflict/w', value: conflict('w', '2026-11-23T13:00:00.000000Z') },
    { put: 'b/mutation/000000000004', value: mutation(4) },
  ])
  const { queue } = await house(stored)
  expect(queue.conflicts.map(({ mutation: { id } }) => id)).toEqual(['y', 'v', 'x', 'z'])
  expect(queue.undecided).toEqual([])
})

test('D8: the oldest conflicts go beyond the limit', async () => {
  const stored = new MemoryStorage()
  const time = (n: number) => `2026-11-22T00:00:00.${String(n).padStart(6, '0')}Z`
  await stored.write(
    Array.from({ length: 10_000 }, (_, n) => ({
      put: `a/conflict/c${n}`,
      value: { mutation: mutation(1, { id: `c${n}` }), refusedAt: time(n) },
    })),
  )
  const { queue, answer, keys } = await house(stored)
  queue.add(mutation(1))
  queue.run()
  await answer(refused)
  expect(queue.conflicts).toHaveLength(10_000)
  expect([queue.conflicts[0]!.mutation.id, queue.conflicts.at(-1)!.mutation.id]).toEqual(['c1', 'm1'])
  expect((await keys()).filter((key) => key === 'a/conflict/c0' || key === 'a/conflict/c1')).toEqual(['a/conflict/c1'])
})

test('D6: an answer that cannot be stored is asked for again', async () => {
  const { queue, sent, state, timers, answer, tick } = await house()
  const first = queue.add(mutation(1))
  queue.run()
  await first.stored
  for (const verdict of [done(3), refused, done(null)]) {
    state.fails = true
    await answer(verdict)
    expect([ids(queue.undecided), queue.conflicts]).toEqual([['m1'], []])
    state.fails = false
    expect(timers).toHaveLength(1)
    await tick()
  }
  await answer(done(3))
  expect(await first.settled).toMatchObject({ outcome: 'done', seq: 3 })
  expect(sent).toHaveLength(4)
})

test('D7: a restart takes what is stored in its order, and what is done already is shown but not sent', async () => {
  const stored = new MemoryStorage()
  await stored.write([
    { put: 'a/mutation/100000000009', value: mutation(1) },
    { put: 'a/mutation/100000000011', value: mutation(2) },
    { put: 'a/mutation/100000000008', value: { ...mutation(3), place: { epoch: 'e', seq: 5 } } },
  ])
  const { queue, sent, keys, answer, timers } = await house(stored)
  expect(ids(queue.undecided)).toEqual(['m1', 'm2'])
  expect(ids(queue.missingIn({ epoch: 'e', seq: 4 }))).toEqual(['m3', 'm1', 'm2'])
  for (const state of [
    { epoch: 'e', seq: 5 },
    { epoch: 'f', seq: 4 },
  ])
    expect(ids(queue.missingIn(state))).toEqual(['m1', 'm2'])
  await queue.add(mutation(4)).stored
  expect((await keys()).at(-1)).toBe('a/mutation/100000000012')
  queue.run()
  await settle()
  expect(ids(sent)).toEqual(['m1'])
  // Nobody waits for them any more: they are decided all the same, and the next follows at once.
  queue.seen('m2', { epoch: 'e', seq: 8 })
  await answer(refused)
  expect(queue.conflicts.map(({ mutation: { id } }) => id)).toEqual(['m1'])
  expect([ids(sent), timers]).toEqual([['m1', 'm4'], []])
})

test('D7: what a restart found is done once it is answered, whether it was seen on the stream or not', async () => {
  const stored = new MemoryStorage()
  await stored.write([1, 2, 3].map((n) => ({ put: `a/mutation/00000000000${n}`, value: mutation(n) })))
  const { queue, sent, answer, timers } = await house(stored)
  queue.run()
  await answer(done(4))
  queue.seen('m2', { epoch: 'e', seq: 5 })
  await answer(later())
  expect([ids(sent), timers, ids(queue.undecided)]).toEqual([['m1', 'm2', 'm3'], [], ['m3']])
})

test('D7: a change on the stream decides its mutation, whether its answer comes or not', async () => {
  const { queue, sent, answer, state, writes } = await house()
  const [first, second, third] = [queue.add(mutation(1)), queue.add(mutation(2)), queue.add(mutation(3))]
  queue.seen('unknown', { epoch: 'e', seq: 1 })
  queue.seen(null, { epoch: 'e', seq: 1 })
  // Not on its way: done at once, and never sent.
  queue.seen('m2', { epoch: 'e', seq: 9 })
  queue.seen('m2', { epoch: 'e', seq: 10 })
  expect(await second.settled).toEqual({ outcome: 'done', seq: 9, result: null })
  queue.run()
  await settle()
  // On its way: its answer has the result, so it is waited for.
  queue.seen('m1', { epoch: 'e', seq: 8 })
  expect(queue.landedBy({ epoch: 'e', seq: 8 }).ops).toEqual([])
  state.epoch = 'f'
  await answer(done(8))
  expect(await first.settled).toEqual({ outcome: 'done', seq: 8, result: { seq: 8 } })
  expect(writes.at(-1)).toMatchObject([{ value: { id: 'm1', place: { epoch: 'e', seq: 8 } } }])
  expect(ids(sent)).toEqual(['m1', 'm3'])
  // Its answer is lost or a refusal: the change counts.
  queue.seen('m3', { epoch: 'f', seq: 11 })
  await answer(later())
  expect(await third.settled).toEqual({ outcome: 'done', seq: 11, result: null })
  expect([queue.conflicts, queue.undecided]).toEqual([[], []])
})

test('D7: done mutations leave the queue with the state that has them', async () => {
  const { queue, answer, state } = await house()
  for (const n of [1, 2, 3, 4]) queue.add(mutation(n))
  queue.run()
  await answer(done(5))
  await answer(done(6))
  state.epoch = 'f'
  await answer(done(2))
  const missing = () => ids(queue.missingIn({ epoch: 'f', seq: 0 }))
  expect(missing()).toEqual(['m3', 'm4'])
  // Those of another log have either come with this state or never will.
  const { ops, done: landed } = queue.landedBy({ epoch: 'f', seq: 1 })
  expect(ops).toEqual([{ drop: 'a/mutation/000000000000' }, { drop: 'a/mutation/000000000001' }])
  landed()
  expect(queue.landedBy({ epoch: 'f', seq: 1 }).ops).toEqual([])
  expect(queue.landedBy({ epoch: 'f', seq: 2 }).ops).toEqual([{ drop: 'a/mutation/000000000002' }])
  expect(missing()).toEqual(['m3', 'm4'])
})

test('D6: a full queue and a body that is too large are refused, to the byte', async () => {
  const { queue } = await house()
  const wrapping = new TextEncoder().encode(JSON.stringify({ notes: '' })).length
  const body = (bytes: number) => ({ notes: `é${'x'.repeat(bytes - wrapping - 2)}` })
  expect(() => queue.add(mutation(1, { body: body(1_000_001) }))).toThrow(
    expect.objectContaining({ code: 'too-large', message: expect.stringContaining('1000000') }),
  )
  queue.add(mutation(1, { body: body(1_000_000) }))
  for (let n = 1; n < 10_000; n++) queue.add(mutation(1))
  expect(() => queue.add(mutation(1))).toThrow(expect.objectContaining({ code: 'queue-full' }))
  expect(queue.undecided).toHaveLength(10_000)
})
