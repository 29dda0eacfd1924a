import { isLaterFact } from '../contract/later-facts.ts'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { newId } from '../../src/platform/ids.ts'
import { plainRequest } from '../doors/one-of-each.ts'
import { operations as everyOperation } from '../doors/operations.ts'
import { openDevice, startApp, TEST_PASSWORD, type Answer, type Device, type Restaurant, type TestApp } from '../kit.ts'
import { limits } from '../../src/platform/limits.ts'
import { answerFiles, checkAnswer, checkMessage, messageFiles, scenes, type Checked, type Scene } from './checked-in.ts'

/** What the server really says fits the schemas that are checked in: while the recorded scenes are played, and of each kind at least once. */

/** What came, by the file that it was held against. */
const seen = new Map<string, number>()
const wrong: string[] = []
const without = new Set<string>()
let answers = 0
let heard = 0

function note(of: string, { file, problems }: Checked): void {
  if (file === null) without.add(of)
  else seen.set(file, (seen.get(file) ?? 0) + 1)
  wrong.push(...problems.map((problem) => `${of} (${file}): ${problem}`))
}

function onAnswer(method: string, path: string, status: number, body: unknown): void {
  if (status === 101) return
  answers++
  const of = `${method} ${path.split('?')[0]!.replace(/[0-9a-f-]{36}/g, '…')} ${status}`
  note(
    of,
    body === '' || typeof body === 'string' ? { file: null, problems: [] } : checkAnswer(method, path, status, body),
  )
}

function onMessage(path: string, text: string): void {
  heard++
  const socket = path.includes('/realtime') ? 'realtime' : path.startsWith('/v2/') ? 'stream' : 'sync'
  const message = JSON.parse(text) as { type?: string }
  note(`${socket} ${message.type}`, checkMessage(socket, message))
}

/** The sockets of the replayer, with an ear of our own. */
class Overheard extends WebSocket {
  constructor(address: string) {
    super(address)
    this.on('message', (data) => onMessage(address, (data as Buffer).toString('utf8')))
  }
}
Object.assign(globalThis, { WebSocket: Overheard })

type Http = (
  method: string,
  path: string,
  ...rest: unknown[]
) => Promise<{ status: number; body: unknown; headers: Record<string, string> }>
interface Replay {
  readonly Session: { readonly prototype: { http: Http } }
  playScene(base: string, scene: Scene): Promise<{ results: readonly { readonly out: readonly string[] }[] }>
}
const replay = (await import(new URL('../contract/replay.mjs', import.meta.url).href)) as Replay
const http = replay.Session.prototype.http
replay.Session.prototype.http = async function (method, path, ...rest) {
  const answer = await http.call(this, method, path, ...rest)
  onAnswer(method, path, answer.status, answer.body)
  return answer
}

let app: TestApp
let restaurant: Restaurant
beforeAll(async () => {
  app = await startApp({ WS_HEARTBEAT_INTERVAL: '1' })
  restaurant = await app.restaurant()
})
afterAll(() => app.close())

test('C12: every answer and message of the recorded scenes, played live, fits its checked-in schema', async () => {
  for (const scene of scenes) {
    const { results } = await replay.playScene(app.base, scene)
    expect(results.flatMap(({ out }) => out).filter((line) => !isLaterFact(line))).toEqual([])
  }
  expect(wrong).toEqual([])
  expect([...without]).toEqual([
    'GET /docs 200',
    'GET /openapi.json 200',
    'GET /restaurants/…/guests/ 307',
    'GET /restaurants/…/tables/ 307',
    'GET /realtime 403',
    'GET /realtime/nope 403',
  ])
  process.stdout.write(`scenes: ${answers} answers and ${heard} messages held against ${seen.size} files\n`)
  expect(answers).toBeGreaterThan(330)
  expect(heard).toBeGreaterThan(180)
})

// ---------------------------------------------------------------- of each kind once

