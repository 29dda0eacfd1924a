import { afterEach, expect, test, vi } from 'vitest'
import { count, endOf, expectOpen, say, seqsOf, useStream, type TestStream } from '../../../test/streams.ts'
import { WebSocket } from 'ws'
import type { Device } from '../../../test/kit.ts'
import type { House, Parts } from '../../../test/parts.ts'
import { limits } from '../../platform/limits.ts'
import { newId } from '../../platform/ids.ts'
import type { Follower } from './stream-room.ts'
import { upTo } from '../../../test/patience.ts'

/** Rare orders of events on the stream: what the database answers, and what is waited for, comes when the test says so. */

vi.setConfig({ testTimeout: upTo(5_000) })

let at: TestStream
let parts: Parts
let house: House
let open: TestStream['open']
let greeted: TestStream['greeted']
useStream(
  (stream) => {
    at = stream
    ;({ parts, open, greeted } = at)
  },
  (each) => (house = each),
)
afterEach(() => {
  vi.useRealTimers()
  at.db.letAll()
})

/** From here on nobody's time is over before the test says so. */
const stopTimers = () => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
const sql = (text: string) => at.database.sql(text, [house.id])
const renew = () => sql('update qtable.heads set epoch = gen_random_uuid() where restaurant_id = $1')
const heldFloors = () => parts.floors.figures.floors - parts.floors.figures.idle
const hello = (device: Device, more: object = {}) => say(device, { type: 'hello', token: house.token, ...more })
/** Lets time pass until something holds. */
async function passUntil(holds: () => boolean): Promise<void> {
  const pass = () => {
    vi.advanceTimersByTime(50)
    return holds()
  }
  await expect.poll(pass, { interval: 5 }).toBe(true)
}
async function held(): Promise<void> {
  await expect.poll(() => at.db.held, { interval: 5 }).toBeGreaterThan(0)
}
async function expectNothingLeft(): Promise<void> {
  const left = () => [at.stream.figures, at.access.figures.people, heldFloors()]
  await expect.poll(left, { interval: 5 }).toEqual([{ sockets: 0, restaurants: 0 }, 0, 0])
}

test('F4: who says no hello is closed when the time for it is over, and who has said it is not', async () => {
  stopTimers()
  const [silent, greets, early] = [await open(house), await open(house), await open(house)]
  hello(greets)
  await greets.until((heard) => heard.length === 2)
  early.ws.terminate()
  await expect.poll(() => at.stream.figures.sockets, { interval: 5 }).toBe(2)
  const end = endOf(silent)
  vi.advanceTimersByTime(limits.socketSignInMillis - 500)
  await expectOpen(greets)
  expect(silent.ws.readyState).toBe(silent.ws.OPEN)
  vi.advanceTimersByTime(500)
  expect(await end).toEqual([4401, 'no hello'])
  await expectOpen(greets)
  await greets.close()
  vi.useRealTimers()
  await expectNothingLeft()
})

test('F4: the next hello waits its time, and is answered once', async () => {
  const device = await greeted(house)
  stopTimers()
  for (const answered of [1, 2]) {
    hello(device)
    await expectOpen(device)
    vi.advanceTimersByTime(limits.streamHelloMillis / 2)
    await expectOpen(device)
    expect(count(device, 'snapshot')).toBe(answered)
    await passUntil(() => count(device, 'snapshot') === answered + 1)
  }
  expect(count(device, 'resync')).toBe(3)
  await parts.addTable(house)
  await expectOpen(device)
  expect(seqsOf(device)).toEqual([1])
  await device.close()
})

test('F1, F4: while a hello is looked into another comes: only the last is answered', async () => {
  const device = await greeted(house)
  stopTimers()
  const told = () => [count(device, 'resync'), count(device, 'snapshot')]
  // Two that wait for their time.
  hello(device)
  hello(device)
  await passUntil(() => count(device, 'snapshot') === 2)
  vi.advanceTimersByTime(limits.streamHelloMillis)
  await expectOpen(device)
  expect(told()).toEqual([2, 2])
  // One that asks where the log stands, and one meanwhile.
  at.db.hold('read-heads')
  hello(device, { epoch: newId(), since: 0 })
  await passUntil(() => at.db.held > 0)
  hello(device)
  await expectOpen(device)
  at.db.letAll()
  await expectOpen(device)
  expect(told()).toEqual([2, 2])
  await passUntil(() => count(device, 'snapshot') === 3)
  await parts.addTable(house)
  await expectOpen(device)
  expect([...told(), seqsOf(device)]).toEqual([3, 3, [1]])
  await device.close()
})

