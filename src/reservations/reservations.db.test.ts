import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { newId } from '../platform/ids.ts'
import { startApp, type Restaurant, type TestApp } from '../../test/kit.ts'

let app: TestApp
let r: Restaurant
beforeAll(async () => {
  app = await startApp({ POOL_SIZE: '24' })
})
beforeEach(async () => {
  r = await app.restaurant()
})
afterAll(() => app.close())

const reserve = async (body: object = {}) =>
  (await r.v2('POST', '/reservations', { guestName: 'Alma', partySize: 2, status: 'confirmed', ...body })).body.result
    .id as string
const put = (id: string, body: object) => r.v2('PATCH', `/reservations/${id}`, body)
const table = async (id: string) =>
  (await r.v2('GET', '/tables')).body.result.find((each: { id: string }) => each.id === id)

test('V1: a reservation is taken without a table, with its facts', async () => {
  const made = await r.v2('POST', '/reservations', {
    guestName: 'Alma',
    partySize: 4,
    reservationTime: '2031-05-20T19:00:00Z',
  })
  expect(made.body.result).toMatchObject({
    status: 'waitlist',
    tableId: null,
    durationMinutes: 90,
    reservationTime: '2031-05-20T19:00:00.000000Z',
    checkInTime: null,
  })
})

test('V8: a device may name a reservation; an id that a guest or a reservation has is refused', async () => {
  const id = newId()
  const add = (of: string) => r.v2('POST', '/reservations', { id: of, guestName: 'Alma', partySize: 2 })
  expect((await add(id)).body.result).toMatchObject({ id, guestName: 'Alma' })
  for (const taken of [id, await reserve(), await r.walkIn()])
    expect(await add(taken)).toMatchObject({ status: 409, body: { code: 'id-taken', id: taken } })
  expect((await r.v2('GET', '/reservations')).body.result).toHaveLength(2)
  // At once: exactly one has it.
  const wanted = newId()
  const answers = await Promise.all([1, 2, 3].map(() => add(wanted)))
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  expect(answers.filter(({ body }) => body.code === 'id-taken')).toHaveLength(2)
})

test('V2: what is not sent stays, and a version that has passed is refused', async () => {
  const id = await reserve({ notes: 'pram' })
  expect((await put(id, { partySize: 5 })).body.result).toMatchObject({ notes: 'pram', partySize: 5, version: 2 })
  expect(await put(id, { notes: 'x', version: 1 })).toMatchObject({
    status: 409,
    body: { code: 'version-conflict', reservation: { notes: 'pram' } },
  })
  expect((await put('00000000-0000-4000-8000-000000000000', {})).body.code).toBe('reservation-not-found')
})

test('V3, G14: a reservation and its table are one pair; a table has one party, whichever kind', async () => {
  const [t, v, g] = [await r.table('1'), await reserve(), await r.walkIn()]
  await put(v, { tableId: t })
  expect(await table(t)).toMatchObject({ status: 'reserved', reservationId: v, guestId: null })
  expect((await r.v2('POST', `/guests/${g}/seat`, { tableId: t })).body.code).toBe('table-not-free')
  const raw = (sql: string, values: string[]) =>
    app.database.sql(`with x as (${sql}) select 1`.replace('with x as (', '').replace(') select 1', ''), values)
  await expect(raw('update qtable.tables set guest_id = $1 where id = $2', [g, t])).rejects.toThrow('tables_one_party')
  await expect(raw('update qtable.tables set reservation_id = null where id = $1', [t])).rejects.toThrow(
    'reservations_pair',
  )
  await expect(raw('update qtable.reservations set table_id = null where id = $1', [v])).rejects.toThrow(
    'tables_reservation_pair',
  )
})

