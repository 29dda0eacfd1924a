import { expect, test } from 'vitest'
import { done, house, later, mutation } from '../test/queues.ts'
import { device, signedInAs } from '../test/used-device.ts'

/** What is not decided, and how a person takes it back; and what is left when a device forgets. */

test('D18: what is not decided is listed; what was never sent can be withdrawn, what may have been sent can not', async () => {
  const { queue, answer, keys, sent, state } = await house()
  const ends = [1, 2, 3].map((n) => queue.add(mutation(n, { params: { guestId: 'g' } })))
  expect(queue.pending.map(({ stage }) => stage)).toEqual(['storing', 'storing', 'storing'])
  expect(await queue.withdraw('m1')).toBe(false)
  await Promise.all(ends.map(({ stored }) => stored))
  expect(queue.pending[1]).toEqual({
    id: 'm2',
    command: 'add-guest',
    input: { n: 2, guestId: 'g' },
    madeAt: '2026-11-23T12:00:02.000000Z',
    stage: 'waiting',
  })
  queue.run()
  expect(queue.pending.map(({ stage }) => stage)).toEqual(['sending', 'waiting', 'waiting'])
  // No answer: the server may have it.
  await answer(later())
  queue.pause()
  expect(await queue.withdraw('m1')).toBe(false)
  const { changes } = state
  expect(await queue.withdraw('m2')).toBe(true)
  expect(state.changes).toBe(changes + 1)
  expect(await ends[1]!.settled).toEqual({ outcome: 'withdrawn' })
  expect(await queue.withdraw('m2')).toBe(false)
  expect([queue.pending.map(({ id }) => id), await keys()]).toEqual([
    ['m1', 'm3'],
    ['a/mutation/000000000000', 'a/mutation/000000000002'],
  ])
  queue.run()
  await answer(done(1))
  await answer(done(2))
  expect([sent.map(({ id }) => id), queue.pending]).toEqual([['m1', 'm1', 'm3'], []])
  expect(await queue.withdraw('m3')).toBe(false)
})

test('D18: after a restart the first that was left may have been sent, and so may what another tab left', async () => {
  const before = await house()
  for (const n of [1, 2, 3]) await before.queue.add(mutation(n)).stored
  await before.stored.write([{ put: 'a/mutation/000000000002', value: { ...mutation(3), isUnsure: true } }])
  const { queue, sent, answer } = await house(before.stored)
  expect(queue.pending.map(({ stage }) => stage)).toEqual(['sending', 'waiting', 'sending'])
  expect([await queue.withdraw('m1'), await queue.withdraw('m3'), await queue.withdraw('m2')]).toEqual([
    false,
    false,
    true,
  ])
  queue.run()
  await answer(done(1))
  await answer(done(2))
  expect(sent).toEqual([mutation(1), mutation(3)])
})

test('D18: what can not be removed stays and is sent; as long as nobody knows, nothing is', async () => {
  const { queue, state, sent, answer } = await house()
  await queue.add(mutation(1)).stored
  state.fails = true
  const refused = queue.withdraw('m1')
  queue.run()
  expect(sent).toEqual([])
  await expect(refused).rejects.toMatchObject({ code: 'storage' })
  state.fails = false
  await answer(done(1))
  expect(sent.map(({ id }) => id)).toEqual(['m1'])
})

test('D18: withdrawn, it is no longer shown, and what was done with it is foreseen to be refused', async () => {
  const { qtable } = await device()
  const joined = qtable.do.addGuest({ firstName: 'Bo', partySize: 2 })
  const noted = qtable.do.updateGuest({ guestId: joined.made!, notes: 'n' })
  await noted.stored
  expect(qtable.pending.map(({ command, stage }) => [command, stage])).toEqual([
    ['add-guest', 'waiting'],
    ['update-guest', 'waiting'],
  ])
  expect(await qtable.withdraw(joined.id)).toBe(true)
  expect(qtable.floor.get('guest', joined.made!)).toBeUndefined()
  expect(qtable.floor.unlikely.get(noted.id)).toEqual({
    code: 'guest-not-found',
    entity: { kind: 'guest', id: joined.made },
    current: null,
  })
})

test('D15: forgetting leaves nothing on the device, whatever is under way, and the next person starts from nothing', async () => {
  const { qtable, stored, live, say, replies, pass, settle, asked } = await device()
  await live()
  say({ type: 'changes', changes: [] })
  let answer: (reply: [number, object]) => void = () => undefined
  replies.answer = (url) => (url.endsWith('/sign-out') ? null : new Promise((resolve) => (answer = resolve)))
  const sent = qtable.do.updateGuest({ guestId: 'a', notes: 'n' })
  const waits = qtable.do.updateGuest({ guestId: 'a', notes: 'm' })
  await waits.stored
  await settle()
  await qtable.signOut({ forget: true })
  expect([await stored(''), qtable.floor.guests, qtable.pending, qtable.conflicts]).toEqual([[], [], [], []])
  expect([qtable.status, qtable.signedIn, qtable.lastSyncedAt, qtable.confirmed.seq]).toEqual([
    'signed-out',
    null,
    null,
    0,
  ])
  expect([await sent.settled, await waits.settled]).toEqual([{ outcome: 'withdrawn' }, { outcome: 'withdrawn' }])
  // The answer that was under way, and all timers: nothing is written any more.
  answer([409, { code: 'version-conflict' }])
  await pass(60_000)
  expect(await stored('')).toEqual([])
  expect(asked.filter(({ url }) => url.endsWith('/sign-out'))).toHaveLength(1)
  expect(() => qtable.do.updateGuest({ guestId: 'a' })).toThrow(expect.objectContaining({ code: 'not-signed-in' }))
  replies.answer = () => signedInAs('s')
  await qtable.signIn('s@x.example', 'secret')
  expect([qtable.pending, qtable.floor.guests, qtable.status]).toEqual([[], [], 'connecting'])
})

test('D15: what can not be forgotten is told', async () => {
  const { qtable, storage } = await device()
  storage.clear = () => Promise.reject(new Error('locked'))
  await expect(qtable.forget()).rejects.toMatchObject({ code: 'storage' })
  expect([qtable.status, qtable.floor.guests]).toEqual(['signed-out', []])
})
