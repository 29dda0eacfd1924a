import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'
import { Account, Client } from './client.ts'
import { Device } from './device.ts'
import { Tally } from './tally.ts'
import { upTo } from '../test/patience.ts'

const GUEST = { id: 'g1', name: 'Ada', firstName: 'Ada', lastName: '', partySize: 2, status: 'Waitlist', tableId: null }

/** A server of two lists and a socket, in the test's hands. */
async function startFake() {
  const guests = [{ ...GUEST }]
  const sockets = new Set<WebSocket>()
  let [lists, held]: [number, (() => void)[] | null] = [0, null]
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const send = (body: object) => void response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
    if (request.url === '/auth/register') return send({})
    if (request.url === '/auth/login') return send({ access_token: 'token', restaurant_id: 'r1' })
    if (!request.url?.endsWith('/guests')) return send([])
    lists++
    const snapshot = structuredClone(guests)
    return held ? void held.push(() => send(snapshot)) : send(snapshot)
  }
  const server = createServer(answer).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const wss = new WebSocketServer({ server })
  wss.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.send(JSON.stringify({ type: 'restaurant_connect', restaurant_id: 'r1' }))
  })
  let seconds = 0
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    guests,
    sockets,
    lists: () => lists,
    hold: () => (held = []),
    release() {
      for (const send of held ?? []) send()
      held = null
    },
    /** Stores a status and tells it. */
    change(status: string) {
      guests[0]!.status = status
      const timestamp = `2026-11-23T18:00:${String(++seconds).padStart(2, '0')}.000000Z`
      const data = { ...guests[0], guestName: 'Ada', email: '', phone: '', notes: '' }
      for (const socket of sockets)
        socket.send(JSON.stringify({ type: 'guest_updated', guest_id: 'g1', timestamp, data }))
    },
    close() {
      for (const socket of sockets) socket.terminate()
      wss.close()
      server.closeAllConnections()
      server.close()
    },
  }
}

const undo: (() => void)[] = []
afterEach(() => undo.splice(0).forEach((each) => each()))

async function start(faulty = false) {
  const fake = await startFake()
  const tally = new Tally()
  const account = await Account.register(new Client(fake.url), 'Cedar')
  const device = new Device({ account, tally, index: 0, both: false, faulty })
  undo.push(
    () => fake.close(),
    () => device.close(),
  )
  return { fake, tally, device }
}

const status = (device: Device) => device.copy.guests.get('g1')?.['status']

test('messages that come while a device is loading are applied after it', async () => {
  const { fake, device } = await start()
  fake.hold()
  void device.run()
  await vi.waitFor(() => expect(fake.lists()).toBe(1), { timeout: upTo(5_000) })
  fake.change('Seated')
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(device.ready).toBe(false)
  fake.release()
  await vi.waitFor(() => expect(device.ready).toBe(true), { timeout: upTo(5_000) })
  expect(status(device)).toBe('Seated')
})

test('a device whose connection breaks connects again and loads what it missed', async () => {
  const { fake, tally, device } = await start()
  void device.run()
  await vi.waitFor(() => expect(device.ready).toBe(true), { timeout: upTo(5_000) })
  for (const socket of fake.sockets) socket.terminate()
  fake.guests[0]!.status = 'Finished'
  await vi.waitFor(() => expect(status(device)).toBe('Finished'), { timeout: upTo(5_000) })
  expect(tally.lost).toBe(1)
  expect(fake.lists()).toBe(2)
})

test('a device with the planted fault loses every twentieth message', async () => {
  const { fake, tally, device } = await start(true)
  void device.run()
  await vi.waitFor(() => expect(device.ready).toBe(true), { timeout: upTo(5_000) })
  for (let i = 1; i <= 20; i++) fake.change(i === 20 ? 'Finished' : 'Seated')
  await vi.waitFor(() => expect(tally.deliveries).toBe(20), { timeout: upTo(5_000) })
  expect(status(device)).toBe('Seated')
})
