import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../test/kit.ts'
import { later, putVisits, sat } from '../../test/visits.ts'
import { clockOf, type Instant } from '../platform/clock.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp({}, { clock: clockOf(() => '2026-11-27T05:00:00.000000Z' as Instant) })
})
afterAll(() => app.close())

test('Y7: a quote is compared with the wait from then on, a promise with the whole wait', async () => {
  const t = '2026-11-26T18:40:00Z'
  const quoted = (checkedIn: number, since: number, from: number, to: number, firstQuotedTo: number) =>
    sat(t, 50, 2, {
      checkInTime: later(t, -checkedIn),
      quotedAt: later(t, -since),
      quotedFrom: from,
      quotedTo: to,
      firstQuotedTo,
    })
  const restaurant = await app.restaurant()
  const ask = async () =>
    (await restaurant.v2('GET', '/insights/waits?from=2026-11-26&to=2026-11-26')).body.result as unknown
  await putVisits(app.database, restaurant.id, [
    // Within; before; after, and longer than promised; told anew, and so within, but longer than promised at first.
    quoted(20, 20, 15, 25, 25),
    quoted(5, 5, 10, 20, 20),
    quoted(40, 40, 20, 30, 30),
    quoted(60, 20, 15, 25, 30),
    sat(t, 50, 2, { checkInTime: later(t, -15) }),
  ])
  const expected = [
    {
      time: '18:30',
      waits: 5,
      meanWait: 28,
      quotes: 4,
      meanQuoted: 20,
      meanWaited: 21.3,
      meanError: 6.3,
      earlyShare: 0.25,
      withinShare: 0.5,
      lateShare: 0.25,
      brokenShare: 0.5,
    },
  ]
  expect(await ask()).toEqual(expected)
  expect((await restaurant.v2('POST', '/turns/refresh', {})).body.result.isDone).toBe(true)
  expect(await ask()).toEqual(expected)
})
