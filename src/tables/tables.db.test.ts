import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startApp, type Restaurant, type TestApp } from '../../test/kit.ts'
import { TABLE_STATUSES, tableStatuses } from './rules.ts'

let app: TestApp
let r: Restaurant
beforeAll(async () => {
  app = await startApp()
})
beforeEach(async () => {
  r = await app.restaurant()
})
afterAll(() => app.close())

const tables = async () => (await r.v2('GET', '/tables')).body.result

test('T1, T5: a new table is free; what is not sent of it stays', async () => {
  const made = await r.v2('POST', '/tables', {
    number: 'A1',
    capacity: 6,
    x: 0.25,
    y: 1,
    shape: 'oval',
    section: 'Bar',
  })
  const table = made.body.result
  expect(table).toMatchObject({
    number: 'A1',
    capacity: 6,
    x: 0.25,
    y: 1,
    shape: 'oval',
    section: 'Bar',
    status: 'available',
    guestId: null,
    version: 1,
  })
  const edited = (await r.v2('PATCH', `/tables/${table.id}`, { capacity: 8 })).body.result
  expect(edited).toEqual({ ...table, capacity: 8, version: 2, updatedAt: edited.updatedAt })
  expect(await tables()).toEqual([edited])
})

test('T2: a number is used once, also on change and when two ask at once; a removed one is free again', async () => {
  const add = (number: string) => r.v2('POST', '/tables', { number, capacity: 2, x: 0, y: 0 })
  const answers = await Promise.all(Array.from({ length: 8 }, () => add('7')))
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  expect(answers.filter(({ body }) => body.code === 'table-number-taken')).toHaveLength(7)
  const other = (await add('8')).body.result.id
  expect(await r.v2('PATCH', `/tables/${other}`, { number: '7' })).toMatchObject({
    status: 409,
    body: { code: 'table-number-taken' },
  })
  expect((await r.call('PUT', `/tables/${other}`, { table_number: '7' })).body).toEqual({
    detail: 'Table 7 already exists',
  })
  await r.v2('DELETE', `/tables/${other}`)
  expect((await add('8')).status).toBe(200)
  expect(
    (await app.restaurant().then((b) => b.v2('POST', '/tables', { number: '7', capacity: 2, x: 0, y: 0 }))).status,
  ).toBe(200)
})

test('T3, T4: a table with a party or set as occupied is not removed; removing twice is no error, and then it is unknown', async () => {
  const [t, g] = [await r.table('1'), await r.walkIn()]
  await r.v2('POST', `/guests/${g}/seat`, { tableId: t })
  expect(await r.v2('DELETE', `/tables/${t}`)).toMatchObject({
    status: 409,
    body: { code: 'table-occupied', table: { guestId: g } },
  })
  await r.v2('POST', `/tables/${t}/clear`)
  await r.v2('PATCH', `/tables/${t}`, { status: 'occupied' })
  expect((await r.v2('DELETE', `/tables/${t}`)).body.code).toBe('table-occupied')
  await r.v2('PATCH', `/tables/${t}`, { status: 'available' })
  expect((await r.v2('DELETE', `/tables/${t}`)).body.result).toEqual({ removed: true })
  expect((await r.v2('DELETE', `/tables/${t}`)).body).toEqual({ result: { removed: false }, seq: null, epoch: null })
  expect((await r.v2('PATCH', `/tables/${t}`, { capacity: 1 })).body.code).toBe('table-not-found')
  expect((await r.v2('POST', `/tables/${t}/clear`)).body.code).toBe('table-not-found')
  expect((await r.v2('POST', `/guests/${await r.walkIn()}/seat`, { tableId: t })).body.code).toBe('unknown-table')
  expect(await tables()).toEqual([])
})

test('T6: a whole plan is stored at once, by id or by number, all or nothing', async () => {
  const one = await r.table('1')
  await r.table('2')
  const plan = [
    { id: one, position: { x: 400, y: 300 }, capacity: 5 },
    { table_number: '2', section: 'Patio' },
    { table_number: '3', capacity: 8, position: { x: 0.9, y: 0.9 }, status: 'reserved' },
    { section: 'nothing that says which' },
  ]
  const answer = await r.call('POST', '/tables/bulk', plan)
  expect(answer.body).toMatchObject([
    { id: one, capacity: 5, position: { x: 0.5, y: 0.5 } },
    { tableNumber: '2', section: 'Patio' },
    { tableNumber: '3', capacity: 8, status: 'reserved' },
  ])
  const [{ n }] = (await app.database.sql<{ n: string }>(
    `select count(*) as n from qtable.changes where command = 'arrange-tables' and restaurant_id = $1`,
    [r.id],
  )) as [{ n: string }]
  expect(Number(n)).toBe(1)
  const before = await tables()
  const refused = await r.call('POST', '/tables/bulk', [{ table_number: '9' }, { id: one, table_number: '2' }])
  expect(refused).toMatchObject({ status: 400, body: { detail: 'Table 2 already exists' } })
  expect(
    (await r.call('POST', '/tables/bulk', [{ table_number: '9' }, { id: '00000000-0000-4000-8000-000000000000' }]))
      .status,
  ).toBe(404)
  expect(await tables()).toEqual(before)
})

test('T6: two devices that store their plans at once both succeed', async () => {
  const ids = await Promise.all(['1', '2', '3', '4', '5'].map((n) => r.table(n)))
  const plan = (order: string[], section: string) =>
    r.call(
      'POST',
      '/tables/bulk',
      order.map((id) => ({ id, section })),
    )
  for (let i = 0; i < 10; i++) {
    const answers = await Promise.all([plan(ids, 'A'), plan(ids.toReversed(), 'B'), plan(ids, 'C')])
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
  }
  expect(new Set((await tables()).map(({ section }: { section: string }) => section)).size).toBe(1)
})

test('T7: every status is one of five, and an available table has no party', async () => {
  expect(Object.keys(tableStatuses)).toEqual([...TABLE_STATUSES])
  const t = await r.table('1')
  for (const status of TABLE_STATUSES)
    expect((await r.v2('PATCH', `/tables/${t}`, { status })).body.result).toMatchObject({ status, guestId: null })
  expect((await r.v2('PATCH', `/tables/${t}`, { status: 'dirty' })).status).toBe(422)
  const cleaning = await r.call('PUT', `/tables/${t}`, { status: 'needs_cleaning' })
  expect(cleaning.body.status).toBe('outOfService')
})