async function ask(method: string, path: string, body?: unknown): Promise<Answer> {
  const answer = await app.call(method, path, body, { authorization: `Bearer ${restaurant.token}` })
  expect(answer.status, `${method} ${path}: ${answer.text}`).toBe(200)
  onAnswer(method, path, answer.status, answer.body)
  return answer
}
const below = (path: string) => `/restaurants/${restaurant.id}${path}`
const v2 = (path: string) => `/v2/restaurants/${restaurant.id}${path}`

async function open(path: string): Promise<Device> {
  const device = await openDevice(app.base, path)
  for (const message of device.messages) onMessage(path, JSON.stringify(message))
  device.ws.on('message', (data) => onMessage(path, (data as Buffer).toString('utf8')))
  return device
}
const isA = (type: string) => (each: { type?: string }) => each.type === type
const tells = (type: string) => (messages: readonly { type?: string }[]) => messages.some((each) => each.type === type)

test("C10, C12: every kind of message of the iPad's sockets is sent and fits its checked-in schema, the client's own too", async () => {
  const query = `restaurant_id=${restaurant.id}&token=${restaurant.token}`
  const realtime = await open(`/realtime?${query}&reservations=1`)
  const sync = await open(`/ws/restaurant/sync?${query}`)
  const say = (device: Device, socket: string, message: object) => {
    onMessage(socket, JSON.stringify(message))
    device.ws.send(JSON.stringify(message))
  }
  const [table, guest] = [await restaurant.table('1'), await restaurant.walkIn()]
  await ask('PUT', below(`/guests/${guest}`), { status: 'Seated', table_id: table })
  await ask('PUT', below(`/tables/${table}/clear`))
  await ask('POST', below('/reservations'), {
    guest_name: 'Bo',
    party_size: 2,
    reservation_time: '2026-11-23T18:00:00Z',
  })
  await ask('POST', below('/batch-update'), { guests: [{ id: guest, partySize: 3 }], tables: [{ id: table }] })
  await ask('POST', '/api/v1/atomic/batch', {
    transaction_id: newId(),
    timestamp: '',
    guests: [{ id: guest, operation: 'update', data: { notes: 'x' } }],
    tables: [{ id: 'new', operation: 'create', data: { number: '2', capacity: 2 } }],
  })
  await ask('DELETE', below(`/guests/${guest}`))
  say(realtime, '/realtime', { type: 'ping', more: 1 })
  for (const [message, answer] of [
    [{ type: 'ping' }, 'pong'],
    [{ type: 'request_full_sync' }, 'full_sync'],
    [{ type: 'request_delta', since: '2020-01-01T00:00:00Z' }, 'delta_update'],
    [{ type: 'request_delta', since: 'never' }, 'error'],
  ] as const) {
    say(sync, '/ws/restaurant/sync', message)
    await sync.until((messages) => messages.some(({ type }) => type === answer))
  }
  for (const path of ['/realtime', '/ws/restaurant/sync']) {
    const late = await openDevice(app.base, `${path}?restaurant_id=${restaurant.id}`, { wait: false })
    say(late, path, { type: 'authenticate', token: restaurant.token })
    await late.until((messages) => messages.length > 0)
    await late.close()
  }
  await Promise.all([realtime, sync].map(beats))
  await Promise.all([realtime.close(), sync.close()])
  expect(wrong).toEqual([])
  expect(messageFiles.filter((file) => !file.includes('/stream.') && !seen.has(file))).toEqual([])
})

/** Resolves when it has heard a heartbeat. */
const beats = (device: Device): Promise<void> =>
  device.until(() => device.all.some(isA('heartbeat')), 3 * limits.streamBeatMillis)

/** A device on the native stream, every message of it held against its file, those that it says too. */
async function openStream({ base }: TestApp, { id, token }: Restaurant, place: object) {
  const path = `/v2/restaurants/${id}/stream`
  const device = await openDevice(base, path, { wait: false })
  device.ws.on('message', (data) => onMessage(path, (data as Buffer).toString('utf8')))
  const say = (message: object) => {
    onMessage(path, JSON.stringify(message))
    device.ws.send(JSON.stringify(message))
  }
  say({ type: 'hello', token, device: 'Host stand', ...place })
  await device.until((heard) => heard.length > 0)
  return { device, say }
}

