import { afterAll, beforeAll, expect, test } from 'vitest'
import { crc32 } from 'node:zlib'
import { openDevice, startApp, type Device, type Message, type Restaurant, type TestApp } from '../../../test/kit.ts'
import { canonicalJson } from '../../changes/floor/canonical.ts'
import { limits } from '../../platform/limits.ts'

let app: TestApp

beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

const stream = (restaurant: Restaurant, token: string | null = restaurant.token) =>
  openDevice(app.base, `/v2/restaurants/${restaurant.id}/stream`, {
    wait: false,
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
  })

const hello = async (restaurant: Restaurant, place: object = {}): Promise<Device> => {
  const device = await stream(restaurant)
  device.ws.send(JSON.stringify({ type: 'hello', ...place }))
  await device.until((heard) => heard.length > 0)
  return device
}

/** What a device makes of what it heard, by docs/protocol.md alone. */
class Held {
  epoch = ''
  seq = 0
  at = ''
  horizon = ''
  readonly entities = new Map<string, { kind: string; value: Record<string, unknown> }>()

  hear(messages: readonly Message[]): this {
    for (const message of messages) {
      if (message['type'] === 'snapshot') {
        this.entities.clear()
        for (const { kind, id, value } of message['entities']) this.entities.set(`${kind} ${id}`, { kind, value })
        Object.assign(this, { epoch: message['epoch'], seq: message['seq'], at: message['at'] })
        this.horizon = message['horizon']
      }
      for (const change of message['type'] === 'changes' ? message['changes'] : []) {
        if (change.seq !== this.seq + 1 || change.epoch !== this.epoch)
          throw new Error(`change ${change.epoch} ${change.seq} does not follow ${this.epoch} ${this.seq}`)
        this.seq = change.seq
        this.at = change.at
        for (const { op, kind, id, value } of change.entries) {
          if (op === 'put') this.entities.set(`${kind} ${id}`, { kind, value })
          else this.entities.delete(`${kind} ${id}`)
        }
      }
    }
    return this
  }

  get hash(): string {
    let sum = 0
    for (const { kind, value } of this.entities.values())
      sum = (sum + crc32(`${kind}\n${String(value['id'])}\n${canonicalJson(value)}`)) >>> 0
    return `${this.entities.size}-${sum.toString(16).padStart(8, '0')}`
  }
}

const seqOf = (messages: readonly Message[]): number =>
  messages.reduce((last, message) => Math.max(last, ...(message['changes'] ?? []).map((c: Message) => c['seq'])), 0)

const snapshotOf = async (restaurant: Restaurant, headers: Record<string, string> = {}) =>
  restaurant.v2('GET', '/snapshot', undefined, headers)

const busy = async (restaurant: Restaurant, guests: number) => {
  const tables = [await restaurant.table('1'), await restaurant.table('2')]
  for (let n = 0; n < guests; n++) {
    const id = await restaurant.walkIn(`Guest ${n}`)
    if (n % 3 === 0) await restaurant.v2('POST', `/guests/${id}/seat`, { tableId: tables[n % 2], takeOver: true })
    if (n % 3 === 1) await restaurant.v2('DELETE', `/guests/${id}`)
  }
}

test('F1, F3: a device that holds nothing gets the floor, then every change; its hash is the heartbeat’s', async () => {
  const restaurant = await app.restaurant()
  await busy(restaurant, 6)
  const device = await hello(restaurant)
  await device.until((heard) => heard.length >= 2)
  expect(device.messages[0]).toMatchObject({ type: 'resync', reason: 'new' })
  await more(restaurant)
  const { body } = await snapshotOf(restaurant)
  await device.until((heard) => seqOf(heard) === body.seq)
  const held = new Held().hear(device.messages)
  expect(held).toMatchObject({ epoch: body.epoch, seq: body.seq, at: body.at })
  expect(held.hash).toBe(body.hash)
  // One may have come while the changes did.
  const atHead = ({ type, head }: Message) => type === 'heartbeat' && head === body.seq
  await device.until(() => device.all.some(atHead), 2 * limits.streamBeatMillis + 2_000)
  expect(device.all.findLast(atHead)).toMatchObject({ epoch: body.epoch, hash: held.hash })
  await device.close()
})

const more = async (restaurant: Restaurant) => {
  const waiting = Array.from({ length: 20 }, (_, n) => restaurant.walkIn(`Later ${n}`))
  const ids = await Promise.all(waiting)
  await Promise.all(ids.slice(0, 10).map((id) => restaurant.v2('DELETE', `/guests/${id}`)))
}

test('F1: a device that comes back gets exactly what it missed, from memory and from the log', async () => {
  const restaurant = await app.restaurant()
  const early = await hello(restaurant)
  await early.until((heard) => heard.length >= 2)
  const held = new Held().hear(early.messages)
  await early.close()
  await busy(restaurant, 9)
  const { body } = await snapshotOf(restaurant)
  for (const place of [
    { epoch: held.epoch, since: held.seq },
    { epoch: held.epoch, since: held.seq, at: held.at },
  ]) {
    const device = await hello(restaurant, place)
    await device.until((heard) => seqOf(heard) === body.seq)
    expect(device.messages[0]).toMatchObject({ type: 'resumed', head: body.seq })
    const again = Object.assign(new Held(), { epoch: held.epoch, seq: held.seq })
    for (const [key, entity] of held.entities) again.entities.set(key, entity)
    again.hear(device.messages)
    expect(again.hash).toBe(body.hash)
    await device.close()
  }
})

