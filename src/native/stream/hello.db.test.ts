import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDevice, startApp, type Device, type Restaurant, type TestApp } from '../../../test/kit.ts'
import { limits } from '../../platform/limits.ts'
import type { SignedIn } from '../../staff/sign-ins/start-sign-in.ts'

/** What a second hello on the same socket changes. */

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

const open = ({ id }: Pick<Restaurant, 'id'>): Promise<Device> =>
  openDevice(app.base, `/v2/restaurants/${id}/stream`, { wait: false })

/** Says hello and waits for the floor. */
async function hello(device: Device, token?: string): Promise<void> {
  const count = () => device.messages.filter(({ type }) => type === 'snapshot').length
  const before = count()
  device.ws.send(JSON.stringify({ type: 'hello', ...(token !== undefined && { token }) }))
  await device.until(() => count() > before)
}

const signOut = ({ refreshToken }: SignedIn) => app.call('POST', '/v2/sign-out', { refreshToken })

async function expectOpen(device: Device): Promise<void> {
  const pongs = () => device.messages.filter(({ type }) => type === 'pong').length
  const before = pongs()
  device.ws.send('{"type":"ping"}')
  await device.until(() => pongs() > before)
}

test('F4, W8: after a second hello in the name of another sign-in it is that one that the socket ends with', async () => {
  const restaurant = await app.restaurant()
  const [first, second] = [await restaurant.signIn(), await restaurant.signIn()]
  const device = await open(restaurant)
  await hello(device, first.accessToken)
  await hello(device, second.accessToken)
  expect(app.app.access.figures.people).toBe(1)
  await signOut(first)
  await app.app.access.review()
  await expectOpen(device)
  await signOut(second)
  expect(await device.closed).toBe(4401)
  expect(app.app.access.figures.people).toBe(0)
})

test('F4, W8: a second hello in the same name leaves the socket under review, once', async () => {
  const restaurant = await app.restaurant()
  const signedIn = await restaurant.signIn()
  const device = await open(restaurant)
  await hello(device, signedIn.accessToken)
  // The token of the hello before counts where none is sent.
  await hello(device)
  expect(app.app.access.figures.people).toBe(1)
  await signOut(signedIn)
  expect(await device.closed).toBe(4401)
})

test('F4: a second hello is checked as the first was, and waits its time', async () => {
  const restaurant = await app.restaurant()
  const other = await app.restaurant()
  const device = await open(restaurant)
  await hello(device, restaurant.token)
  const began = performance.now()
  await hello(device, restaurant.token)
  expect(performance.now() - began).toBeGreaterThan(limits.streamHelloMillis - 300)
  device.ws.send(JSON.stringify({ type: 'hello', token: other.token }))
  expect(await device.closed).toBe(4403)
})

test('F1, F4: of hellos that come at once the last is answered, and the device then hears every change once', async () => {
  const restaurant = await app.restaurant()
  const device = await open(restaurant)
  await hello(device, restaurant.token)
  for (let n = 0; n < 5; n++) device.ws.send(JSON.stringify({ type: 'hello', token: restaurant.token }))
  const count = (type: string) => device.messages.filter((message) => message['type'] === type).length
  await device.until(() => count('snapshot') === 2)
  await restaurant.walkIn()
  await device.until(() => count('changes') === 1)
  await restaurant.walkIn()
  await device.until(() => count('changes') === 2)
  expect([count('resync'), count('snapshot')]).toEqual([2, 2])
  await device.close()
})

test('W9: a device that leaves, settled or while it is brought up, leaves nothing behind', async () => {
  const restaurant = await app.restaurant()
  const [settled, early] = [await open(restaurant), await open(restaurant)]
  settled.ws.send(JSON.stringify({ type: 'hello', token: restaurant.token }))
  await settled.until((heard) => heard.some(({ type }) => type === 'snapshot'))
  early.ws.send(JSON.stringify({ type: 'hello', token: restaurant.token }))
  for (const device of [settled, early]) device.ws.terminate()
  const { floors } = app.app
  await expect
    .poll(() => [app.app.stream.figures, app.app.access.figures.people])
    .toEqual([{ sockets: 0, restaurants: 0 }, 0])
  await expect.poll(() => floors.figures.floors - floors.figures.idle).toBe(0)
})
