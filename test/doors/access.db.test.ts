import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Socket } from '../../src/sockets/message-kind.ts'
import { limits } from '../../src/platform/limits.ts'
import { openDevice, startApp, type Answer, type Device, type Restaurant, type TestApp } from '../kit.ts'
import { colleague, goodAddress, goodBody, operations, titleOf, type Ids, type Operation } from './operations.ts'
import { oneOfEach } from './one-of-each.ts'
import { Raw } from './raw.ts'
import { openWitness, type Witness } from './witness.ts'
import { upTo } from '../patience.ts'

/** Every route and socket, asked by somebody who had access and has it no more. */

let app: TestApp
let witness: Witness
beforeAll(async () => {
  app = await startApp()
  witness = await openWitness(app)
})
afterAll(async () => {
  await witness.close()
  await app.close()
})

const closedTo = operations.filter(({ isPublic }) => !isPublic)

/** Who one is, without a byte of any floor: the only routes that answer when the restaurant is suspended. Another one is a decision: say why here. */
const SELF = ['me', 'get-me']

interface Refused {
  /** Of the iPad's contract: status and detail. */
  readonly ios: readonly [number, string]
  /** Of the native API: status and code. */
  readonly v2: readonly [number, string]
  /** Of the stream's handshake, and the close code of a hello. */
  readonly stream: readonly [number, number]
}
const SUSPENDED: Refused = {
  ios: [403, 'Restaurant account is inactive'],
  v2: [403, 'restaurant-inactive'],
  stream: [403, 4403],
}
const INACTIVE: Refused = { ios: [401, 'Inactive user'], v2: [401, 'not-signed-in'], stream: [401, 4401] }
const ENDED: Refused = {
  ios: [401, 'Could not validate credentials'],
  v2: [401, 'not-signed-in'],
  stream: [401, 4401],
}

/** What may happen to somebody, and how they are refused with each kind of token since. */
const ends: readonly {
  readonly name: string
  readonly end: (r: Restaurant) => Promise<unknown>
  readonly refused: Readonly<Partial<Record<'ios' | 'native', Refused>>>
  readonly knowsSelf?: true
}[] = [
  {
    name: 'a suspended restaurant',
    end: (r) => app.database.sql('update qtable.restaurants set is_active = false where restaurant_id = $1', [r.id]),
    refused: { ios: SUSPENDED, native: SUSPENDED },
    knowsSelf: true,
  },
  {
    name: 'an inactive account',
    end: (r) => app.database.sql('update qtable.staff set is_active = false where id = $1', [r.staffId]),
    refused: { ios: INACTIVE, native: INACTIVE },
  },
  {
    name: 'sign-ins that were ended',
    end: (r) => r.v2('DELETE', `/staff/${r.staffId}/sign-ins`),
    refused: { ios: ENDED, native: ENDED },
  },
]

