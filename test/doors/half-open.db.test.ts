import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { limits } from '../../src/platform/limits.ts'
import { newId } from '../../src/platform/ids.ts'
import { startApp, type Restaurant, type TestApp } from '../kit.ts'
import { upTo, within } from '../patience.ts'

/** Peers that never close their half of a connection: the server closes both. */

const PEERS = Number(process.env['HALF_OPEN_PEERS'] ?? 40)

let app: TestApp
let restaurant: Restaurant
let port: number
beforeAll(async () => {
  app = await startApp()
  restaurant = await app.restaurant()
  port = Number(new URL(app.base).port)
  app.app.server.server.on('connection', (socket) => {
    held.add(socket)
    socket.once('close', () => held.delete(socket))
  })
})
afterAll(() => app.close())

/** How many of some peers the server holds still. */
const held = new Set<Socket>()
const heldOf = (peers: readonly Socket[]): number => {
  const ports = new Set(peers.map(({ localPort }) => localPort))
  return [...held].filter(({ destroyed, remotePort }) => !destroyed && ports.has(remotePort)).length
}

function head(path: string, headers: Record<string, string> = {}): string {
  const all = {
    Host: 'qtable',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    ...headers,
  }
  return `GET ${path} HTTP/1.1\r\n${Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`
}

// A text frame with a mask of zeros.
const frame = (text: string) => Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)])

/** Opens a peer that says something, again once it was answered, and then neither closes nor answers. Resolves with the answer's first line. */
const peer = (says: string | Buffer, then: Buffer | undefined, all: Socket[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => void socket.write(says))
    all.push(socket)
    socket.on('error', reject)
    socket.once('data', (chunk) => {
      if (then) socket.write(then)
      // Reads no further: neither a closing frame nor the end is heard.
      socket
        .removeAllListeners('error')
        .on('error', () => undefined)
        .pause()
      resolve(chunk.toString('latin1').split('\r\n', 1)[0]!)
    })
  })

const stream = () => `/v2/restaurants/${restaurant.id}/stream`
const bad = { Authorization: 'Bearer nope' }
const cases: readonly [string, () => string, RegExp, Buffer?][] = [
  ['an address that is no socket', () => head('/nope'), / 403 /],
  ['an address that is none', () => head('//'), / 403 /],
  ['realtime without a restaurant', () => head('/realtime'), / 403 /],
  ['realtime with a bad token', () => head(`/realtime?restaurant_id=${restaurant.id}`, bad), / 403 /],
  ['sync with a bad token', () => head('/ws/restaurant/sync?token=nope'), / 403 /],
  ['the stream with a bad token', () => head(stream(), bad), / 401 /],
  [
    'the stream of another restaurant',
    () => head(`/v2/restaurants/${newId()}/stream`, { Authorization: `Bearer ${restaurant.token}` }),
    / 404 /,
  ],
  [
    'HTTP/2 in place of a WebSocket',
    () => head('/health', { Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABkAAQAoAAAAAIAAAAA' }),
    / 403 /,
  ],
  ['the stream, asked for HTTP/2', () => head(stream(), { Upgrade: 'h2c' }), / 400 /],
  ['a handshake without a key', () => head(stream(), { 'Sec-WebSocket-Key': '' }), / 400 /],
  [
    'realtime, closed for its first message',
    () => head(`/realtime?restaurant_id=${restaurant.id}`),
    / 101 /,
    frame('nope'),
  ],
  [
    'sync, closed for its token',
    () => head('/ws/restaurant/sync'),
    / 101 /,
    frame('{"type":"authenticate","token":"nope"}'),
  ],
  ['the stream, closed for its first message', () => head(stream()), / 101 /, frame('{"type":"ping"}')],
  ['an ordinary request that closes', () => head('/health', { Connection: 'close', Upgrade: '' }), / 200 /],
]

describe('W11: a connection that the server is done with is closed, whatever its peer does', () => {
  for (const [name, says, answer, then] of cases)
    // Each knows its own connections by their ports, so they wait together.
    test.concurrent(`W11: ${name}`, async ({ expect }) => {
      const all: Socket[] = []
      try {
        const lines = await Promise.all(Array.from({ length: PEERS }, () => peer(says(), then, all)))
        for (const line of lines) expect(line).toMatch(answer)
        const began = performance.now()
        await expect.poll(() => heldOf(all), { timeout: upTo(20_000), interval: 20 }).toBe(0)
        const most = then ? limits.closedSocketMillis : limits.refusedSocketMillis
        expect(performance.now() - began).toBeLessThan(within(most + 2_000))
      } finally {
        for (const socket of all) socket.destroy()
      }
    })

  test('W11: sockets that an operator closes, whose peers never answer', async () => {
    const all: Socket[] = []
    const token = (await restaurant.signIn()).accessToken
    const headers = { Authorization: `Bearer ${token}` }
    const path = `/realtime?restaurant_id=${restaurant.id}`
    await Promise.all(Array.from({ length: PEERS }, () => peer(head(path, headers), undefined, all)))
    await expect.poll(() => app.app.sockets.figures.sockets).toBe(PEERS)
    expect((await restaurant.v2('DELETE', `/staff/${restaurant.staffId}/sign-ins`)).status).toBe(200)
    await expect.poll(() => heldOf(all), { timeout: upTo(20_000), interval: 20 }).toBe(0)
    await expect.poll(() => app.app.sockets.figures.sockets).toBe(0)
    for (const socket of all) socket.destroy()
  })
})
