import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { newId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import { openDevice, startApp, type Device, type Restaurant, type TestApp } from '../../../test/kit.ts'

/** What docs/protocol.md says and no other test does, asked of a server. The numbers are its sections. */

let app: TestApp
let r: Restaurant
beforeAll(async () => {
  app = await startApp({ WS_HEARTBEAT_INTERVAL: '1' })
  r = await app.restaurant()
})
afterAll(() => app.close())

/** A handshake that is refused: its status and headers. */
const refused = (id: string, authorization: string) =>
  new Promise<{ status: number; headers: Record<string, unknown> }>((resolve, reject) => {
    const ws = new WebSocket(`${app.base.replace(/^http/, 'ws')}/v2/restaurants/${id}/stream`, {
      headers: { authorization },
    })
    ws.on('unexpected-response', (_, response) => {
      resolve({ status: response.statusCode!, headers: response.headers })
      ws.terminate()
    })
    ws.on('open', () => reject(new Error('it was let in')))
    ws.on('error', () => undefined)
  })

const open = (of = r): Promise<Device> => openDevice(app.base, `/v2/restaurants/${of.id}/stream`, { wait: false })
const say = (device: Device, message: object) => device.ws.send(JSON.stringify(message))
const typeOf = ({ type }: Record<string, unknown>) => type
async function greeted(place: object = {}, of = r): Promise<Device> {
  const device = await open(of)
  say(device, { type: 'hello', token: of.token, ...place })
  await device.until((heard) => heard.length > 0)
  return device
}

test('F4: 6.1: a handshake is refused with 401, 403 or 404', async () => {
  const [other, closed] = [await app.restaurant(), await app.restaurant()]
  expect(await refused(r.id, 'Bearer nonsense')).toMatchObject({
    status: 401,
    headers: { 'www-authenticate': 'Bearer' },
  })
  expect((await refused(r.id, 'Basic eDp5')).status).toBe(401)
  expect((await refused(other.id, `Bearer ${r.token}`)).status).toBe(404)
  expect((await refused(newId(), `Bearer ${r.token}`)).status).toBe(404)
  await app.database.sql('update qtable.restaurants set is_active = false where restaurant_id = $1', [closed.id])
  expect((await refused(closed.id, `Bearer ${closed.token}`)).status).toBe(403)
})

test('F4: 2, 6.2: null is not "left out", in a hello and in a body', async () => {
  for (const field of ['epoch', 'since', 'at', 'device', 'token']) {
    const device = await open()
    say(device, { type: 'hello', token: r.token, [field]: null })
    expect(await device.closed, field).toBe(4400)
  }
  const answer = await r.v2('POST', '/guests', { firstName: 'Ada', partySize: 2, lastName: null })
  expect([answer.status, answer.body.problems[0].path]).toEqual([422, ['lastName']])
})

test('F1, F2, F6: 5, 6.2: `at` is the time of the change; a heartbeat has the clock, which gives diverged', async () => {
  const { seq } = (await r.v2('POST', '/guests', { firstName: 'Ada', partySize: 2 })).body
  const { epoch, at } = (await r.v2('GET', '/snapshot')).body
  const device = await greeted({ epoch, since: seq, at })
  expect(device.messages[0]).toMatchObject({ type: 'resumed', head: seq })
  await device.until(() => device.all.some(({ type }) => type === 'heartbeat'), 15_000)
  const beat = device.all.find(({ type }) => type === 'heartbeat')!
  expect(beat['head']).toBe(seq)
  expect(beat['at'] > at).toBe(true)
  await device.close()
  const diverged = await greeted({ epoch, since: seq, at: beat['at'] })
  expect(diverged.messages[0]).toMatchObject({ type: 'resync', reason: 'diverged' })
  await diverged.close()
  const since = `/changes?epoch=${epoch}&since=${seq}&at=`
  expect((await r.v2('GET', since + at)).body).toMatchObject({ epoch, head: seq, changes: [] })
  expect(await r.v2('GET', since + beat['at'])).toMatchObject({
    status: 410,
    body: { code: 'resync-required', reason: 'diverged' },
  })
})

test('F1, W3: 6.1, 6.2: binary frames, unknown fields and unknown types are ignored, and a long frame is not taken', async () => {
  const device = await greeted({ more: 1 })
  await device.until((heard) => heard.some(({ type }) => type === 'snapshot'))
  const before = device.messages.length
  device.ws.send(Buffer.from('{"type":"nonsense'))
  device.ws.send(Buffer.from('{"type":"ping"}'))
  say(device, { type: 'unknown' })
  say(device, { type: 'ping' })
  await device.until((heard) => heard.some(({ type }) => type === 'pong'))
  expect(device.messages.slice(before).map(typeOf)).toEqual(['pong'])
  say(device, { type: 'unknown', text: 'x'.repeat(limits.socketFrameBytes) })
  expect(await device.closed).toBe(1009)
})

test('P14, A14: 3: Retry-After is a number of seconds, on 429 too', async () => {
  const failing = { email: `${newId()}@cedar.example`, password: 'no' }
  let answer = await app.call('POST', '/v2/sign-in', failing)
  for (let i = 0; answer.status === 401 && i < 50; i++) answer = await app.call('POST', '/v2/sign-in', failing)
  expect([answer.status, answer.body.code]).toEqual([429, 'too-many-attempts'])
  expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
})

test('L5: 9: a key has 1 to 200 characters, and a repeat differs in what belongs to the request', async () => {
  const send = (key: string, partySize: number) =>
    r.v2('POST', '/guests', { firstName: 'Ada', partySize }, { 'idempotency-key': key })
  expect((await send('k'.repeat(200), 2)).status).toBe(200)
  expect(await send('k'.repeat(201), 2)).toMatchObject({ status: 422, body: { code: 'invalid-header' } })
  const key = newId()
  const refusal = { 'idempotency-key': key }
  const [first, second] = [
    await r.v2('POST', `/guests/${newId()}/seat`, { tableId: r.id }, refusal),
    await r.v2('POST', `/guests/${newId()}/seat`, { tableId: r.id }, refusal),
  ]
  expect([first.status, second.status, second.body.code]).toEqual([404, 422, 'mutation-id-reused'])
  expect(first.body.requestId).toBe(first.headers.get('x-request-id'))
  expect(second.body.requestId).not.toBe(first.body.requestId)
})

test('C4: 10: of one change realtime tells guests, then reservations, then tables', async () => {
  const house = await app.restaurant()
  const [table, guest] = [await house.table('1', 8), await house.walkIn()]
  const { id } = (await house.v2('POST', '/reservations', { guestName: 'Bo', partySize: 2 })).body.result
  expect((await house.v2('PATCH', `/reservations/${id}`, { tableId: table })).status).toBe(200)
  const path = `/realtime?restaurant_id=${house.id}&token=${house.token}&reservations=1`
  const device = await openDevice(app.base, path)
  const before = device.messages.length
  const seat = { tableId: table, force: true, takeOver: true, status: 'seated' }
  const answer = await house.v2('PATCH', `/guests/${guest}`, seat)
  expect(answer.status, answer.text).toBe(200)
  await device.until((heard) => heard.some(({ type }) => type === 'table_updated'))
  expect(device.messages.slice(before).map(typeOf)).toEqual(['guest_updated', 'reservation_updated', 'table_updated'])
  await device.close()
})