interface House {
  readonly restaurant: Restaurant
  readonly token: string
  readonly ids: Ids
  /** What the reads were answered with. */
  readonly etags: Map<Operation, string>
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const ask = (op: Operation, { ids, token }: Pick<House, 'ids' | 'token'>, headers: Record<string, string> = {}) => {
  const body = op.body && Raw.write(goodBody(op, ids))
  return app.call(op.method, goodAddress(op, ids), body, { ...bearer(token), ...headers })
}

/** A restaurant with one of each, where everything that is read has been read twice: what is remembered is remembered. */
async function furnished(signIn: (r: Restaurant) => Promise<string>): Promise<House> {
  const restaurant = await app.restaurant('Marked')
  const token = await signIn(restaurant)
  const ids: Ids = {
    restaurant: restaurant.id,
    ...(await oneOfEach(restaurant, 'Marked')),
    staff: await colleague(restaurant),
    epoch: (await restaurant.v2('GET', '/snapshot')).body.epoch,
  }
  const etags = new Map<Operation, string>()
  for (const op of closedTo.filter(({ method }) => method === 'GET')) {
    for (const _ of [1, 2]) {
      const answer = await ask(op, { ids, token })
      expect(answer.status, `${titleOf(op)} ${answer.text}`).toBe(200)
      if (answer.headers.has('etag')) etags.set(op, answer.headers.get('etag')!)
    }
  }
  return { restaurant, token, ids, etags }
}

const PATHS: Readonly<Record<Socket, (id: string) => string>> = {
  realtime: (id) => `/realtime?restaurant_id=${id}`,
  sync: (id) => `/ws/restaurant/sync?restaurant_id=${id}`,
  stream: (id) => `/v2/restaurants/${id}/stream`,
}
const sockets = Object.keys(PATHS) as Socket[]
/** Opens a socket of each kind and waits until it hears its restaurant. */
async function openAll(id: string, token: string): Promise<Device[]> {
  return Promise.all(
    sockets.map(async (socket) => {
      const device = await openDevice(app.base, PATHS[socket](id), { headers: bearer(token), wait: false })
      if (socket === 'stream') device.ws.send('{"type":"hello"}')
      await device.until((heard) => heard.length > 0)
      return device
    }),
  )
}

function expectRefused(op: Operation, answer: Answer, { ios, v2 }: Refused): void {
  const said = `${titleOf(op)}: ${answer.status} ${answer.text.slice(0, 300)}`
  expect(answer.headers.get('etag'), said).toBeNull()
  if (op.door === 'ios') return expect([answer.status, answer.body], said).toEqual([ios[0], { detail: ios[1] }])
  const { requestId, title, ...rest } = answer.body
  expect(rest, said).toEqual({ type: `urn:qtable:${v2[1]}`, status: v2[0], code: v2[1] })
  expect(`${requestId} ${title}`, said).not.toMatch(/Marked|cedar\.example/)
}

for (const { name, end, refused, knowsSelf } of ends) {
  for (const [kind, answers] of Object.entries(refused)) {
    test(`A16, W7: ${name}, ${kind} token: every route and socket refuses, and sockets that were open are closed`, async () => {
      const house = await furnished(async (r) => (kind === 'ios' ? r.token : (await r.signIn()).accessToken))
      const { restaurant, token } = house
      const open = await openAll(restaurant.id, token)
      await end(restaurant)
      const heard = open.map(({ messages }) => messages.length)
      const before = await witness.everythingOf(restaurant.id)
      // What is remembered of somebody counts for 2 s.
      const probe = closedTo.find(({ name: of }) => of === 'guestsList')!
      const status = async () => (await ask(probe, house)).status
      await expect.poll(status, { timeout: upTo(limits.identityMillis + 3_000) }).not.toBe(200)
      await expectRoutesClosed(house, answers, knowsSelf ? SELF : [])
      expect(await witness.everythingOf(restaurant.id), 'something was stored').toBe(before)
      for (const [index, device] of open.entries()) {
        expect(await device.closed).toBe(4401)
        const since = device.messages.slice(heard[index])
        expect(since.filter(({ type }) => type !== 'heartbeat')).toEqual([])
      }
      await expectSocketsClosed(restaurant.id, token, answers)
    })
  }
}

async function expectRoutesClosed(house: House, refused: Refused, except: readonly string[]): Promise<void> {
  for (const op of closedTo) {
    if (except.includes(op.name)) {
      expect([(await ask(op, house)).status, op.access]).toEqual([200, 'identity'])
      continue
    }
    const etag = house.etags.get(op) ?? '*'
    for (const headers of [{}, { 'if-none-match': etag }, { 'accept-encoding': 'br' }])
      expectRefused(op, await ask(op, house, headers), refused)
  }
}

async function expectSocketsClosed(id: string, token: string, { stream }: Refused): Promise<void> {
  for (const socket of sockets) {
    const path = PATHS[socket](id)
    const status = socket === 'stream' ? stream[0] : 403
    await expect(openDevice(app.base, path, { headers: bearer(token) })).rejects.toThrow(`refused with ${status}`)
    if (socket !== 'stream')
      await expect(openDevice(app.base, `${path}&token=${token}`)).rejects.toThrow('refused with 403')
    const device = await openDevice(app.base, path, { wait: false })
    device.ws.send(JSON.stringify({ type: socket === 'stream' ? 'hello' : 'authenticate', token }))
    expect(await device.closed).toBe(socket === 'stream' ? stream[1] : 4401)
    expect(device.messages).toEqual([])
  }
}
