import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { openDevice, type Device } from '../../../test/kit.ts'
import type { House } from '../../../test/parts.ts'
import { count, endOf, expectOpen, openStream, type TestStream } from '../../../test/streams.ts'
import { limits } from '../../platform/limits.ts'
import { newId } from '../../platform/ids.ts'
import { upTo } from '../../../test/patience.ts'

/** What is done for all devices on the stream together. */

vi.setConfig({ testTimeout: upTo(5_000) })

let common: TestStream
let at: TestStream
let house: House
beforeAll(async () => {
  common = await openStream()
})
afterAll(() => common.close())
beforeEach(() => start(common))
async function start(given: TestStream): Promise<void> {
  at = given
  house = await at.parts.house()
}

test('F4, C2: the stream takes its own addresses and no other', async () => {
  const id = newId()
  const takes = (url: string | undefined) =>
    at.stream.takes({ url, headers: { authorization: 'x y' } } as IncomingMessage, new PassThrough(), Buffer.alloc(0))
  for (const url of [
    undefined,
    '',
    '/',
    `/v2/restaurants/${id}/streams`,
    `/v2/restaurants/${id}/stream/`,
    `/v1/v2/restaurants/${id}/stream`,
    `/v2/restaurants/${id.slice(1)}/stream`,
    `/v2/restaurants/${id}0/stream`,
    `/v2/restaurants/${id.toUpperCase().replace(/[0-9]/g, 'G')}/stream`,
    `/v2/restaurants//stream`,
  ])
    expect(takes(url), url).toBe(false)
  expect(takes(`/v2/restaurants/${id}/stream`)).toBe(true)
  expect(takes(`/v2/restaurants/${id}/stream?since=1?x`)).toBe(true)
  const device = await openDevice(at.base, `/v2/restaurants/${house.id}/stream?x=1`, { wait: false })
  await device.close()
})

test('M3: sockets, their restaurants and what they have not taken are counted', async () => {
  const other = await at.parts.house()
  const silent = await at.open(house)
  expect(at.stream.figures).toEqual({ sockets: 1, restaurants: 0 })
  const devices = [await at.greeted(house), await at.greeted(house), await at.greeted(other)]
  expect(at.stream.figures).toEqual({ sockets: 4, restaurants: 2 })
  expect([...at.stream.byRestaurant()]).toEqual([
    [house.id, 2],
    [other.id, 1],
  ])
  expect(at.stream.backlogBytes).toBe(0)
  // Two devices, before the turn in which they are sent it has ended.
  await at.parts.addTable(house)
  const { live, release } = await at.parts.floors.hold(house.id)
  const change = { ...live.floor.standing, command: 'test', mutationId: null, actorId: null, device: null, entries: [] }
  at.parts.hub.publish({ ...change, restaurantId: house.id, seq: 2 })
  const waiting = at.stream.backlogBytes
  expect(waiting).toBeGreaterThan(200)
  expect(waiting % 2).toBe(0)
  release()
  for (const device of [...devices, silent]) await device.close()
  await expect.poll(() => at.stream.figures, { interval: 5 }).toEqual({ sockets: 0, restaurants: 0 })
})

test('F3, F7, W7: from time to time each room has its heartbeat and forgets what nobody needs, and devices that are too old are closed', async () => {
  await start(await openStream({ maxAge: 1_200, random: () => 0 }))
  const device = await at.greeted(house)
  const room = at.stream.room(house.id)
  const { live, release } = await at.parts.floors.hold(house.id)
  const frame = room.catchUp.snapshot(live.floor)
  const end = endOf(device)
  await device.until(() => device.all.some(({ type }) => type === 'heartbeat'))
  await expect.poll(() => room.catchUp.snapshot(live.floor) === frame).toBe(false)
  expect(await end).toEqual([4408, 'connect again'])
  release()
  await expect.poll(() => at.stream.figures, { interval: 5 }).toEqual({ sockets: 0, restaurants: 0 })
  await at.close()
})

test('F5: a server that stops tells each device when to come back, also one that it is letting in, and waits for none', async () => {
  await start(await openStream())
  const [one, stuck] = [await at.greeted(house), await at.greeted(house)]
  at.db.hold('read-identity')
  const other = await at.parts.house()
  const entering = at.open(other, other.token)
  await expect.poll(() => at.db.held, { interval: 5 }).toBe(1)
  stuck.ws.pause()
  const ends = [endOf(one)]
  const began = performance.now()
  const closing = at.stream.close()
  await new Promise((resolve) => setImmediate(resolve))
  at.db.letAll()
  const late: Device = await entering
  ends.push(endOf(late))
  expect(await Promise.all(ends)).toEqual([
    [1001, 'server stopping'],
    [1001, 'server stopping'],
  ])
  const afterMillis = Math.floor(0.99 * limits.reconnectSpreadMillis)
  const away = { type: 'reconnect', afterMillis, reason: 'the server is stopping' }
  expect([one.messages.at(-1), late.messages]).toEqual([away, [away]])
  await closing
  // The one that doesn't answer is not waited for longer than a second.
  expect(performance.now() - began).toBeGreaterThan(900)
  await expect.poll(() => at.stream.figures, { interval: 5 }).toEqual({ sockets: 0, restaurants: 0 })
  expect(at.parts.floors.figures).toMatchObject({ floors: 1, idle: 1 })
  await at.close()
})

test('F1: a device that leaves a room which others are in leaves it to them', async () => {
  const [one, two] = [await at.greeted(house), await at.greeted(house)]
  const room = at.stream.room(house.id)
  await one.close()
  await expect.poll(() => room.size, { interval: 5 }).toBe(1)
  expect(at.stream.room(house.id)).toBe(room)
  await at.parts.addTable(house)
  await expectOpen(two)
  expect(count(two, 'changes')).toBe(1)
  await two.close()
  await expect.poll(() => at.stream.figures.restaurants, { interval: 5 }).toBe(0)
  // An old room that is closed once more is not the new one's end.
  const next = at.stream.room(house.id)
  room.close()
  expect(at.stream.room(house.id)).toBe(next)
})