test('F2: who cannot go on begins anew and is told why', async () => {
  const restaurant = await app.restaurant()
  await busy(restaurant, 3)
  const { epoch, seq } = (await snapshotOf(restaurant)).body
  for (const [place, reason] of [
    [{ epoch: '00000000-0000-4000-8000-000000000000', since: seq }, 'epoch'],
    [{ epoch, since: seq + 1 }, 'ahead'],
    [{ epoch, since: 2 ** 40, at: '2020-01-01T00:00:00.000000Z' }, 'ahead'],
    [{ epoch, since: seq, at: '2020-01-01T00:00:00.000000Z' }, 'diverged'],
    [{ epoch, since: 1, at: '2020-01-01T00:00:00.000000Z' }, 'diverged'],
  ] as const) {
    const device = await hello(restaurant, place)
    await device.until((heard) => heard.length >= 2)
    expect(device.messages.slice(0, 2)).toMatchObject([
      { type: 'resync', reason, epoch, head: seq },
      { type: 'snapshot', seq },
    ])
    const query = new URLSearchParams(Object.entries(place).map(([k, v]): [string, string] => [k, `${v}`]))
    const changes = await restaurant.v2('GET', `/changes?${query.toString()}`)
    expect(changes).toMatchObject({ status: 410, body: { code: 'resync-required', reason, epoch, head: seq } })
    await device.close()
  }
})

test('F2: a new epoch reaches devices that are connected, and the iPad’s sockets are told to come again', async () => {
  const restaurant = await app.restaurant()
  const device = await hello(restaurant)
  const ipad = await restaurant.device()
  await app.database.sql(`update qtable.heads set epoch = gen_random_uuid() where restaurant_id = $1`, [restaurant.id])
  await device.until((heard) => heard.filter(({ type }) => type === 'resync').length === 2)
  expect(device.messages.findLast(({ type }) => type === 'resync')).toMatchObject({ reason: 'epoch' })
  expect(await ipad.closed).toBe(1001)
  await restaurant.walkIn()
  await device.until((heard) => heard.at(-1)!['type'] === 'changes')
  await device.close()
})

test('F4: nobody hears a floor without a token for it', async () => {
  const [mine, other] = [await app.restaurant(), await app.restaurant()]
  await expect(stream(mine, 'nonsense')).rejects.toThrow('401')
  await expect(stream(mine, other.token)).rejects.toThrow('404')
  for (const [first, code] of [
    [{ type: 'hello', token: 'nonsense' }, 4401],
    [{ type: 'hello', token: other.token }, 4403],
    [{ type: 'hello' }, 4401],
    [{ type: 'hello', token: mine.token, epoch: 'x' }, 4400],
    [{ type: 'hello', token: mine.token, since: 3 }, 4400],
    [{ type: 'hello', token: mine.token, epoch: mine.id, since: 3, at: '2026-02-30T00:00:00.000000Z' }, 4400],
    [{ type: 'ping' }, 4400],
    ['nonsense', 4400],
  ] as const) {
    const device = await stream(mine, null)
    device.ws.send(typeof first === 'string' ? first : JSON.stringify(first))
    expect(await device.closed, JSON.stringify(first)).toBe(code)
    expect(device.messages).toEqual([])
  }
  const device = await stream(mine, null)
  device.ws.send(JSON.stringify({ type: 'hello', token: mine.token }))
  await device.until((heard) => heard.length === 2)
  device.ws.send('{"type":"ping"}')
  await device.until((heard) => heard.some(({ type }) => type === 'pong'))
  await device.close()
})

test('F4: who says nothing is closed after the time for it', async () => {
  const device = await stream(await app.restaurant(), null)
  expect(await device.closed).toBe(4401)
})

test('F5: a server that stops tells each device when to come back', async () => {
  const own = await startApp()
  const restaurant = await own.restaurant()
  const devices = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const path = `/v2/restaurants/${restaurant.id}/stream`
      const device = await openDevice(own.base, path, { wait: false })
      device.ws.send(JSON.stringify({ type: 'hello', token: restaurant.token }))
      await device.until((heard) => heard.length === 2)
      return device
    }),
  )
  await own.close()
  expect(await Promise.all(devices.map(({ closed }) => closed))).toEqual(devices.map(() => 1001))
  const waits = devices.map(({ messages }) => messages.at(-1)!)
  for (const wait of waits) expect(wait).toMatchObject({ type: 'reconnect' })
  expect(new Set(waits.map(({ afterMillis }) => afterMillis)).size).toBeGreaterThan(1)
})

test('F6: the snapshot has an ETag, and is as new as asked for', async () => {
  const restaurant = await app.restaurant()
  await restaurant.walkIn()
  const first = await snapshotOf(restaurant)
  const etag = first.headers.get('etag')!
  const again = await snapshotOf(restaurant, { 'if-none-match': etag })
  expect([again.status, again.text]).toEqual([304, ''])
  const { seq } = (await restaurant.v2('POST', '/guests', { firstName: 'Ada', partySize: 2 })).body
  const newer = await snapshotOf(restaurant, { 'if-none-match': etag, 'min-seq': `${seq}` })
  expect(newer.body.seq).toBe(seq)
  expect(newer.body.entities.filter(({ kind }: { kind: string }) => kind === 'guest')).toHaveLength(2)
  expect(await snapshotOf(restaurant, { 'min-seq': `${seq + 1}` })).toMatchObject({
    status: 409,
    body: { code: 'ahead-of-log', head: seq },
  })
  expect((await snapshotOf(restaurant, { 'min-seq': '-1' })).status).toBe(422)
})
