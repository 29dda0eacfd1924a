import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { Counts, Sessions, turn } from '../../test/sessions.ts'
import type { Instant } from '../platform/clock.ts'
import { limits } from '../platform/limits.ts'
import { Frame } from './ws-frame.ts'
import { Outbox } from './outbox.ts'
import { closeCodes } from './endings.ts'
import { Session } from './session.ts'

const sessions = new Sessions()
beforeAll(() => sessions.open())
afterAll(() => sessions.close())

test('W10: all of one turn is one write a socket, told to the observer; a change is delivered when it has been written', async () => {
  const counts = new Counts()
  const outbox = new Outbox('stream', counts)
  const pairs = await sessions.pairs(outbox, 2)
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
  const [closing, gone] = [await sessions.pair(outbox), await sessions.pair(outbox)]
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
  const socket = connect({ port: sessions.port, host: '127.0.0.1', allowHalfOpen: true })
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
  const accepted = sessions.accepted()
  const peer = await halfOpen()
  const [ws, socket] = await accepted
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
  const [slow, fast] = [await sessions.pair(outbox), await sessions.pair(outbox)]
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
