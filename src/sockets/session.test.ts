import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { limits } from '../platform/limits.ts'
import { Outbox } from './outbox.ts'
import { closeCodes } from './endings.ts'
import { Session } from './session.ts'

let server: WebSocketServer
beforeAll(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
})
afterAll(() => server.close())

const HOUR = 3_600_000
const times = { heartbeat: 35_000, pingTimeout: 20_000, maxAge: 12 * HOUR }

/** A real socket pair: the session at one end, a client at the other. Time is what `sweep` is told. */
async function pair(options: { autoPong?: boolean; age?: number } = {}) {
  const { port } = server.address() as AddressInfo
  const accepted = once(server, 'connection') as Promise<[WebSocket, IncomingMessage]>
  const client = new WebSocket(`ws://127.0.0.1:${port}`, { autoPong: options.autoPong ?? true })
  const heard: string[] = []
  client.on('message', (data) => heard.push((data as Buffer).toString()))
  const closed = once(client, 'close') as Promise<[number]>
  const [ws, { socket }] = await accepted
  let gone = 0
  const owner = { onText: () => undefined, onGone: () => void gone++, heartbeat: () => 'heartbeat' }
  const start = Date.now() - (options.age ?? 0)
  const session = new Session(ws, socket, new Outbox('stream'), owner, times, start)
  if (client.readyState !== WebSocket.OPEN) await once(client, 'open')
  return { session, client, heard, closed, start, gone: () => gone }
}

test('W4: a peer that leaves a ping unanswered is closed with 1011 and gone, once', async () => {
  const { session, closed, start, gone, client } = await pair({ autoPong: false })
  session.sweep(start + limits.socketPingMillis)
  await once(client, 'ping')
  session.sweep(start + limits.socketPingMillis + times.pingTimeout - 1)
  expect(client.readyState).toBe(WebSocket.OPEN)
  session.sweep(start + limits.socketPingMillis + times.pingTimeout)
  expect((await closed)[0]).toBe(closeCodes.dead)
  await expect.poll(gone).toBe(1)
})

test('W4: a peer that answers its pings stays', async () => {
  const { session, start, client, gone } = await pair()
  for (let i = 1; i <= 5; i++) {
    session.sweep(start + i * limits.socketPingMillis)
    await once(client, 'ping')
    // The pong comes back on the same loop.
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  expect([client.readyState, gone()]).toEqual([WebSocket.OPEN, 0])
  client.close()
})

test('W4: a ping that is due within a second goes out with what is sent, and not once more', async () => {
  const { session, client, heard, start } = await pair({ age: limits.socketPingMillis - 900 })
  const pinged = once(client, 'ping')
  session.send('a change')
  await pinged
  expect(heard).toEqual(['a change'])
  let more = 0
  client.on('ping', () => more++)
  session.sweep(start + limits.socketPingMillis)
  session.sweep(start + 34_000)
  session.send('another')
  await expect.poll(() => heard).toEqual(['a change', 'another'])
  expect(more).toBe(0)
  client.close()
})

test('W3: a heartbeat comes after the silence, and again after as long', async () => {
  const { session, heard, start, client } = await pair()
  session.sweep(start + 34_000)
  session.sweep(start + 35_000)
  await once(client, 'ping')
  await new Promise((resolve) => setTimeout(resolve, 20))
  session.sweep(start + 36_000)
  session.sweep(start + 70_000)
  await expect.poll(() => heard).toEqual(['heartbeat', 'heartbeat'])
  client.close()
})

test('W7: a socket past its greatest age is closed with 4408', async () => {
  const { session, closed, start } = await pair()
  session.sweep(start + times.maxAge)
  expect((await closed)[0]).toBe(closeCodes.tooOld)
})

test('W5: what stays unread for too long closes the socket, however little it is', async () => {
  const { session, client, start, gone } = await pair()
  client.pause()
  // Past what the kernel's buffers take, so that some of it stays here.
  while (session.backlogBytes === 0) session.send('x'.repeat(100_000))
  session.sweep(start)
  session.sweep(start + limits.socketBacklogMillis - 1)
  expect(gone()).toBe(0)
  session.sweep(start + limits.socketBacklogMillis)
  await expect.poll(gone).toBe(1)
  client.terminate()
})