test('C10, C12: every kind of message of the stream is sent and fits its checked-in schema, the device’s own too', async () => {
  const own = await startApp()
  const place = await own.restaurant()
  const { device, say } = await openStream(own, place, {})
  await device.until(tells('snapshot'))
  const { epoch, seq, at } = device.messages.find(isA('snapshot'))!
  // Every kind of entity, put and dropped, alone and in a batch.
  const [table, guest] = [await place.table('1'), await place.walkIn()]
  await place.v2('POST', `/guests/${guest}/seat`, { tableId: table }, { 'idempotency-key': 'k', 'x-device': 'iPad' })
  await place.v2('POST', '/reservations', { guestName: 'Bo', partySize: 2 })
  await place.v2('POST', '/batch', { operations: [{ command: 'delete-guest', input: { guestId: guest } }] })
  await place.v2('DELETE', `/tables/${table}`)
  const { body } = await place.v2('GET', '/snapshot')
  await device.until((heard) => heard.some((each) => each['changes']?.at(-1).seq === body.seq))
  say({ type: 'applied', seq: body.seq })
  say({ type: 'ping', more: 1 })
  await device.until(tells('pong'))
  const back = await openStream(own, place, { epoch, since: seq, at })
  await back.device.until(tells('changes'))
  expect(back.device.messages[0]).toMatchObject({ type: 'resumed' })
  for (const wrongPlace of [
    { epoch: newId(), since: 0 },
    { epoch, since: body.seq + 1 },
    { epoch, since: body.seq, at: '2020-01-01T00:00:00.000000Z' },
  ]) {
    const lost = await openStream(own, place, wrongPlace)
    await lost.device.until(tells('snapshot'))
    await lost.device.close()
  }
  await beats(device)
  await own.close()
  expect(await Promise.all([device.closed, back.device.closed])).toEqual([1001, 1001])
  expect(wrong).toEqual([])
  expect(messageFiles.filter((file) => file.includes('/stream.') && !seen.has(file))).toEqual([])
})