test('F1, F4: a hello that comes while the floor is still read for the one before is answered from that floor', async () => {
  stopTimers()
  const device = await open(house)
  at.db.hold('read-heads')
  hello(device)
  await held()
  hello(device)
  await expectOpen(device)
  vi.advanceTimersByTime(limits.streamHelloMillis)
  await expectOpen(device)
  at.db.letAll()
  await passUntil(() => count(device, 'snapshot') === 1)
  await parts.addTable(house)
  await expectOpen(device)
  expect([count(device, 'resync'), seqsOf(device)]).toEqual([1, [1]])
  await device.close()
})

test('W9: a device that goes while it is looked up, while its floor is read or while it is brought up leaves nothing', async () => {
  for (const [name, place] of [
    ['read-identity', {}],
    ['read-heads', {}],
  ] as const) {
    const device = await open(house)
    at.db.hold(name)
    hello(device, place)
    await held()
    device.ws.terminate()
    await expect.poll(() => at.stream.figures.sockets, { interval: 5 }).toBe(0)
    at.db.letAll()
    await expectNothingLeft()
    house = await parts.house()
  }
  const stays = await greeted(house)
  const device = await open(house)
  at.db.hold('read-heads')
  hello(device, { epoch: newId(), since: 0 })
  await held()
  device.ws.terminate()
  await expect.poll(() => at.stream.figures.sockets, { interval: 5 }).toBe(1)
  at.db.letAll()
  await parts.addTable(house)
  await expectOpen(stays)
  expect([...at.stream.byRestaurant()]).toEqual([[house.id, 1]])
  await stays.close()
  await expectNothingLeft()
})

test('W9: a handshake whose device has gone meanwhile opens no socket', async () => {
  at.db.hold('read-identity')
  const asked = new WebSocket(`${at.base.replace('http', 'ws')}/v2/restaurants/${house.id}/stream`, {
    headers: { authorization: `Bearer ${house.token}` },
  })
  asked.on('error', () => undefined)
  await held()
  asked.terminate()
  at.db.letAll()
  const device = await open(house, house.token)
  await expect.poll(() => at.stream.figures.sockets, { interval: 5 }).toBe(1)
  await device.close()
  await expectNothingLeft()
})

test('F4, P14: a handshake is refused by what its token is; one that cannot be looked up is told to come again', async () => {
  const other = await parts.house()
  await expect(open(house, 'nonsense')).rejects.toThrow('401')
  await expect(open(house, other.token)).rejects.toThrow('404')
  const closed = await parts.house()
  await at.database.sql('update qtable.restaurants set is_active = false where restaurant_id = $1', [closed.id])
  await expect(open(closed, closed.token)).rejects.toThrow('403')
  const gone = await parts.house()
  await at.database.sql('update qtable.staff set is_active = false where restaurant_id = $1', [gone.id])
  await expect(open(gone, gone.token)).rejects.toThrow('401')
  at.db.fail()
  await expect(open(house, house.token)).rejects.toThrow('503')
  const device = await open(house, house.token)
  await device.close()
})

test('P14: a device whose hello cannot be looked into is told to come again, and nothing of it is left', async () => {
  for (const fails of ['who it is', 'its floor']) {
    const device = await open(house, fails === 'its floor' ? house.token : undefined)
    at.db.fail()
    const end = endOf(device)
    hello(device)
    expect(await end, fails).toEqual([1001, 'the log cannot be read'])
    await expectNothingLeft()
    house = await parts.house()
  }
})

test('F2: a floor that can no longer be read sends its devices away', async () => {
  const device = await greeted(house)
  const end = endOf(device)
  await renew()
  await at.database.sql('revoke select on qtable.tables from qtable_app')
  await parts.hub.poll()
  expect(await end).toEqual([1001, 'the log cannot be read'])
  await at.database.sql('grant select on qtable.tables to qtable_app')
  await expectNothingLeft()
})

test('W8: a socket belongs to whom its last hello named, once, and ends with them', async () => {
  const device = await greeted(house)
  expect(at.access.figures.people).toBe(1)
  const end = endOf(device)
  await sql('update qtable.staff set is_active = false where restaurant_id = $1')
  await at.access.review()
  expect(await end).toEqual([4401, 'no longer signed in'])
  await expectNothingLeft()
})

test('W9: a full room takes nobody more, and nobody more is left of them', async () => {
  const room = at.stream.room(house.id)
  const nothing = () => undefined
  const all = Array.from({ length: limits.socketsPerRestaurant }, (): Follower => {
    return { tell: nothing, send: nothing, beginAnew: nothing, lost: nothing }
  })
  for (const each of all) await room.enter(each)
  const device = await open(house)
  const end = endOf(device)
  hello(device)
  expect(await end).toEqual([1013, 'too many sockets'])
  expect(device.messages).toEqual([])
  expect(room.size).toBe(limits.socketsPerRestaurant)
  for (const each of all) room.leave(each)
  await expectNothingLeft()
})
