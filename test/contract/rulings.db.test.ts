import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openDevice, startApp, TEST_SECRET, type Restaurant, type TestApp } from '../kit.ts'

/** The rulings on the old backend's faults, one test each, by their numbers in docs/ios-contract.md. */

let app: TestApp
let r: Restaurant
beforeAll(async () => {
  app = await startApp()
})
beforeEach(async () => {
  r = await app.restaurant()
})
afterAll(() => app.close())

const UNKNOWN = '00000000-0000-4000-8000-000000000000'
const bearer = (token = r.token) => ({ authorization: `Bearer ${token}` })
const get = (path: string, token?: string) => app.call('GET', path, undefined, bearer(token))
const guest = async (id: string) => (await r.call('GET', `/guests/${id}`)).body
const table = async (id: string) => (await r.call('GET', '/tables')).body.find((each: { id: string }) => each.id === id)
const reservation = async (id: string) =>
  (await r.call('GET', '/reservations')).body.find((each: { id: string }) => each.id === id)
const reserve = async (body: object = {}) =>
  (await r.call('POST', '/reservations', { guest_name: 'Alma', party_size: 2, status: 'confirmed', ...body })).body
    .id as string
const seat = (id: string, table_id: string) => r.call('PUT', `/guests/${id}`, { status: 'Seated', table_id })
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

test('C9, V3: ruling 9: whichever call links or unlinks a party and a table, both sides change', async () => {
  const [t, g, v] = [await r.table('1'), await r.walkIn(), await reserve()]
  await r.call('PUT', `/tables/${t}`, { currentGuestId: g })
  expect([(await guest(g)).tableId, (await table(t)).currentGuestId]).toEqual([t, g])
  await r.call('PUT', `/tables/${t}`, { current_guest_id: v })
  expect([(await guest(g)).tableId, (await table(t)).currentGuestId, (await reservation(v)).assignedTableId]).toEqual([
    null,
    v,
    t,
  ])
  expect((await table(t)).status).toBe('reserved')
  await r.call('PUT', `/tables/${t}`, { currentGuestId: '' })
  expect([(await table(t)).currentGuestId, (await reservation(v)).assignedTableId]).toEqual([null, null])
  expect((await r.call('PUT', `/tables/${t}`, { currentGuestId: UNKNOWN })).status).toBe(422)
})

test('C9, G7: ruling 10: a taken table may be taken; the other guest is on the waitlist and announced, a reservation keeps its status', async () => {
  const [t, a, b, v] = [await r.table('1'), await r.walkIn('A'), await r.walkIn('B'), await reserve()]
  await seat(a, t)
  const device = await r.device()
  await seat(b, t)
  expect(await guest(a)).toMatchObject({ status: 'Waitlist', tableId: null })
  await device.until((heard) => heard.length === 4)
  expect(device.messages.slice(1).map((m) => [m['type'], m['guest_id'] ?? m['table_id'], m['data'].status])).toEqual([
    ['guest_updated', a, 'Waitlist'],
    ['guest_updated', b, 'Seated'],
    ['table_updated', t, 'occupied'],
  ])
  await r.call('PUT', `/tables/${t}/clear`)
  await r.call('PUT', `/reservations/${v}`, { assigned_table_id: t })
  const c = await r.call('POST', '/guests', { first_name: 'C', party_size: 2, status: 'Seated', table_id: t })
  expect(await reservation(v)).toMatchObject({ status: 'confirmed', assignedTableId: null })
  expect((await table(t)).currentGuestId).toBe(c.body.id)
})

test('C9, G10: ruling 11: a table is taken whatever the status, 422 with one that leaves; whoever leaves frees the own table', async () => {
  const [t, g] = [await r.table('1'), await r.walkIn()]
  expect((await r.call('PUT', `/guests/${g}`, { table_id: t })).body).toMatchObject({ status: 'Waitlist', tableId: t })
  expect(await table(t)).toMatchObject({ status: 'occupied', currentGuestId: g })
  for (const status of ['Finished', 'Cancelled', 'No Show'])
    expect((await r.call('PUT', `/guests/${g}`, { status, table_id: t })).status).toBe(422)
  await r.call('PUT', `/guests/${g}`, { status: 'Cancelled' })
  expect([(await guest(g)).tableId, (await table(t)).status]).toEqual([null, 'available'])
  await r.call('PUT', `/guests/${g}`, { table_id: t })
  expect(await guest(g)).toMatchObject({ status: 'Cancelled', tableId: t })
})