test('V3, G6: of reservations and guests that want one table at once exactly one gets it', async () => {
  const t = await r.table('1', 20)
  for (let round = 0; round < 30; round++) {
    const reservations = await Promise.all([1, 2, 3].map(() => reserve()))
    const guests = await Promise.all([1, 2, 3].map((n) => r.walkIn(`G${n}`)))
    const answers = await Promise.all([
      ...reservations.map((id) => put(id, { tableId: t })),
      ...guests.map((id) => r.v2('POST', `/guests/${id}/seat`, { tableId: t })),
    ])
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ body }) => body.code === 'table-not-free')).toHaveLength(5)
    await r.v2('POST', `/tables/${t}/clear`)
  }
})

test('V4: a status sets its time; a time counts only with its own status; moving frees the old table', async () => {
  const [t1, t2, v] = [await r.table('1'), await r.table('2'), await reserve()]
  expect((await put(v, { seatedTime: '2031-01-01T00:00:00Z' })).body.result.seatedTime).toBeNull()
  await put(v, { tableId: t1 })
  const seated = (await put(v, { status: 'seated', seatedTime: '2031-01-01T00:00:00Z', tableId: t2 })).body.result
  expect(seated).toMatchObject({ seatedTime: '2031-01-01T00:00:00.000000Z', tableId: t2 })
  expect([(await table(t1)).status, (await table(t2)).status]).toEqual(['available', 'occupied'])
})

test('V5: an ended reservation gives its table back; cancelling twice is no error; ended ones take no table', async () => {
  for (const status of ['finished', 'cancelled', 'no_show']) {
    const [t, v] = [await r.table(status), await reserve()]
    await put(v, { tableId: t })
    await put(v, { status, force: true })
    expect(await table(t)).toMatchObject({ status: 'available', reservationId: null })
    expect((await put(v, { status, tableId: t, force: true })).body.code).toBe('ended-with-table')
  }
  const v = await reserve()
  for (let i = 0; i < 2; i++)
    expect((await r.v2('POST', `/reservations/${v}/cancel`)).body.result.status).toBe('cancelled')
})

test('V5, G11: clearing a table ends a seated reservation and takes the table from one that is to come', async () => {
  const [t, v] = [await r.table('1'), await reserve()]
  await put(v, { tableId: t })
  await r.v2('POST', `/tables/${t}/clear`)
  expect((await r.v2('GET', '/reservations')).body.result[0]).toMatchObject({ status: 'confirmed', tableId: null })
  await put(v, { status: 'seated', tableId: t })
  await r.v2('POST', `/tables/${t}/clear`)
  expect((await r.v2('GET', '/reservations')).body.result[0]).toMatchObject({ status: 'finished', tableId: null })
})

test("V6: lists are of one status, of one day in the restaurant's time zone, or all, newest first", async () => {
  await app.database.sql(`update qtable.restaurants set time_zone = 'America/New_York' where restaurant_id = $1`, [
    r.id,
  ])
  const [a, b] = [await reserve({ reservationTime: '2031-05-21T01:00:00Z' }), await reserve({ status: 'arrived' })]
  const ids = async (query: string) =>
    (await r.v2('GET', `/reservations${query}`)).body.result.map(({ id }: { id: string }) => id)
  expect(await ids('')).toEqual([b, a])
  expect(await ids('?status=arrived')).toEqual([b])
  expect([await ids('?day=2031-05-20'), await ids('?day=2031-05-21')]).toEqual([[a], []])
  expect(await ids('?limit=1')).toEqual([b])
})

test('V7: a guest whose reservation is still to come is not deleted', async () => {
  const [g, v] = [await r.walkIn(), await reserve({ status: 'arrived' })]
  await app.database.sql('update qtable.reservations set guest_id = $1 where id = $2', [g, v])
  expect((await r.call('DELETE', `/guests/${g}`)).body).toEqual({
    detail: 'Cannot delete guest with active reservations',
  })
  await put(v, { status: 'cancelled' })
  expect((await r.call('DELETE', `/guests/${g}`)).status).toBe(200)
  expect((await r.v2('GET', '/reservations')).body.result[0].guestId).toBeNull()
})
