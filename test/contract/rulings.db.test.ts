import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { limits } from '../../src/platform/limits.ts'
import { openDevice, startApp, TEST_PASSWORD, TEST_SECRET, type Restaurant } from '../kit.ts'
import { openHouse, UNKNOWN, type House } from './house.ts'

/** The rulings on the doors of the old backend, one test each, by their numbers in docs/ios-contract.md: who may, what is refused, how it is said. Those on the floor are in floor-rulings. */

let house: House
let r: Restaurant
let app: House['app']
let bearer: House['bearer']
let get: House['get']
let guest: House['guest']
let table: House['table']
let reserve: House['reserve']
beforeAll(async () => {
  house = await openHouse()
  ;({ app, bearer, get, guest, table, reserve } = house)
})
beforeEach(async () => {
  r = await house.enter()
})
afterAll(() => app.close())

const recent = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$/)

test('C9: ruling 1: a foreign id is answered like an unknown one, wherever it stands', async () => {
  const other = await app.restaurant()
  const [foreignGuest, foreignTable] = [await other.walkIn(), await other.table('1')]
  const mine = await r.walkIn()
  for (const [foreign, unknown] of [
    [await r.call('GET', `/guests/${foreignGuest}`), await r.call('GET', `/guests/${UNKNOWN}`)],
    [await r.call('PUT', `/tables/${foreignTable}`, {}), await r.call('PUT', `/tables/${UNKNOWN}`, {})],
    [
      await r.call('PUT', `/guests/${mine}`, { table_id: foreignTable }),
      await r.call('PUT', `/guests/${mine}`, { table_id: UNKNOWN }),
    ],
    [
      await r.call('POST', '/batch-update', { guests: [{ id: foreignGuest, status: 'Seated' }] }),
      await r.call('POST', '/batch-update', { guests: [{ id: UNKNOWN, status: 'Seated' }] }),
    ],
  ] as const) {
    const same = (text: string) =>
      text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'id').replace(/"timestamp":"[^"]*"/, '')
    expect([foreign.status, same(foreign.text)]).toEqual([unknown.status, same(unknown.text)])
  }
  expect((await get(`/restaurants/${other.id}/guests`)).status).toBe(403)
})

test('C9: ruling 2: both sockets ask for the token', async () => {
  for (const path of [`/realtime?restaurant_id=${r.id}`, '/ws/restaurant/sync?restaurant_id=1']) {
    await expect(openDevice(app.base, `${path}&token=wrong`)).rejects.toThrow('403')
    const device = await openDevice(app.base, path, { wait: false })
    device.ws.send('{"type":"authenticate","token":"wrong"}')
    expect(await device.closed).toBe(4401)
    await (await openDevice(app.base, path, { headers: bearer() })).close()
  }
})

test("C9: ruling 3: sync takes the restaurant's id, a number or nothing, and hears its own restaurant only", async () => {
  const other = await app.restaurant()
  const devices = await Promise.all(
    [`restaurant_id=${r.id}`, 'restaurant_id=7', ''].map((query) =>
      openDevice(app.base, `/ws/restaurant/sync?${query}`, { headers: bearer() }),
    ),
  )
  await other.table('1')
  const mine = await r.table('1')
  for (const device of devices) {
    await device.until((heard) => heard.length > 1)
    expect(device.messages.slice(1).map((m) => m['table_id'])).toEqual([mine])
    await device.close()
  }
})

test('C9: ruling 4: exp is required, other algorithms are refused, an empty password registers nobody, tokens of the old backend are taken', async () => {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = (header: object, claims: object) => {
    const text = `${part(header)}.${part(claims)}`
    return `${text}.${createHmac('sha256', TEST_SECRET).update(text).digest('base64url')}`
  }
  const exp = Math.floor(Date.now() / 1000) + 1800
  const header = { alg: 'HS256', typ: 'JWT' }
  expect((await get('/auth/me', token(header, { sub: r.staffId }))).status).toBe(401)
  expect((await get('/auth/me', token({ alg: 'HS512', typ: 'JWT' }, { sub: r.staffId, exp }))).status).toBe(401)
  expect((await get('/auth/me', token(header, { sub: r.staffId, restaurant_id: r.id, exp }))).status).toBe(200)
  const empty = await app.call('POST', '/auth/register', {
    restaurant_name: 'E',
    email: 'e@empty.example',
    password: '',
  })
  expect(empty).toMatchObject({
    status: 422,
    body: { detail: [{ type: 'string_too_short', loc: ['body', 'password'] }] },
  })
  const again = { restaurant_name: 'E', email: r.email.toUpperCase(), password: 'x' }
  expect((await app.call('POST', '/auth/register', again)).status).toBe(400)
})

