import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { unobserved } from '../src/sockets/socket-observer.ts'
import { Stream } from '../src/native/stream/stream.ts'
import { AccessReview } from '../src/staff/access/access-review.ts'
import { Identities } from '../src/staff/access/identify.ts'
import { HeldReads } from './held-reads.ts'
import { openDatabase, openDevice, type Device, type TestDatabase } from './kit.ts'
import { openParts, type House, type Parts } from './parts.ts'

/** The native stream on a server of its own, over a database whose answers come when the test says so. */
export interface TestStream {
  readonly database: TestDatabase
  readonly db: HeldReads
  readonly parts: Parts
  readonly access: AccessReview
  readonly stream: Stream
  readonly base: string
  /** What devices have said that they show. */
  readonly applied: string[]
  /** Opens a device that has said nothing yet, with a token in its handshake or none. */
  readonly open: (house: House, token?: string) => Promise<Device>
  /** A device that has said where it stands, and been told what it gets. */
  readonly greeted: (house: House, place?: object) => Promise<Device>
  close(): Promise<void>
}

const NEVER_MILLIS = 2_000_000_000

export async function openStream({ maxAge = 3_600_000, random = (): number => 0.99 } = {}): Promise<TestStream> {
  const database = await openDatabase(5)
  const db = new HeldReads({ url: database.url, poolSize: 5 })
  const parts = openParts(db)
  const identities = new Identities(db, parts.tokens)
  const access = new AccessReview(db, identities, parts.log, NEVER_MILLIS)
  const applied: string[] = []
  const times = { heartbeat: 35_000, pingTimeout: 20_000, maxAge }
  const observer = { ...unobserved, applied: (at: string) => void applied.push(at) }
  const stream = new Stream({ ...parts, identities, access, times, observer, random })
  const server = createServer()
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    if (!stream.takes(request, socket, head)) socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const open = ({ id }: House, token?: string) =>
    openDevice(base, `/v2/restaurants/${id}/stream`, {
      wait: false,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    })
  return {
    database,
    db,
    parts,
    access,
    stream,
    base,
    applied,
    open,
    async greeted(house, place = {}) {
      const device = await open(house)
      say(device, { type: 'hello', token: house.token, ...place })
      await device.until(([first, second]) => first !== undefined && (first['type'] !== 'resync' || Boolean(second)))
      return device
    },
    async close() {
      await stream.close()
      await access.close()
      server.close()
      parts.close()
      await db.close()
      await database.close()
    },
  }
}

/** A stream for the tests of a file, and a house for each test. */
export function useStream(take: (stream: TestStream) => void, takeHouse: (house: House) => void): void {
  let at: TestStream | null = null
  beforeAll(async () => take((at = await openStream())))
  afterAll(() => at?.close())
  beforeEach(async () => takeHouse(await at!.parts.house()))
}

export const say = (device: Device, message: object): void => device.ws.send(JSON.stringify(message))

/** How many messages of a type a device has heard. */
export const count = ({ messages }: Device, type: string): number =>
  messages.filter((each) => each['type'] === type).length

/** The changes that a device has heard, by their numbers. */
export const seqsOf = ({ messages }: Device): number[] =>
  messages.flatMap((each) => ((each['changes'] ?? []) as { seq: number }[]).map(({ seq }) => seq))

/** Resolves when a device is there and has heard all that it was sent before. */
export async function expectOpen(device: Device): Promise<void> {
  const before = count(device, 'pong')
  say(device, { type: 'ping' })
  await device.until(() => count(device, 'pong') > before)
}

/** The code and the reason that a device is closed with. */
export const endOf = (device: Device): Promise<[number, string]> =>
  new Promise((resolve) => device.ws.on('close', (code, reason) => resolve([code, reason.toString()])))
