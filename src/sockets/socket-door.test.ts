import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { Counts } from '../../test/sessions.ts'
import { createLog } from '../platform/observability/log.ts'
import { endings } from './endings.ts'
import { refusals } from './handshake.ts'
import { Outbox } from './outbox.ts'
import { Session } from './session.ts'
import { SocketDoor, type Decision, type DoorSocket } from './socket-door.ts'

/** A door behind a real server. It decides as the test says, when the test says so. */

const TIMES = { heartbeat: 1e9, pingTimeout: 1e9, maxAge: 1e12 }
const MOST = 2

let server: Server
let door: SocketDoor<DoorSocket>
let counts: Counts
let lines: string[]
let begun: DoorSocket[]
let decide: () => Promise<Decision<DoorSocket>>

const open: Decision<DoorSocket> = (ws, connection) => {
  const owner = { onText: () => undefined, onGone: () => door.gone(socket), heartbeat: () => null }
  const socket: DoorSocket = {
    session: new Session(ws, connection, new Outbox('stream'), owner, TIMES, Date.now()),
    begin: () => void begun.push(socket),
    sendAway: () => socket.session.close(...endings.stopping),
  }
  return socket
}

beforeEach(async () => {
  counts = new Counts()
  lines = []
  begun = []
  decide = async () => open
  door = new SocketDoor(createLog('warn', { write: (line) => void lines.push(line) }), counts, MOST)
  server = createServer()
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    door.admit({ request, socket, head }, () => decide())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(async () => {
  await door.close()
  server.close()
})

const knock = () => {
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
  client.on('error', () => undefined)
  return client
}
async function enter(): Promise<WebSocket> {
  const client = knock()
  await once(client, 'open')
  return client
}
/** The status and the Retry-After of a refused handshake. */
async function refusal(): Promise<[number | undefined, string | undefined]> {
  const [request, { statusCode, headers }] = await once(knock(), 'unexpected-response')
  request.destroy()
  return [statusCode, headers['retry-after']]
}
const size = () => door.sockets.size
/** Lets the decision on the next handshake wait. `made` resolves when it is asked for. */
function hold(): { made: Promise<void>; let: (decision: Decision<DoorSocket>) => void } {
  let go!: (decision: Decision<DoorSocket>) => void
  const decision = new Promise<Decision<DoorSocket>>((resolve) => (go = resolve))
  const made = new Promise<void>((asked) => {
    decide = () => {
      asked()
      return decision
    }
  })
  return { made, let: go }
}

test('W1, W9: a door opens the sockets that it decides on, each begins once, and one that is gone is forgotten', async () => {
  const client = await enter()
  expect([size(), begun, counts.all]).toEqual([1, [...door.sockets], []])
  client.terminate()
  await expect.poll(size).toBe(0)
  expect(begun).toHaveLength(1)
})

test('W1, M3: a handshake is refused with the status that the decision names; a failed decision asks to come again', async () => {
  decide = async () => refusals.forbidden
  expect(await refusal()).toEqual([403, undefined])
  decide = async () => refusals.notSignedIn
  expect(await refusal()).toEqual([401, undefined])
  decide = () => Promise.reject(new Error('planted'))
  expect(await refusal()).toEqual([503, '1'])
  expect(counts.all).toEqual(['refused 403', 'refused 401', 'refused 503'])
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['a socket could not be let in'])
  expect([size(), begun]).toEqual([0, []])
})

test('W9: a full door refuses without a decision, until somebody leaves', async () => {
  const [first] = [await enter(), await enter()]
  let asked = 0
  decide = async () => {
    asked++
    return open
  }
  expect(await refusal()).toEqual([503, '1'])
  expect(asked).toBe(0)
  first.terminate()
  await expect.poll(size).toBe(MOST - 1)
  await enter()
  expect(asked).toBe(1)
})

test('W9: a connection that breaks while the door decides gets no socket', async () => {
  const held = hold()
  const upgraded = once(server, 'upgrade')
  knock()
  await held.made
  const [, connection] = await upgraded
  connection.destroy()
  let made = 0
  held.let((ws, to) => {
    made++
    return open(ws, to)
  })
  await new Promise((resolve) => setImmediate(resolve))
  expect([made, size()]).toEqual([0, 0])
})

test('F5, W11: a door that closes sends every socket away, the late ones too, and drops who does not leave', async () => {
  const [leaves, stays] = [await enter(), await enter()]
  stays.pause()
  leaves.terminate()
  await expect.poll(size).toBe(1)
  const held = hold()
  const late = knock()
  await held.made
  const left = once(late, 'close')
  const closing = door.close()
  held.let(open)
  const [code, reason] = await left
  expect([code, String(reason)]).toEqual([1001, 'server stopping'])
  expect(begun).toHaveLength(2)
  await closing
  await expect.poll(size).toBe(0)
})
