import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { Instant } from '../platform/clock.ts'
import { limits } from '../platform/limits.ts'
import { Frame } from './frame.ts'
import { Outbox } from './outbox.ts'
import { closeCodes, Session } from './session.ts'
import type { SocketObserver } from './socket-observer.ts'
import { upTo } from '../../test/patience.ts'

const SEED = Number(process.env['OUTBOX_SEED'] ?? Date.now() % 1e6)
const ROUNDS = Number(process.env['OUTBOX_ROUNDS'] ?? 40)

let server: WebSocketServer
beforeAll(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
  await once(server, 'listening')
})
afterAll(() => server.close())

const turn = () => new Promise((resolve) => setImmediate(resolve))

class Counts implements SocketObserver {
  readonly all: string[] = []
  total = { frames: 0, writes: 0 }
  opened = () => void this.all.push('opened')
  closed = (_: string, code: number) => void this.all.push(`closed ${code}`)
  frames = (_: string, count: number) => void (this.total.frames += count)
  writes = (_: string, count: number) => void (this.total.writes += count)
  applied = () => void this.all.push('applied')
  delivered = (_: string, at: Instant) => void this.all.push(`delivered ${at}`)
}

/** A session and a real client that writes down all that it hears, text and pings, in order. */
async function pair(outbox: Outbox) {
  const accepted = once(server, 'connection') as Promise<[WebSocket, IncomingMessage]>
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const heard: string[] = []
  client.on('message', (data) => heard.push((data as Buffer).toString()))
  client.on('ping', () => heard.push('ping'))
  const closed = once(client, 'close') as Promise<[number]>
  const [ws, { socket }] = await accepted
  const owner = { onText: () => undefined, onGone: () => undefined, heartbeat: () => null }
  const start = Date.now()
  const times = { heartbeat: 1e9, pingTimeout: 1e9, maxAge: 1e12 }
  const session = new Session(ws, socket, outbox, owner, times, start)
  if (client.readyState !== WebSocket.OPEN) await once(client, 'open')
  return { session, client, ws, heard, closed, start, socket }
}

/** So many, one after the other: a server says of each only that it came. */
async function pairsOf(outbox: Outbox, count: number) {
  const pairs: Awaited<ReturnType<typeof pair>>[] = []
  for (let n = 0; n < count; n++) pairs.push(await pair(outbox))
  return pairs
}

type Step =
  | { readonly to: 'all' | number; readonly length: number }
  | { readonly to: number; readonly length: 'ping' }
  | 'turn'

const lengths = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 400 }) },
  { weight: 2, arbitrary: fc.constantFrom(125, 126, 127, 65_535, 65_536, 65_537) },
  { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 200_000 }) },
)
const SOCKETS = 4
const someone = fc.nat(SOCKETS - 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ to: fc.constant('all' as const), length: lengths }) },
  { weight: 3, arbitrary: fc.record({ to: someone, length: lengths }) },
  { weight: 1, arbitrary: fc.record({ to: someone, length: fc.constant('ping' as const) }) },
  { weight: 2, arbitrary: fc.constant('turn' as const) },
)

test(
  `W10: whatever is sent to whom in whatever turns, with pings between and a closing after it, every client gets exactly that, in order (seed ${SEED})`,
  { timeout: upTo(60_000 + ROUNDS * 1_000) },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const counts = new Counts()
        const outbox = new Outbox('realtime', counts)
        const pairs = await pairsOf(outbox, SOCKETS)
        const sent: string[][] = pairs.map(() => [])
        const pings = pairs.map(() => 0)
        for (const [n, one] of steps.entries()) {
          if (one === 'turn') await turn()
          else if (one.length === 'ping') {
            const { session, start } = pairs[one.to]!
            // The one before it may still be unanswered: then none goes out.
            if (pings[one.to]!++ > 0) continue
            session.sweep(start + limits.socketPingMillis)
            sent[one.to]!.push('ping')
          } else {
            const text = `${n} `.padEnd(one.length, 'é')
            const frame = new Frame(text)
            const to = one.to === 'all' ? pairs.map((_, index) => index) : [one.to]
            for (const index of to) {
              pairs[index]!.session.send(one.to === 'all' ? frame : text)
              sent[index]!.push(text)
            }
          }
        }
        // In the same turn as what was sent last.
        for (const { session } of pairs) session.close(closeCodes.goingAway, 'over')
        for (const { session } of pairs) session.send('after the closing')
        for (const [n, { closed, heard }] of pairs.entries()) {
          expect((await closed)[0]).toBe(closeCodes.goingAway)
          expect(heard).toEqual(sent[n])
        }
        await turn()
        expect(counts.total.frames).toBe(sent.flat().filter((text) => text !== 'ping').length)
        expect(counts.total.writes).toBeLessThanOrEqual(counts.total.frames)
      }),
      { seed: SEED, numRuns: ROUNDS },
    )
  },
)