test('C12: every route of both doors answers with what fits its checked-in schema', async () => {
  const query = `restaurant_id=${restaurant.id}`
  const [one, two] = [await restaurant.table('11'), await restaurant.table('12')]
  const guest = (await ask('POST', below('/guests'), { first_name: 'Cy', party_size: 2 })).body.id
  const reservation = (await ask('POST', below('/reservations'), { guest_name: 'Di', party_size: 2 })).body.id
  await ask('PUT', below(`/guests/${guest}/status/atomic?new_status=arrived`))
  await ask('POST', below('/tables/bulk'), [
    { id: one, section: 'bar' },
    { table_number: '13', capacity: 4 },
  ])
  const data = { name: 'Cy Twombly', partySize: 3 }
  const updates = [{ entity_type: 'guest', entity_id: guest, data }]
  await ask('POST', `/api/sync/batch?${query}`, { updates, timestamp: '' })
  await ask('GET', `/api/sync/delta?${query}&since=2020-01-01T00:00:00Z`)
  await ask('GET', '/api/v1/dashboard/data?minimal=false')
  await ask('GET', below('/dashboard-data?since=2020-01-01T00:00:00Z'))

  const signedIn = (await ask('POST', '/v2/sign-in', { email: restaurant.email, password: TEST_PASSWORD })).body
  const { refreshToken } = (await ask('POST', '/v2/refresh', { refreshToken: signedIn.refreshToken })).body
  await ask('GET', '/v2/me')
  await ask('POST', '/v2/sign-out', { refreshToken })
  const colleague = { email: 'ida@cedar.example', password: 'Plum-Cedar-72', role: 'host' }
  const { id: staffId } = (await ask('POST', v2('/staff'), colleague)).body.result
  await ask('PATCH', v2(`/staff/${staffId}`), { role: 'manager', firstName: 'Ida' })
  await ask('DELETE', v2(`/staff/${staffId}/sign-ins`))
  await ask('POST', v2('/tables'), { number: '14', capacity: 4, x: 0.5, y: 0.5 })
  await ask('PATCH', v2(`/tables/${two}`), { section: 'bar' })
  await ask('POST', v2('/tables/arrange'), { tables: [{ id: one, x: 0.1, y: 0.2 }] })
  const native = (await ask('POST', v2('/guests'), { firstName: 'Ed', partySize: 2 })).body.result.id
  await ask('PATCH', v2(`/guests/${native}`), { notes: 'x' })
  await ask('POST', v2(`/guests/${native}/seat`), { tableId: one })
  await ask('POST', v2(`/guests/${native}/move`), { tableId: two })
  await ask('GET', v2(`/guests/${native}`))
  await ask('POST', v2(`/tables/${two}/clear`))
  await ask('POST', v2(`/guests/${guest}/status`), { status: 'cancelled', force: true })
  await ask('POST', v2('/reservations'), { guestName: 'Fay', partySize: 2 })
  await ask('PATCH', v2(`/reservations/${reservation}`), { tableId: two, force: true })
  await ask('POST', v2(`/reservations/${reservation}/cancel`))
  const operations = [{ command: 'update-guest', input: { guestId: native, notes: 'y' } }]
  await ask('POST', v2('/batch'), { operations })
  await ask('POST', v2('/each'), {
    operations: [...operations, { command: 'delete-guest', input: { guestId: newId() } }],
  })
  for (const path of [
    '/staff',
    '/tables',
    '/guests',
    '/reservations',
    '/floor',
    '/floor/since?since=2020-01-01T00:00:00Z',
  ])
    await ask('GET', v2(path))
  for (const path of ['/guests?limit=1', '/reservations?limit=1'])
    expect((await ask('GET', v2(path))).body.next).toMatch(/^[\w-]{86}$/)
  const { epoch } = (await ask('GET', v2('/snapshot'))).body
  expect((await ask('GET', v2(`/changes?epoch=${epoch}&since=0`))).body.changes.length).toBeGreaterThan(10)
  await ask('DELETE', v2(`/guests/${native}`))
  await ask('GET', v2('/floor/since?since=2020-01-01T00:00:00Z'))
  await ask('DELETE', v2(`/tables/${one}`))
  const refused = await app.call('GET', v2('/guests'))
  onAnswer('GET', v2('/guests'), refused.status, refused.body)
  const guestNow = v2(`/guests/${guest}`)
  for (const [method, path, body, status] of [
    ['PATCH', guestNow, { version: 1 }, 409],
    ['GET', v2(`/changes?epoch=${newId()}&since=0`), undefined, 410],
  ] as const) {
    const answer = await app.call(method, path, body, { authorization: `Bearer ${restaurant.token}` })
    expect([answer.status, 'changed' in answer.body], answer.text).toEqual([status, status === 409])
    onAnswer(method, path, answer.status, answer.body)
  }
  for (const op of everyOperation.filter(({ door, name }) => door === 'v2' && !seen.has(`answers/${name}.json`)))
    await ask(...(await plainRequest(op, restaurant)))

  expect(wrong).toEqual([])
  expect(answerFiles.filter((file) => !seen.has(file))).toEqual([])
})

test('C8, C10: the server gives out the documents that are checked in', async () => {
  const docs = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')
  expect((await app.call('GET', '/openapi.json')).body).toEqual(JSON.parse(docs('openapi.json')))
  const sockets = await app.call('GET', '/asyncapi.yaml')
  expect([sockets.status, sockets.headers.get('content-type')]).toEqual([200, 'application/yaml'])
  expect(sockets.text).toBe(docs('asyncapi.yaml'))
})