test('C9: ruling 23: the dashboard of a suspended restaurant is refused, and who one is is told', async () => {
  const suspended = await app.restaurant()
  await app.database.sql('update qtable.restaurants set is_active = false where restaurant_id = $1', [suspended.id])
  const answers = ['/api/v1/dashboard/data', '/api/v1/dashboard/data?since=2026-01-01T00:00:00Z', '/auth/me'].map(
    (path) => get(path, suspended.token),
  )
  const inactive = { status: 403, body: { detail: 'Restaurant account is inactive' } }
  expect(await Promise.all(answers)).toMatchObject([
    inactive,
    inactive,
    { status: 200, body: { id: suspended.staffId } },
  ])
})

test('C9: ruling 24: too many wrong passwords are asked to wait, and a token ends with the password that it was given for', async () => {
  const who = await app.restaurant()
  const nobody = { email: 'nobody@guessed.example', password: 'x' }
  const told = async () => await app.call('POST', '/auth/login', nobody)
  const first = await told()
  expect([first.status, first.body]).toEqual([401, { detail: 'Incorrect email or password' }])
  for (let i = 1; i < limits.signInFailuresPerEmail; i++) expect((await told()).status).toBe(401)
  const wait = await told()
  expect([wait.status, wait.body]).toEqual([429, { detail: 'Too many attempts have failed' }])
  expect(Number(wait.headers.get('retry-after'))).toBeGreaterThan(200)
  const change = { password: 'Another-Plum-9', currentPassword: TEST_PASSWORD }
  expect((await who.v2('PATCH', `/staff/${who.staffId}`, change)).status).toBe(200)
  const status = async () => (await get('/auth/me', who.token)).status
  await expect.poll(status).toBe(401)
})

test('C9: ruling 5: any origin may call, without credentials', async () => {
  const answer = await app.call('GET', '/health', undefined, { origin: 'https://any.example' })
  expect([
    answer.headers.get('access-control-allow-origin'),
    answer.headers.get('access-control-allow-credentials'),
  ]).toEqual(['*', null])
})

test('C9: ruling 6: NUL, over-long text, large integers and negative limits are 422, and nothing is stored', async () => {
  const g = await r.walkIn()
  const before = await guest(g)
  for (const body of [
    { notes: 'a\0b' },
    { phone: 'x'.repeat(21) },
    { party_size: 2 ** 31 },
    { first_name: 'x'.repeat(101) },
    { table_id: UNKNOWN },
  ])
    expect((await r.call('PUT', `/guests/${g}`, body)).status, JSON.stringify(body)).toBe(422)
  expect((await get(`/api/sync/delta?restaurant_id=${r.id}&since=2026-01-01T00:00:00Z&limit=-1`)).status).toBe(422)
  expect((await r.call('PUT', `/reservations/${await reserve()}`, { assigned_table_id: UNKNOWN })).body).toEqual({
    detail: 'Table not found',
  })
  const batch = await r.call('POST', '/batch-update', {
    guests: [
      { id: g, table_id: UNKNOWN },
      { id: g, partySize: 3 },
    ],
  })
  expect(batch.body).toMatchObject({
    success: false,
    errors: [`Table ${UNKNOWN} not found`],
    updated_guests: [{ partySize: 3 }],
  })
  expect((await r.call('POST', '/batch-update', { guests: [{ id: g, status: 'a\0b' }] })).status).toBe(422)
  expect(await guest(g)).toEqual({ ...before, partySize: 3, lastUpdated: recent })
})

test('C9: ruling 7: any known spelling is taken on change, and answered in the words of each surface', async () => {
  const g = await r.walkIn()
  for (const [sent, answered, sync] of [
    ['no_show', 'No Show', 'completed'],
    ['RUNNING LATE', 'Running Late', 'waiting'],
    ['partiallyArrived', 'Partially Arrived', 'waiting'],
    ['confirmed', 'Confirmed', 'waiting'],
    ['waiting', 'Waitlist', 'waiting'],
    ['seated', 'Seated', 'seated'],
  ] as const) {
    expect((await r.call('PUT', `/guests/${g}`, { status: sent })).body.status).toBe(answered)
    expect((await get(`/api/sync/full?restaurant_id=${r.id}`)).body.guests[0].status).toBe(sync)
    expect((await r.call('GET', '/dashboard-data')).body.guests[0].status).toBe(answered)
  }
  expect((await r.call('PUT', `/guests/${g}`, { status: 'bogus' })).status).toBe(422)
  expect((await r.call('POST', '/guests', { first_name: 'A', party_size: 1, status: 'seated' })).status).toBe(422)
})

