import { afterAll, beforeAll, expect, test } from 'vitest'
import { capture } from '../../../test/budgets/captured.ts'
import { startApp, type TestApp } from '../../../test/kit.ts'
import { StreamDevice } from '../../../test/process/device.ts'
import { missChanges } from '../../../test/process/missed.ts'
import { until } from '../../../test/process/processes.ts'
import { limits } from '../../platform/limits.ts'

/** Many devices of a restaurant that come back at once: what is read and written for them grows with what they missed, not with how many they are. */

const DEVICES = 40
const MISSED = 1_700

let app: TestApp

beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

test(`F7: ${DEVICES} devices that missed ${MISSED} changes cost the log hardly more reads than one of them`, async () => {
  const before = await startApp({}, { database: app.database })
  const restaurant = await before.restaurant()
  for (let n = 0; n < 5; n++) await restaurant.walkIn(`G${n}`)
  const held = (await restaurant.v2('GET', '/snapshot')).body
  await before.close()
  const headers = { authorization: `Bearer ${restaurant.token}` }
  const v2: typeof restaurant.v2 = (method, path, body) =>
    app.call(method, `/v2/restaurants/${restaurant.id}${path}`, body, headers)
  const head = await missChanges(app.database.url, { ...restaurant, v2 }, MISSED)
  const { id: restaurantId, token } = restaurant
  const devices = Array.from({ length: DEVICES }, () =>
    new StreamDevice({ bases: () => [app.base], restaurantId, token }).hold(held),
  )
  const sent = await capture(async () => {
    for (const device of devices) device.start()
    await until(() => devices.every((device) => device.seq === head))
  })
  const pages = sent.filter(({ text }) => text.includes('from changes'))
  // Each alone reads where it stands and four pages. On a slow machine they come in several waves.
  expect(pages.length).toBeLessThanOrEqual(4 * (1 + Math.ceil(MISSED / limits.changesPerRead)))
  const { body } = await v2('GET', '/snapshot')
  for (const { counts, hash } of devices) {
    expect(counts).toMatchObject({ twice: 0, gaps: 0, snapshots: 0, resumes: 1, changes: MISSED })
    expect(hash).toBe(body.hash)
  }
  for (const device of devices) device.stop()
})
