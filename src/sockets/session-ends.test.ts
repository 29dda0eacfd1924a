import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { Counts, Sessions, turn } from '../../test/sessions.ts'
import { limits } from '../platform/limits.ts'
import { Outbox } from './outbox.ts'
import { closeCodes } from './endings.ts'
import { newHandshakes, refuseHandshake, refusals } from './handshake.ts'
import type { Session } from './session.ts'

/** How sockets are listened to, kept waiting and let go. */

const sessions = new Sessions()
beforeAll(() => sessions.open())
afterAll(() => sessions.close())
afterEach(() => void vi.useRealTimers())

/** A connection of which is written down what goes out. */
function connection() {
  const written: string[] = []
  const socket = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _, done) {
      written.push(chunk.toString())
      done()
    },
  })
  return { socket, written }
}

test('W11: a handshake is refused with a status line, and its connection let go within a second whatever its peer does', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const { socket, written } = connection()
  const resumed = vi.spyOn(socket, 'resume')
  const counts = new Counts()
  refuseHandshake(socket, refusals.tryAgain, counts)
  await once(socket, 'finish')
  expect(written.join('')).toBe(
    'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
  )
  expect(resumed).toHaveBeenCalledOnce()
  vi.advanceTimersByTime(limits.refusedSocketMillis - 1)
  expect([socket.destroyed, vi.getTimerCount()]).toEqual([false, 1])
  vi.advanceTimersByTime(1)
  expect(socket.destroyed).toBe(true)
  // A peer that goes by itself leaves no timer behind; one that is gone gets no answer and is not counted.
  const gone = connection()
  refuseHandshake(gone.socket, refusals.forbidden, counts)
  gone.socket.destroy()
  await once(gone.socket, 'close')
  expect(vi.getTimerCount()).toBe(0)
  gone.written.length = 0
  refuseHandshake(gone.socket, refusals.forbidden, counts)
  expect([vi.getTimerCount(), gone.written, counts.all]).toEqual([0, [], ['refused 503', 'refused 403']])
})

test('W9, W10: sockets are made of handshakes without a list of them, without compression and with bounded frames', () => {
  const { options, clients } = newHandshakes()
  expect(clients).toBeUndefined()
  expect(options).toMatchObject({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: limits.socketFrameBytes,
    closeTimeout: limits.closedSocketMillis,
  })
})

test('W3: the owner hears text as text; what is binary is ignored', async () => {
  const heard: string[] = []
  const { client } = await sessions.pair(new Outbox('stream'), { onText: (text) => void heard.push(text) })
  client.send(Buffer.from('binary'), { binary: true })
  client.send('Käthe 🍽')
  await expect.poll(() => heard).toEqual(['Käthe 🍽'])
  client.terminate()
})

test('W3: whoever speaks gets no heartbeat before the silence has lasted again; an owner may have none', async () => {
  let beat: string | null = 'heartbeat'
  const said: string[] = []
  const owner = { heartbeat: () => beat, onText: (text: string) => void said.push(text) }
  const { session, client, heard, start } = await sessions.pair(new Outbox('stream'), owner, { heartbeat: 1_000 })
  vi.useFakeTimers({ toFake: ['Date'], now: start + 5_000 })
  client.send('here')
  await expect.poll(() => said).toEqual(['here'])
  session.sweep(start + 5_999)
  await turn()
  expect(heard).toEqual([])
  session.sweep(start + 6_000)
  session.sweep(start + 6_999)
  await expect.poll(() => heard).toEqual(['heartbeat'])
  beat = null
  session.sweep(start + 7_000)
  session.send('after it')
  await expect.poll(() => heard).toEqual(['heartbeat', 'after it'])
  client.terminate()
})

test('W7: a socket is closed at its greatest age, not before', async () => {
  const { session, closed, start, client } = await sessions.pair(new Outbox('stream'), {}, { maxAge: 50_000 })
  session.sweep(start + 49_999)
  expect(client.readyState).toBe(WebSocket.OPEN)
  session.sweep(start + 50_000)
  const [code, reason] = await closed
  expect([code, reason.toString()]).toEqual([closeCodes.tooOld, 'connect again'])
})

test('W9: the owner is told once that a socket is gone, and the observer why, as far as it is no invention of the peer', async () => {
  const ends: [(client: WebSocket, session: Session) => void, number][] = [
    [(client) => client.close(1000), 1000],
    [(client) => client.close(1014), 1014],
    [(client) => client.close(), 1005],
    [(client) => client.terminate(), 1006],
    [(client) => client.close(3000), 0],
    [(_, session) => session.terminate(), 1006],
    [(_, session) => session.close(closeCodes.notAllowed, 'suspended'), closeCodes.notAllowed],
    [(_, session) => session.close(closeCodes.goingAway, 'over'), closeCodes.goingAway],
  ]
  for (const [end, code] of ends) {
    const counts = new Counts()
    let gone = 0
    const outbox = new Outbox('stream', counts)
    const { session, client, closed } = await sessions.pair(outbox, { onGone: () => void gone++ })
    end(client, session)
    await closed
    await expect.poll(() => counts.all, { message: `${code}` }).toEqual(['opened', `closed ${code}`])
    // What is done to it afterwards is nothing.
    session.terminate()
    session.sweep(1e15)
    session.send('late')
    session.close(closeCodes.tooOld, 'late')
    await turn()
    expect([gone, counts.all.length, counts.total.writes]).toEqual([1, 2, 0])
  }
})