test('C9, G9: ruling 12: times are set, a sent one wins, deleting frees, "" and null take off the table', async () => {
  const [t, g] = [await r.table('1'), await r.walkIn()]
  expect((await seat(g, t)).body.seatedTime).toEqual(recent)
  expect((await r.call('PUT', `/guests/${g}`, { table_id: '' })).body).toMatchObject({
    status: 'Seated',
    tableId: null,
  })
  await seat(g, t)
  expect(
    (await r.call('POST', '/batch-update', { guests: [{ id: g, table_id: null }] })).body.updated_guests[0].tableId,
  ).toBeNull()
  await seat(g, t)
  const done = await r.call('PUT', `/guests/${g}`, { status: 'Finished', finished_time: '2026-01-01T00:00:00' })
  expect(done.body.finishedTime).toBe('2026-01-01T00:00:00')
  const h = await r.walkIn()
  await seat(h, t)
  await r.call('DELETE', `/guests/${h}`)
  expect((await table(t)).status).toBe('available')
})

test('C9, G12: ruling 13: deleted tables seat nobody, numbers are used once, reserved keeps the party, available ends it', async () => {
  const [t, gone, g, h] = [await r.table('1'), await r.table('2'), await r.walkIn(), await r.walkIn()]
  await r.call('DELETE', `/tables/${gone}`)
  expect((await seat(g, gone)).status).toBe(422)
  expect((await r.call('PUT', `/tables/${await r.table('2')}`, { table_number: '1' })).body).toEqual({
    detail: 'Table 1 already exists',
  })
  await seat(g, t)
  for (const status of ['reserved', 'outOfService'])
    expect((await r.call('PUT', `/tables/${t}`, { status })).body).toMatchObject({ status, currentGuestId: g })
  await r.call('PUT', `/tables/${t}`, { status: 'available' })
  expect(await guest(g)).toMatchObject({ status: 'Finished', tableId: null, finishedTime: recent })
  await r.call('PUT', `/guests/${h}`, { table_id: t })
  await r.call('PUT', `/tables/${t}`, { status: 'available' })
  expect(await guest(h)).toMatchObject({ status: 'Waitlist', tableId: null, finishedTime: null })
})

test('C9, V4, V5: ruling 14: a moved reservation frees the old table, an ended one its own and no other; a status sets its time', async () => {
  const [t1, t2, v, g] = [await r.table('1'), await r.table('2'), await reserve(), await r.walkIn()]
  const put = (body: object) => r.call('PUT', `/reservations/${v}`, body)
  await put({ assigned_table_id: t1 })
  await put({ assigned_table_id: t2 })
  expect([(await table(t1)).status, (await table(t2)).status]).toEqual(['available', 'reserved'])
  expect((await put({ status: 'arrived' })).body.checkInTime).toEqual(recent)
  expect((await put({ status: 'seated' })).body.seatedTime).toEqual(recent)
  expect((await table(t2)).status).toBe('occupied')
  await seat(g, t2)
  expect((await put({ status: 'finished' })).body).toMatchObject({ finishedTime: recent, assignedTableId: null })
  expect((await table(t2)).currentGuestId).toBe(g)
  await put({ status: 'confirmed', assigned_table_id: t1 })
  await put({ status: 'noShow' })
  expect((await table(t1)).status).toBe('available')
})

