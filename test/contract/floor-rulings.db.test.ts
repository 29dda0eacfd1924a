import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Restaurant } from '../kit.ts'
import { openHouse, UNKNOWN, type House } from './house.ts'

/** The rulings on what the old backend did to the floor, one test each, by their numbers in docs/ios-contract.md. */

let house: House
let r: Restaurant
let app: House['app']
let bearer: House['bearer']
let get: House['get']
let guest: House['guest']
let table: House['table']
let reservation: House['reservation']
let reserve: House['reserve']
let seat: House['seat']
beforeAll(async () => {
  house = await openHouse()
  ;({ app, bearer, get, guest, table, reservation, reserve, seat } = house)
})
beforeEach(async () => {
  r = await house.enter()
})
afterAll(() => app.close())

const recent = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$/)

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

test('C9, G13: ruling 20: visits that ended long ago are left out of lists, dashboards and full sync', async () => {
  const g = await r.walkIn()
  await r.call('PUT', `/guests/${g}`, { status: 'Finished', finished_time: '2099-01-01T00:00:00' })
  await app.database.sql(`update qtable.guests set ended_at = now() - interval '8 days' where id = $1`, [g])
  expect((await r.call('GET', '/guests')).body).toEqual([])
  expect((await r.call('GET', '/dashboard-data')).body.stats.total_guests).toBe(0)
  expect((await get(`/api/sync/full?restaurant_id=${r.id}`)).body.total_guests).toBe(0)
  expect((await r.call('GET', '/guests?history=all')).body).toHaveLength(1)
})

test('C9, L7: ruling 22: a deletion is told to any old since, also when the log is gone', async () => {
  const g = await r.walkIn()
  await r.call('DELETE', `/guests/${g}`)
  await app.database.sql('update qtable.heads set floor_at = last_at where restaurant_id = $1', [r.id])
  await app.database.sql('delete from qtable.changes where restaurant_id = $1', [r.id])
  const { body } = await get(`/api/sync/delta?restaurant_id=${r.id}&since=2000-01-01T00:00:00`)
  expect(body.changes).toMatchObject([{ entity_id: g, action: 'delete' }])
})
