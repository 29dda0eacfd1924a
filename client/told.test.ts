import fc from 'fast-check'
import { expect, test } from 'vitest'
import { change, EPOCH, HORIZON } from '../test/lines.ts'
import { device } from '../test/used-device.ts'
import type { News } from './changes.ts'
import { EVENTS, next, standing, type Standing, type State } from './connection.ts'
import { ServerClock } from './server-clock.ts'

/** What a device says of itself and of others: how it stands, what time it is, and what others did. */

test('D16: whatever happens, a device that stands offline leaves that only with a connection or a person', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 40 }), (events) => {
      let [state, is]: [State, Standing] = ['stopped', 'catching-up']
      for (const event of events) {
        const before = is
        state = next(state, event).to
        is = standing(before, state)
        const [decides, stays] = [
          ['live', 'catching-up', 'barred', 'signed-out'],
          ['waiting', 'connecting', 'greeting'],
        ]
        if (decides.includes(state)) expect(is).toBe(state)
        else expect(is).not.toBe('live')
        if (before === 'offline' && stays.includes(state)) expect(is).toBe('offline')
        if (state === 'offline' || state === 'stopped') expect(is).toBe('offline')
      }
    }),
  )
})

test('D16: an hour without a network is one change of how the device stands, and what is shown stays as it is', async () => {
  const { qtable, live, last, pass, state, say, settle } = await device()
  const stood: string[] = []
  const note = () => {
    const { is } = qtable.connection
    if (stood.at(-1) !== is) stood.push(is)
  }
  note()
  qtable.subscribe(note)
  await live()
  await settle()
  const { connection } = qtable
  expect(connection).toEqual({ is: 'live', since: state.now })
  const { guests } = qtable.floor
  last().handlers.onClose(1006)
  await settle()
  await pass(1_000)
  last().handlers.onClose(1006)
  const offline = qtable.connection
  for (let n = 0; n < 60; n++) {
    await pass(1_000)
    if (qtable.status === 'connecting') last().handlers.onClose(1006)
    await settle()
  }
  // The same objects until they change.
  expect(qtable.floor.guests).toBe(guests)
  expect(qtable.connection).toBe(offline)
  while (qtable.status !== 'connecting') await pass(1_000)
  last().handlers.onOpen()
  say({ type: 'resumed', epoch: EPOCH, head: 4 })
  await settle()
  expect(stood).toEqual(['catching-up', 'live', 'catching-up', 'offline', 'live'])
  await qtable.signOut()
  expect(qtable.connection.is).toBe('signed-out')
})

test('D16: when the device last had everything outlives a restart without a network, and is told when it changes', async () => {
  const { qtable, open, live, say, pass, settle, state } = await device()
  expect(qtable.lastSyncedAt).toBeNull()
  await live()
  const first = qtable.lastSyncedAt!
  expect([first, (await open()).lastSyncedAt]).toEqual([state.now, first])
  let told = 0
  qtable.subscribe(() => void told++)
  const beat = (serverAt = state.now) =>
    say({
      type: 'heartbeat',
      epoch: EPOCH,
      head: 4,
      at: new Date(serverAt).toISOString(),
      horizon: HORIZON,
      hash: qtable.confirmed.hash(),
    })
  await pass(5_000)
  beat()
  await settle()
  expect([qtable.lastSyncedAt, told]).toEqual([first + 5_000, 1])
  // Not stored at each heartbeat, and not later than half a minute after one.
  expect((await open()).lastSyncedAt).toBe(first)
  for (let n = 0; n < 5; n++) {
    await pass(5_000)
    beat()
  }
  await settle()
  expect((await open()).lastSyncedAt).toBe(first + 30_000)
  await pass(5_000)
  beat()
  await qtable.stop()
  expect((await open()).lastSyncedAt).toBe(first + 35_000)
})

test("D16: the server's time is the device's with the median of the last few differences, also after a restart", async () => {
  const clock = new ServerClock(7)
  expect(clock.offset).toBe(7)
  const said: number[] = []
  for (const late of [100, 90_000, 120, 80, 110, 100]) {
    clock.heard(new Date(1_000_000 - late).toISOString(), 1_000_000)
    said.push(clock.offset)
  }
  expect(said).toEqual([-100, -100, -120, -100, -110, -110])
  clock.heard('no time', 5)
  expect(clock.offset).toBe(-110)
  const { qtable, open, live, say, pass, state } = await device()
  await live()
  expect(qtable.serverNow()).toBe(state.now)
  const at = new Date(state.now + 3_600_000).toISOString()
  say({ type: 'heartbeat', epoch: EPOCH, head: 4, at, horizon: HORIZON, hash: qtable.confirmed.hash() })
  expect(qtable.serverNow()).toBe(state.now + 3_600_000)
  await pass(30_000)
  await qtable.stop()
  const again = await open()
  expect(again.serverNow()).toBe(state.now + 3_600_000)
})

test('D17: each change is told with who did it, where, and what its entities were and are', async () => {
  const { qtable, live, say, settle } = await device()
  const heard: News[] = []
  const end = qtable.onChange((news) => void heard.push(news))
  await live()
  const own = qtable.do.updateGuest({ guestId: 'a', notes: 'n' })
  const was = qtable.confirmed.get('guest', 'a')!.value
  const put = { op: 'put', kind: 'guest', id: 'a', version: 8, value: { ...was, version: 8 }, event: 'status-changed' }
  const drop = { op: 'drop', kind: 'guest', id: 'a', version: 8, event: 'deleted' }
  const by = { command: 'seat-guest', actorId: 'ana', device: 'Bar' }
  say({
    type: 'changes',
    changes: [
      { ...change(5), ...by, entries: [put] },
      { ...change(6), mutationId: own.id },
    ],
  })
  expect(heard).toEqual([])
  await settle()
  expect(heard[0]).toEqual({
    epoch: EPOCH,
    seq: 5,
    at: change(5).at,
    ...by,
    event: 'status-changed',
    mutationId: null,
    isOwn: false,
    entities: [{ kind: 'guest', id: 'a', event: 'status-changed', before: was, after: put.value }],
  })
  expect(heard[1]).toMatchObject({ seq: 6, event: null, actorId: null, isOwn: true, mutationId: own.id })
  expect(heard[1]!.entities).toMatchObject([{ id: 'g6', before: null, after: { id: 'g6' } }])
  say({ type: 'changes', changes: [{ ...change(7), entries: [drop] }] })
  await settle()
  say({ type: 'changes', changes: [{ ...change(8), entries: [] }] })
  await settle()
  expect(heard[2]!.entities).toEqual([{ kind: 'guest', id: 'a', event: 'deleted', before: put.value, after: null }])
  expect(heard[3]).toMatchObject({ seq: 8, event: null, entities: [] })
  // What is had already is told once.
  say({ type: 'changes', changes: [change(7)] })
  end()
  say({ type: 'changes', changes: [change(9)] })
  await settle()
  expect(heard).toHaveLength(4)
})