test('C9, B1, V6: ruling 15: what never worked does what it promises', async () => {
  const [t, g] = [await r.table('1'), await r.walkIn()]
  await seat(g, t)
  const status = await r.call('PUT', `/guests/${g}/status/atomic?new_status=Finished`)
  expect(status.body).toMatchObject({
    success: true,
    guest_id: g,
    old_status: 'Seated',
    new_status: 'Finished',
    table_cleared: true,
    changes_count: 2,
  })
  expect((await r.call('PUT', `/guests/${UNKNOWN}/status/atomic?new_status=Finished`)).status).toBe(404)
  expect((await r.call('PUT', `/guests/${g}/status/atomic`)).status).toBe(422)
  const batch = {
    updates: [
      { entity_type: 'guest', entity_id: g, data: { notes: 'n', status: 'waiting' } },
      { entity_type: 'table', entity_id: UNKNOWN, data: {} },
    ],
    timestamp: 't',
  }
  const sync = await app.call('POST', `/api/sync/batch?restaurant_id=${r.id}`, batch, bearer())
  expect(sync.body).toMatchObject({
    success: false,
    processed_count: 1,
    failed_count: 1,
    errors: [`Table ${UNKNOWN} not found`],
  })
  expect(await guest(g)).toMatchObject({ notes: 'n', status: 'Waitlist' })
  expect((await r.call('POST', '/tables/bulk', [{ id: t, capacity: 9 }, { table_number: '5' }])).body).toMatchObject([
    { capacity: 9 },
    { tableNumber: '5' },
  ])
  await app.database.sql(`update qtable.restaurants set time_zone = 'Europe/Berlin' where restaurant_id = $1`, [r.id])
  const late = await reserve({ reservation_time: '2031-05-20T22:30:00Z' })
  const on = async (day: string) =>
    (await r.call('GET', `/reservations?date_filter=${day}`)).body.map(({ id }: { id: string }) => id)
  expect([await on('2031-05-20'), await on('2031-05-21')]).toEqual([[], [late]])
  expect((await r.call('GET', '/dashboard-data?minimal=false')).body.guests[0]).toHaveProperty('dietaryRestrictions')
  const device = await r.device('/ws/restaurant/sync')
  device.ws.send('{"type":"request_full_sync"}')
  await device.until((heard) => heard.length === 2)
  expect(device.messages[1]).toMatchObject({
    type: 'full_sync',
    restaurant_id: r.id,
    data: { guests: [{ id: g }], tables: [{}, {}] },
  })
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

test('C9, S3: ruling 18: deltas tell deletions, on every surface', async () => {
  const [g, t] = [await r.walkIn(), await r.table('1')]
  const { timestamp } = (await get(`/api/sync/full?restaurant_id=${r.id}`)).body
  await r.call('DELETE', `/guests/${g}`)
  await r.call('DELETE', `/tables/${t}`)
  const delta = (await get(`/api/sync/delta?restaurant_id=${r.id}&since=${timestamp}`)).body
  expect(delta.changes.map((c: { entity_id: string; action: string }) => [c.entity_id, c.action])).toEqual([
    [g, 'delete'],
    [t, 'delete'],
  ])
  const updates = (await get(`/api/v1/dashboard/${r.id}/updates?since=${timestamp}`)).body
  expect(updates).toMatchObject({ guestUpdates: [], tableUpdates: [], deletedGuests: [g], deletedTables: [t] })
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

test('C9, G13: ruling 20: visits that ended long ago are left out of lists, dashboards and full sync', async () => {
  const g = await r.walkIn()
  await r.call('PUT', `/guests/${g}`, { status: 'Finished', finished_time: '2099-01-01T00:00:00' })
  await app.database.sql(`update qtable.guests set ended_at = now() - interval '8 days' where id = $1`, [g])
  expect((await r.call('GET', '/guests')).body).toEqual([])
  expect((await r.call('GET', '/dashboard-data')).body.stats.total_guests).toBe(0)
  expect((await get(`/api/sync/full?restaurant_id=${r.id}`)).body.total_guests).toBe(0)
  expect((await r.call('GET', '/guests?history=all')).body).toHaveLength(1)
})

test('C9: ruling 21: ids are lower-case UUIDs, compression of frames is declined', async () => {
  expect(await r.walkIn()).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  const device = await r.device()
  expect(device.ws.extensions).toBe('')
})

test('C9, L7: ruling 22: a deletion is told to any old since, also when the log is gone', async () => {
  const g = await r.walkIn()
  await r.call('DELETE', `/guests/${g}`)
  await app.database.sql('update qtable.heads set floor_at = last_at where restaurant_id = $1', [r.id])
  await app.database.sql('delete from qtable.changes where restaurant_id = $1', [r.id])
  const { body } = await get(`/api/sync/delta?restaurant_id=${r.id}&since=2000-01-01T00:00:00`)
  expect(body.changes).toMatchObject([{ entity_id: g, action: 'delete' }])
})
