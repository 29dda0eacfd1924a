import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startApp, type Restaurant, type TestApp } from '../../test/kit.ts'
import { newId } from '../platform/ids.ts'
import { limits } from '../platform/limits.ts'

let app: TestApp
let r: Restaurant
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())
beforeEach(async () => {
  r = await app.restaurant()
})

const shown = async () =>
  (await r.v2('GET', '/snapshot')).body.entities.filter(({ kind }: { kind: string }) => kind === 'area')

test('T8: an area is made with its facts or their defaults, and changed one fact at a time', async () => {
  const wall = { is: 'wall', x: 0, y: 0, width: 1_000, height: 20 }
  const { body } = await r.v2('POST', '/areas', { name: 'Patio', width: 900, fixtures: [wall] })
  const expected = {
    name: 'Patio',
    width: 900,
    height: 800,
    position: 0,
    fixtures: [{ ...wall, rotation: 0, label: null }],
  }
  expect(body.result).toMatchObject({ ...expected, version: 1 })
  const changed = await r.v2('PATCH', `/areas/${body.result.id}`, { name: 'Garden' })
  expect(changed.body.result).toMatchObject({ ...expected, name: 'Garden', version: 2 })
  expect(await shown()).toMatchObject([{ id: body.result.id, version: 2, value: { ...expected, name: 'Garden' } }])
  // What changes nothing is no change.
  const same = await r.v2('PATCH', `/areas/${body.result.id}`, { name: 'Garden' })
  expect(same.body.result.version).toBe(2)
})

test('T8: bad facts, an old version, an unknown area and one too many are refused', async () => {
  expect((await r.v2('POST', '/areas', { name: 'Bar', width: 20 })).status).toBe(422)
  expect((await r.v2('POST', '/areas', { name: 'Bar', fixtures: [{ is: 'piano' }] })).status).toBe(422)
  const { id } = (await r.v2('POST', '/areas', { name: 'Bar' })).body.result
  await r.v2('PATCH', `/areas/${id}`, { position: 2 })
  const stale = await r.v2('PATCH', `/areas/${id}`, { position: 3, version: 1 })
  expect(stale).toMatchObject({ status: 409, body: { code: 'version-conflict', area: { position: 2 } } })
  expect(await r.v2('PATCH', `/areas/${newId()}`, { position: 3 })).toMatchObject({
    status: 404,
    body: { code: 'area-not-found' },
  })
  for (let n = 1; n < limits.areasPerRestaurant; n++) await r.v2('POST', '/areas', { name: `${n}` })
  expect(await r.v2('POST', '/areas', { name: 'More' })).toMatchObject({
    status: 409,
    body: { code: 'too-many-areas' },
  })
})

test('T8: a removed area is gone for good; removing it again is no error', async () => {
  const id = newId()
  expect((await r.v2('POST', '/areas', { id, name: 'Bar' })).body.result.id).toBe(id)
  expect(await r.v2('POST', '/areas', { id, name: 'Bar' })).toMatchObject({ status: 409, body: { code: 'id-taken' } })
  expect((await r.v2('DELETE', `/areas/${id}`)).body.result).toEqual({ removed: true })
  expect((await r.v2('DELETE', `/areas/${id}`)).body.result).toEqual({ removed: false })
  expect(await r.v2('POST', '/areas', { id, name: 'Bar' })).toMatchObject({ status: 409, body: { code: 'id-taken' } })
  expect(await shown()).toEqual([])
})

test('T8: an area that a table is in stays, and a table is put into no unknown area', async () => {
  const { id } = (await r.v2('POST', '/areas', { name: 'Bar' })).body.result
  const place = { number: '1', capacity: 2, x: 0.5, y: 0.5 }
  expect(await r.v2('POST', '/tables', { ...place, areaId: newId() })).toMatchObject({
    status: 422,
    body: { code: 'unknown-area' },
  })
  const table = (await r.v2('POST', '/tables', { ...place, areaId: id, width: 80 })).body.result
  expect(table).toMatchObject({ areaId: id, width: 80, height: null, rotation: 0, minCapacity: 1 })
  expect(await r.v2('DELETE', `/areas/${id}`)).toMatchObject({ status: 409, body: { code: 'area-in-use' } })
  expect(await r.v2('PATCH', `/tables/${table.id}`, { areaId: newId() })).toMatchObject({
    status: 422,
    body: { code: 'unknown-area' },
  })
  await r.v2('PATCH', `/tables/${table.id}`, { areaId: null })
  expect((await r.v2('DELETE', `/areas/${id}`)).status).toBe(200)
})