test('W1, W9: who does not sign in in time is late, once; nobody is who has signed in or is gone, and no timer is left', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const late: string[] = []
  const pairs: Record<string, Awaited<ReturnType<Sessions['pair']>>> = {}
  for (const name of ['silent', 'in time', 'gone']) {
    pairs[name] = await sessions.pair(new Outbox('stream'))
    pairs[name].session.awaitSignIn(() => void late.push(name))
  }
  vi.advanceTimersByTime(limits.socketSignInMillis - 1)
  expect(late).toEqual([])
  pairs['in time']!.session.signedIn()
  pairs['gone']!.ws.terminate()
  await once(pairs['gone']!.ws, 'close')
  vi.advanceTimersByTime(1)
  expect([late, vi.getTimerCount()]).toEqual([['silent'], 0])
  for (const { client } of Object.values(pairs)) client.terminate()
})

test('W5: a peer that is closed for its silence is dropped after a moment, one that is closed for another reason has its time', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  for (const code of [closeCodes.dead, closeCodes.tooSlow, closeCodes.notSignedIn]) {
    const { session, ws, client } = await sessions.pair(new Outbox('stream'))
    // So that it answers no closing.
    client.pause()
    const dropped = vi.spyOn(ws, 'terminate')
    session.close(code, 'over')
    vi.advanceTimersByTime(999)
    expect(dropped, `${code}`).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1_001)
    expect(dropped.mock.calls.length > 0, `${code}`).toBe(code !== closeCodes.notSignedIn)
    ws.terminate()
    client.terminate()
  }
})

test('W5: what is more than one frame is sent in steps, each when the peer has taken most of the one before', async () => {
  const { session, client, socket } = await sessions.pair(new Outbox('stream'))
  await session.drained()
  const quarter = limits.socketBacklogBytes / 4
  socket.cork()
  session.send('x'.repeat(quarter - 10))
  expect(session.backlogBytes).toBe(quarter)
  // As much as that may wait.
  await session.drained()
  session.send('')
  let isDrained = false
  const drained = session.drained().then(() => (isDrained = true))
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect([isDrained, session.backlogBytes]).toEqual([false, quarter + 2])
  socket.uncork()
  await drained
  socket.cork()
  session.send('x'.repeat(2 * quarter))
  const lost = session.drained()
  client.terminate()
  session.terminate()
  await lost
})

test('W5: more than the limit that is left unread closes a socket at the next frame, and no less', async () => {
  const { session, closed, socket, heard } = await sessions.pair(new Outbox('stream'))
  socket.cork()
  session.send('x'.repeat(limits.socketBacklogBytes - 10))
  await turn()
  expect(session.backlogBytes).toBe(limits.socketBacklogBytes)
  session.send('fits')
  await turn()
  expect(session.backlogBytes).toBe(limits.socketBacklogBytes + 6)
  session.send('does not')
  socket.uncork()
  const [code, reason] = await closed
  expect([code, reason.toString(), heard.at(-1)]).toEqual([closeCodes.tooSlow, 'reads too slowly', 'fits'])
})

test('W10: frames are joined up to the limit; what does not fit goes out before, in order', async () => {
  const counts = new Counts()
  const { session, client, heard } = await sessions.pair(new Outbox('stream', counts))
  const half = 'x'.repeat(limits.joinedBytes / 2 - 4)
  for (const text of [half, half]) session.send(text)
  await turn()
  expect(counts.total).toEqual({ frames: 2, writes: 1 })
  for (const text of ['a', half, `${half}!`]) session.send(text)
  await turn()
  expect(counts.total).toEqual({ frames: 5, writes: 3 })
  session.send('x'.repeat(limits.joinedBytes))
  session.send('after it')
  await turn()
  expect(counts.total).toEqual({ frames: 7, writes: 5 })
  await expect.poll(() => heard.length).toBe(7)
  expect(heard.map((text) => text.length)).toEqual(
    [half, half, 'a', half, `${half}!`, 'x'.repeat(limits.joinedBytes), 'after it'].map((text) => text.length),
  )
  client.terminate()
})

test('W10: what comes in a turn after its end has begun goes out in the next; a change is told with the moment it was made', async () => {
  const counts = new Counts()
  const outbox = new Outbox('stream', counts)
  expect(outbox.kind).toBe('stream')
  const wrote: string[] = []
  outbox.add({
    turnEnds: () => {
      wrote.push('first')
      outbox.wrote(3)
      outbox.add({ turnEnds: () => void wrote.push('second') })
    },
  })
  await turn()
  expect([wrote, counts.total]).toEqual([['first'], { frames: 3, writes: 1 }])
  await turn()
  expect(wrote).toEqual(['first', 'second'])
  outbox.applied('2026-11-24T20:00:00.000000Z' as never)
  outbox.closed(1000)
  expect(counts.all).toEqual(['applied', 'closed 1000'])
})
