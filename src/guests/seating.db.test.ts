import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startApp, type Restaurant, type TestApp } from '../../test/kit.ts'

let app: TestApp
let r: Restaurant
beforeAll(async () => {
  app = await startApp()
})
beforeEach(async () => {
  r = await app.restaurant()
})
afterAll(() => app.close())

const table = async (id: string) =>
  (await r.v2('GET', '/tables')).body.result.find((each: { id: string }) => each.id === id)

type Way = readonly [name: string, go: (g: string, t: string, other: string) => Promise<unknown>]

/** How a party goes elsewhere, at both doors. */
const leavings: readonly Way[] = [
  ['move', (g, _, to) => r.v2('POST', `/guests/${g}/move`, { tableId: to })],
  ['update-guest', (g, _, to) => r.v2('PATCH', `/guests/${g}`, { tableId: to })],
  ['off the table', (g) => r.v2('PATCH', `/guests/${g}`, { tableId: null })],
  ['update-table', (g, _, to) => r.v2('PATCH', `/tables/${to}`, { partyId: g })],
  ['delete', (g) => r.v2('DELETE', `/guests/${g}`, {})],
  ['PUT guest', (g, _, to) => r.call('PUT', `/guests/${g}`, { table_id: to })],
  ['PUT guest, waiting', (g, _, to) => r.call('PUT', `/guests/${g}`, { table_id: to, status: 'Waitlist' })],
  ['PUT guest ""', (g) => r.call('PUT', `/guests/${g}`, { table_id: '' })],
  ['PUT table', (g, _, to) => r.call('PUT', `/tables/${to}`, { currentGuestId: g })],
  ['DELETE guest', (g) => r.call('DELETE', `/guests/${g}`)],
  ['batch', (g, _, to) => r.call('POST', '/batch-update', { guests: [{ id: g, table_id: to }] })],
  ['batch null', (g) => r.call('POST', '/batch-update', { guests: [{ id: g, table_id: null }] })],
]
/** How a visit at a table ends. */
const endings: readonly Way[] = [
  ['finish', (g) => r.v2('POST', `/guests/${g}/status`, { status: 'finished' })],
  ['clear', (_, t) => r.v2('POST', `/tables/${t}/clear`, {})],
  ['available', (_, t) => r.v2('PATCH', `/tables/${t}`, { status: 'available' })],
  ['PUT guest', (g) => r.call('PUT', `/guests/${g}`, { status: 'Cancelled' })],
  ['PUT guest, waiting', (g) => r.call('PUT', `/guests/${g}`, { status: 'Waitlist' })],
  ['PUT clear', (_, t) => r.call('PUT', `/tables/${t}/clear`)],
  ['batch', (g) => r.call('POST', '/batch-update', { guests: [{ id: g, status: 'Finished' }] })],
]

test('G16, C9: a party that goes elsewhere leaves what a host said of its table, a visit that ends leaves it free', async () => {
  const tried: Promise<readonly [string, string]>[] = []
  let number = 0
  const attempt = async (status: string, [name, go]: Way, left: string) => {
    const [t, other, g] = await Promise.all([r.table(`${++number}`), r.table(`${++number}`), r.walkIn()])
    await r.v2('POST', `/guests/${g}/seat`, { tableId: t })
    await r.v2('PATCH', `/tables/${t}`, { status })
    expect(await table(t)).toMatchObject({ status, guestId: g })
    await go(g, t, other)
    const now = await table(t)
    return [`${status}, ${name}: ${now.status} ${now.guestId}`, `${status}, ${name}: ${left} null`] as const
  }
  for (const [status, left] of [
    ['occupied', 'available'],
    ['reserved', 'reserved'],
    ['out_of_service', 'out_of_service'],
    ['needs_cleaning', 'needs_cleaning'],
  ] as const)
    for (const [isEnd, ways] of [
      [false, leavings],
      [true, endings],
    ] as const)
      for (const way of ways) tried.push(attempt(status, way, isEnd ? 'available' : left))
  const all = await Promise.all(tried)
  expect(all.map(([seen]) => seen)).toEqual(all.map(([, wanted]) => wanted))
})

test('G16: a reservation that moves takes along that it was reserved, and no more', async () => {
  const made = await r.v2('POST', '/reservations', { guestName: 'Ada', partySize: 2 })
  const path = `/reservations/${made.body.result.id}`
  const [a, b, c] = [await r.table('1'), await r.table('2'), await r.table('3')]
  await r.v2('PATCH', path, { tableId: a })
  await r.v2('PATCH', path, { tableId: b })
  await r.v2('PATCH', `/tables/${b}`, { status: 'out_of_service' })
  await r.v2('PATCH', path, { tableId: c })
  await r.v2('POST', `${path}/cancel`, {})
  const now = await Promise.all([a, b, c].map(table))
  expect(now.map((each) => each.status)).toEqual(['available', 'out_of_service', 'available'])
})