test('W10: all of one turn is one write a socket, told to the observer; a change is delivered when it has been written', async () => {
  const counts = new Counts()
  const outbox = new Outbox('stream', counts)
  const pairs = await pairsOf(outbox, 2)
  for (let n = 0; n < 50; n++) {
    const frame = new Frame(`change ${n}`)
    for (const { session } of pairs) session.send(frame)
  }
  outbox.told('2026-11-24T20:00:00.000000Z' as Instant)
  expect(counts.total).toEqual({ frames: 0, writes: 0 })
  expect(pairs[0]!.session.backlogBytes).toBeGreaterThan(0)
  await turn()
  expect(counts.total).toEqual({ frames: 100, writes: 2 })
  expect(counts.all).toEqual(['opened', 'opened', 'delivered 2026-11-24T20:00:00.000000Z'])
  await expect.poll(() => pairs.map(({ heard }) => heard.length)).toEqual([50, 50])
  pairs[0]!.session.close(closeCodes.notSignedIn, 'over')
  pairs[1]!.client.close(4999)
  await expect.poll(() => counts.all.slice(3).toSorted()).toEqual(['closed 0', `closed ${closeCodes.notSignedIn}`])
})

test('W10: what waits when a peer closes or goes is dropped, and nothing follows its closing', async () => {
  const outbox = new Outbox('stream')
  const [closing, gone] = [await pair(outbox), await pair(outbox)]
  closing.client.close()
  await once(closing.ws, 'close')
  closing.session.send('too late')
  gone.session.send('never heard')
  gone.ws.terminate()
  await turn()
  expect((await closing.closed)[0]).toBe(1005)
  expect((await gone.closed)[0]).toBe(1006)
  expect([...closing.heard, ...gone.heard]).toEqual([])
  gone.session.send('later still')
  await turn()
})

/** A peer of which nothing is known but its handshake. */
async function halfOpen(): Promise<Socket> {
  const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true })
  socket.write(
    'GET / HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n' +
      'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  )
  await once(socket, 'data')
  return socket
}

test('W10: a peer that ends its half of the connection is let go, whatever is being sent', async () => {
  const counts = new Counts()
  const outbox = new Outbox('stream', counts)
  const accepted = once(server, 'connection') as Promise<[WebSocket, IncomingMessage]>
  const peer = await halfOpen()
  const [ws, { socket }] = await accepted
  const peers = { gone: 0 }
  const owner = { onText: () => undefined, onGone: () => void peers.gone++, heartbeat: () => null }
  const session = new Session(ws, socket, outbox, owner, { heartbeat: 1e9, pingTimeout: 1e9, maxAge: 1e12 }, Date.now())
  peer.end()
  peer.resume()
  while (peers.gone === 0) {
    session.send('x'.repeat(1_000))
    await turn()
  }
  expect(counts.all).toEqual(['opened', 'closed 1006'])
  peer.destroy()
})

test('W5: a socket that does not read keeps no other waiting, and what waits for it is the very bytes of the others', async () => {
  const outbox = new Outbox('stream')
  const [slow, fast] = [await pair(outbox), await pair(outbox)]
  slow.client.pause()
  let frames = 0
  while (slow.ws.readyState === WebSocket.OPEN && frames < 2_000) {
    const frame = new Frame(`${frames++} `.padEnd(20_000, 'x'))
    for (const { session } of [slow, fast]) session.send(frame)
    await turn()
  }
  // Closed by bytes: more than the limit, and no more than what came on top of it in one turn.
  expect(slow.session.backlogBytes).toBeGreaterThan(limits.socketBacklogBytes)
  expect(slow.session.backlogBytes).toBeLessThan(limits.socketBacklogBytes + 50_000)
  await expect.poll(() => fast.heard.length).toBe(frames)
  expect(fast.heard.map((text) => Number.parseInt(text, 10))).toEqual(Array.from({ length: frames }, (_, n) => n))
  await expect.poll(() => slow.ws.readyState).toBe(WebSocket.CLOSED)
  slow.client.terminate()
  fast.client.terminate()
})
