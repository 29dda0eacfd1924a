import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type Restaurant, type TestApp } from '../../../test/kit.ts'
import { within } from '../../../test/patience.ts'
import { endDue } from '../../changes/housekeeping/due.ts'
import { execute } from '../../changes/command/execute.ts'
import { expireDue, restaurantsDue } from '../../floor/expire-due.ts'
import { isReleased } from '../../parties/rules.ts'
import { clockOf, plusMillis, systemClock, type Instant } from '../../platform/clock.ts'
import { createLog } from '../../platform/observability/log.ts'
import type { Guest } from '../guests.ts'

/** A grace that ends while a process is there, and while none is. The clock is virtual: nothing here waits for a time. */

const real = systemClock()
let ahead = 0
const clock = clockOf((): Instant => plusMillis(real.now(), ahead))
const MINUTE = 60_000
const SERVER = { role: 'server', staffId: null } as const

let app: TestApp
let [r, other]: [Restaurant, Restaurant] = [null!, null!]
beforeAll(async () => {
  app = await startApp({}, { clock })
  ;[r, other] = [await app.restaurant(), await app.restaurant()]
})
afterAll(() => app.close())

/** What a serving process does every two seconds. */
const lookOnce = (of: TestApp = app) =>
  endDue({
    db: of.database.db,
    clock,
    log: createLog('silent'),
    restaurants: restaurantsDue,
    end: (restaurantId) => execute(of.app.changes, expireDue, { restaurantId, actor: SERVER }, {}),
  })

/** A party that is called and has a table to be kept. */
async function called(of: Restaurant, table: string): Promise<{ guestId: string; tableId: string }> {
  const [guestId, tableId] = [await of.walkIn('Kim'), await of.table(table)]
  await of.v2('PATCH', `/guests/${guestId}`, { tableId })
  expect((await of.v2('POST', `/guests/${guestId}/notify`, { graceMinutes: 10 })).status).toBe(200)
  return { guestId, tableId }
}
const guestOf = async (of: Restaurant, id: string): Promise<Guest> => (await of.v2('GET', `/guests/${id}`)).body.result
const tableOf = async (of: Restaurant, id: string) =>
  (await of.v2('GET', '/tables')).body.result.find((each: { id: string }) => each.id === id)

test('G18: when the grace ends, every device hears that the table is free; others keep theirs', async () => {
  const [kim, later] = [await called(r, '1'), await called(other, '1')]
  const device = await r.device()
  expect(await lookOnce()).toBe(0)
  ahead += 9 * MINUTE
  await other.v2('POST', `/guests/${later.guestId}/more-time`, {})
  expect(await lookOnce()).toBe(0)
  ahead += MINUTE
  // Before the log says so, the rule does.
  expect(isReleased(await guestOf(r, kim.guestId), clock.now())).toBe(true)
  expect(await lookOnce()).toBe(1)
  await device.until((heard) => heard.some(({ type }) => type === 'table_updated'))
  expect(await guestOf(r, kim.guestId)).toMatchObject({ status: 'no_show', endReason: 'grace_ended', tableId: null })
  expect(await tableOf(r, kim.tableId)).toMatchObject({ status: 'available', guestId: null })
  expect(await guestOf(other, later.guestId)).toMatchObject({ status: 'waitlist', tableId: later.tableId })
  const { body } = await r.v2('GET', '/snapshot')
  const { body: log } = await r.v2('GET', `/changes?epoch=${body.epoch}&since=${body.seq - 1}`)
  expect(log.changes).toMatchObject([{ command: 'expire-due', actorKind: 'server', actorId: null }])
  ahead += 5 * MINUTE
  expect(await lookOnce()).toBe(1)
  await device.close()
})

test('G18: with no process at that moment, the first look of the next one says so', async () => {
  const before = await startApp({}, { database: app.database, clock })
  const house = await before.restaurant()
  const kim = await called(house, '1')
  await before.close()
  ahead += 11 * MINUTE
  const after = await startApp({}, { database: app.database, clock })
  const again: Restaurant = {
    ...house,
    v2: (method, path, body) =>
      after.call(method, `/v2/restaurants/${house.id}${path}`, body, { authorization: `Bearer ${house.token}` }),
  }
  expect(isReleased(await guestOf(again, kim.guestId), clock.now())).toBe(true)
  const began = performance.now()
  await lookOnce(after)
  expect(performance.now() - began).toBeLessThan(within(1_000))
  expect(await tableOf(again, kim.tableId)).toMatchObject({ status: 'available' })
  await after.close()
})

test('G18: two processes that look at once release a party once; whoever comes at that moment is seated or refused', async () => {
  const house = await app.restaurant()
  const kim = await called(house, '2')
  ahead += 10 * MINUTE
  const [, , seated] = await Promise.all([
    lookOnce(),
    house.v2('POST', '/expire-due', {}),
    house.v2('POST', `/guests/${kim.guestId}/seat`, { tableId: kim.tableId }),
  ])
  const { status, tableId } = await guestOf(house, kim.guestId)
  expect([200, 409]).toContain(seated.status)
  expect([status, tableId]).toEqual(seated.status === 200 ? ['seated', kim.tableId] : ['no_show', null])
})