test('C9: ruling 8: party_size below 1 is 422 but in batches; needs_cleaning and out of service have their words', async () => {
  const [g, t] = [await r.walkIn(), await r.table('A 12')]
  expect((await r.call('PUT', `/guests/${g}`, { party_size: 0 })).status).toBe(422)
  expect((await r.call('POST', '/reservations', { guest_name: 'x', party_size: 0 })).status).toBe(422)
  expect(
    (
      await r.call('POST', '/batch-update', {
        guests: [
          { id: g, partySize: 0 },
          { id: g, party_size: -3 },
        ],
      })
    ).body.updated_guests[1].partySize,
  ).toBe(2)
  const syncTable = async () => (await get(`/api/sync/full?restaurant_id=${r.id}`)).body.tables[0]
  await r.call('PUT', `/tables/${t}`, { status: 'needs_cleaning' })
  expect([(await table(t)).status, await syncTable()]).toEqual([
    'outOfService',
    expect.objectContaining({ status: 'needs_cleaning', number: 12 }),
  ])
  await r.call('PUT', `/tables/${t}`, { status: 'outOfService', table_number: 'Bar' })
  expect(await syncTable()).toMatchObject({ status: 'reserved', number: 1 })
  expect((await r.call('POST', '/batch-update', { tables: [{ id: t, status: 'dirty' }] })).status).toBe(422)
})

test('C9, C4: ruling 16: after commit, in order, once; reservations only to who asked', async () => {
  const plain = await r.device()
  const asked = await openDevice(app.base, `/realtime?restaurant_id=${r.id}&reservations=1`, { headers: bearer() })
  const [t, v] = [await r.table('1'), await reserve()]
  await r.call('PUT', `/reservations/${v}`, { assigned_table_id: t })
  await r.call('POST', '/batch-update', { tables: [{ id: t, status: 'reserved' }] })
  await r.call('DELETE', `/reservations/${v}`)
  await plain.until((heard) => heard.length === 6)
  await asked.until((heard) => heard.length === 9)
  const said = (messages: typeof plain.messages) => messages.slice(1).map((m) => `${m['type']} ${m['action']}`)
  const tables = [
    'table_updated created',
    'table_updated assigned',
    'table_updated status_changed',
    'atomic_transaction_complete undefined',
    'table_updated cleared',
  ]
  expect(said(plain.messages)).toEqual(tables)
  expect(said(asked.messages).filter((each) => !each.startsWith('reservation'))).toEqual(tables)
  expect(said(asked.messages).filter((each) => each.startsWith('reservation'))).toEqual([
    'reservation_updated created',
    'reservation_updated table_assigned',
    'reservation_updated cancelled',
  ])
  expect(asked.messages.find((m) => m['action'] === 'table_assigned')).toMatchObject({
    reservation_id: v,
    data: { id: v, guestName: 'Alma', assignedTableId: t },
  })
  expect(plain.messages.find((m) => m['action'] === 'status_changed')?.['data']).toMatchObject({
    x: 0.5,
    y: 0.5,
    position: { x: 0.5, y: 0.5 },
    updatedAt: expect.any(String),
  })
})

test('C9, W3: ruling 17: a frame that is no object is ignored and the socket lives on', async () => {
  const device = await r.device()
  device.ws.send('[1]')
  device.ws.send(Buffer.from([1]))
  device.ws.send('{"type":"ping"}')
  await r.walkIn()
  await device.until((heard) => heard.length === 3)
  expect(new Set(device.messages.slice(1).map((m) => m['type']))).toEqual(new Set(['guest_created', 'pong']))
})

test("C9: ruling 19: times are UTC whatever the database's zone", async () => {
  const [{ name }] = (await app.database.sql<{ name: string }>('select current_database() as name')) as [
    { name: string },
  ]
  await app.database.sql(`alter database ${name} set timezone = 'Asia/Kolkata'`)
  const other = await startApp()
  await other.database.sql(
    `alter database ${(await other.database.sql<{ name: string }>('select current_database() as name'))[0]!.name} set timezone = 'Asia/Kolkata'`,
  )
  const there = await other.restaurant()
  const { body } = await there.call('POST', '/guests', {
    first_name: 'A',
    party_size: 1,
    check_in_time: '2026-01-01T12:00:00+05:30',
  })
  expect(body.checkInTime).toBe('2026-01-01T06:30:00')
  expect(Math.abs(Date.parse(`${body.createdAt}Z`) - Date.now())).toBeLessThan(60_000)
  await other.close()
})

test('C9: ruling 21: ids are lower-case UUIDs, compression of frames is declined', async () => {
  expect(await r.walkIn()).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  const device = await r.device()
  expect(device.ws.extensions).toBe('')
})
