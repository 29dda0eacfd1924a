import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type Restaurant, type TestApp } from '../../../test/kit.ts'
import { endDue } from '../../changes/housekeeping/due.ts'
import { execute } from '../../changes/command/execute.ts'
import { expireDue, restaurantsDue } from '../../floor/expire-due.ts'
import { clockOf, plusMillis, systemClock, type Instant } from '../../platform/clock.ts'
import { createLog } from '../../platform/observability/log.ts'

/** Holds that end while a process is there, and while none is. The clock is virtual: nothing here waits for a time. */

const real = systemClock()
let ahead = 0
const clock = clockOf((): Instant => plusMillis(real.now(), ahead))
const MINUTE = 60_000

let app: TestApp
let r: Restaurant
beforeAll(async () => {
  app = await startApp({}, { clock })
  r = await app.restaurant()
})
afterAll(() => app.close())

/** What a serving process does every two seconds. */
const lookOnce = (of: TestApp) =>
  endDue({
    db: of.database.db,
    clock,
    log: createLog('silent'),
    restaurants: restaurantsDue,
    end: (restaurantId) =>
      execute(of.app.changes, expireDue, { restaurantId, actor: { role: 'server', staffId: null } }, {}),
  })
const inMinutes = (minutes: number) => plusMillis(clock.now(), minutes * MINUTE)
const seats = (guest: string, tableId: string, of = r) => of.v2('POST', `/guests/${guest}/seat`, { tableId })
const statusOf = async (id: string, of = r) =>
  (await of.v2('GET', '/tables')).body.result.find((each: { id: string }) => each.id === id)!.status

test('T9: a held table is free at its time for every command, and soon after for every device', async () => {
  const [held, blocked, kim, ana] = await Promise.all([r.table('1'), r.table('2'), r.walkIn('Kim'), r.walkIn('Ana')])
  await r.v2('POST', `/tables/${held}/hold`, { until: inMinutes(10), partyId: kim, reason: 'Berg, 19:30' })
  await r.v2('POST', `/tables/${blocked}/block`, { until: inMinutes(5), reason: 'wobbly' })
  expect((await r.call('GET', '/tables')).body.map(({ status }: { status: string }) => status)).toEqual([
    'reserved',
    'outOfService',
  ])
  expect(await seats(ana, held)).toMatchObject({ status: 409, body: { code: 'table-not-free' } })
  expect(await lookOnce(app)).toBe(0)
  ahead += 5 * MINUTE
  const device = await r.device()
  // Before the log says so, the rule does.
  expect((await seats(ana, blocked)).status).toBe(200)
  ahead += 5 * MINUTE
  expect(await lookOnce(app)).toBe(1)
  await device.until((heard) => heard.some(({ type }) => type === 'table_updated'))
  expect([await statusOf(held), await statusOf(blocked)]).toEqual(['available', 'occupied'])
  await device.close()
})

test('T9: the party that a table is held for sits there; a host releases a hold', async () => {
  const [one, two, bo] = await Promise.all([r.table('11'), r.table('12'), r.walkIn('Bo')])
  for (const table of [one, two]) await r.v2('POST', `/tables/${table}/hold`, { until: inMinutes(60), partyId: bo })
  expect((await seats(bo, one)).status).toBe(200)
  expect((await r.v2('POST', `/tables/${two}/release`)).body.result).toMatchObject({
    status: 'available',
    heldFor: null,
  })
})

test('T9: a hold that ends while no process is there is told by the next one, at its first look', async () => {
  const before = await startApp({}, { database: app.database, clock })
  const house = await before.restaurant()
  const table = await house.table('1')
  await house.v2('POST', `/tables/${table}/hold`, { until: inMinutes(10) })
  await before.close()
  ahead += 11 * MINUTE
  expect(await lookOnce(app)).toBe(1)
  const path = `/v2/restaurants/${house.id}/tables`
  const { body } = await app.call('GET', path, undefined, { authorization: `Bearer ${house.token}` })
  expect(body.result).toMatchObject([{ status: 'available', statusUntil: null }])
})

test('T10: a cleared table waits to be cleaned, and the check is marked', async () => {
  const [table, kim] = await Promise.all([r.table('21'), r.walkIn('Kim')])
  await seats(kim, table)
  const paid = await r.v2('POST', `/tables/${table}/check`, { check: 'paid' })
  expect(paid.body.result).toMatchObject({ checkAt: expect.any(String), paidAt: expect.any(String) })
  const cleared = await r.v2('POST', `/tables/${table}/clear`, { needsCleaning: true })
  expect(cleared.body.result.table).toMatchObject({ status: 'needs_cleaning', guestId: null, paidAt: null })
  expect((await r.v2('POST', `/tables/${table}/clean`)).body.result).toMatchObject({ status: 'available' })
})
