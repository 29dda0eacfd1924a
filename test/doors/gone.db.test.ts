import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type Restaurant, type TestApp } from '../kit.ts'

/** Clients that hang up while their request waits for the database, on real sockets. */

let app: TestApp
let restaurant: Restaurant
beforeAll(async () => {
  app = await startApp({ POOL_SIZE: '1' })
  restaurant = await app.restaurant()
})
afterAll(() => app.close())

/** Sends a request and leaves the answer unread. */
async function send(method: string, path: string, body: object | null): Promise<Socket> {
  const socket = connect(Number(new URL(app.base).port), '127.0.0.1')
  await once(socket, 'connect')
  const text = body === null ? '' : JSON.stringify(body)
  socket.write(
    `${method} ${path} HTTP/1.1\r\nhost: cedar.example\r\nauthorization: Bearer ${restaurant.token}\r\n` +
      `content-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
  )
  return socket
}

test('P17: a request whose client is gone takes no connection and changes nothing', async () => {
  const { db } = app.database
  // Who it is, is known for a while from here on.
  await restaurant.v2('GET', '/tables')
  let release = () => undefined as void
  const held = new Promise<void>((resolve) => (release = resolve))
  const holder = db.transaction({ restaurantId: restaurant.id }, () => held)
  const [ios, v2] = [`/restaurants/${restaurant.id}`, `/v2/restaurants/${restaurant.id}`]
  const sockets = await Promise.all([
    send('POST', `${ios}/guests`, { first_name: 'Ada', party_size: 2 }),
    send('POST', `${v2}/guests`, { firstName: 'Ada', partySize: 2 }),
    send('GET', `${v2}/guests`, null),
    send('GET', `${v2}/changes?epoch=00000000-0000-4000-8000-000000000000&since=0`, null),
  ])
  await expect.poll(() => db.figures.waiting).toBe(sockets.length)
  for (const socket of sockets) socket.destroy()
  // Only then is there a connection again: had they waited on, each would have had it.
  await expect.poll(() => db.figures.waiting).toBe(0)
  release()
  await holder
  expect((await restaurant.call('GET', '/guests')).body).toEqual([])
  expect(db.figures).toMatchObject({ waiting: 0 })
})
