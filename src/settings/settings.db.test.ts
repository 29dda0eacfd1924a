import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { newId } from '../platform/ids.ts'
import { initialOf } from '../platform/field.ts'
import { startApp, TEST_PASSWORD, type Restaurant, type TestApp } from '../../test/kit.ts'
import { settingsFields } from './fields.ts'

let app: TestApp
let r: Restaurant

beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())
beforeEach(async () => {
  r = await app.restaurant()
})

const get = async () => (await r.v2('GET', '/settings')).body.result
const change = (body: object) => r.v2('PATCH', '/settings', body)

test('Z1: a restaurant has settings from its first moment on, which are the defaults of the fields', async () => {
  expect(await get()).toMatchObject({ ...initialOf(settingsFields), id: r.id, version: 1 })
  const { body } = await r.v2('GET', '/snapshot')
  const shown = body.entities.filter(({ kind }: { kind: string }) => kind === 'settings')
  expect(shown).toMatchObject([{ id: r.id, version: 1, value: { timeZone: 'UTC' } }])
})

test('Z1: a manager changes settings; every field is stored, told and read again', async () => {
  const hours = { name: 'Dinner', from: '18:00', to: '01:00', coversPerQuarter: 24 }
  const sent = {
    name: 'Cedar & Salt',
    timeZone: 'Europe/Berlin',
    locale: 'de',
    clock: 'h12',
    currency: 'CHF',
    dayStart: '04:00',
    servicePeriods: [{ ...hours, days: ['fri', 'sat'] }],
    specialDays: [{ date: '2026-12-31', name: 'New Year', periods: [hours] }],
    turnTargets: [],
    quoteRoundingMinutes: 10,
    graceMinutes: 0,
    selfJoin: 'code',
    guestRetentionDays: 30,
    coversPerQuarter: 40,
    offlinePin: true,
    quietHours: { from: '22:00', to: '09:00' },
  }
  expect(Object.keys(sent).toSorted()).toEqual(Object.keys(settingsFields).toSorted())
  const { body } = await change(sent)
  expect(body.result).toMatchObject({ ...sent, version: 2 })
  expect(await get()).toEqual(body.result)
  // One home for the name: the iPad's contract reads it there.
  app.app.identities.forget(r.staffId)
  expect((await app.call('GET', '/auth/me', undefined, { authorization: `Bearer ${r.token}` })).body).toMatchObject({
    restaurant_name: sent.name,
  })
  const nothing = await change({ quietHours: null, version: 2 })
  expect(nothing.body.result).toMatchObject({ quietHours: null, name: sent.name, version: 3 })
})

test('Z1, Z5: a host may not, and settings that make no sense are refused and stay', async () => {
  expect((await change({ timeZone: 'Mars/Olympus' })).body).toMatchObject({
    code: 'invalid-settings',
    field: 'timeZone',
  })
  expect((await change({ specialDays: [{ date: '2026-02-30', name: '', periods: [] }] })).body.code).toBe(
    'invalid-input',
  )
  expect((await change({ version: 7 })).body).toMatchObject({ code: 'version-conflict', current: { id: r.id } })
  expect((await get()).version).toBe(1)
  const host = { email: `${newId()}@cedar.example`, password: TEST_PASSWORD }
  await r.v2('POST', '/staff', { ...host, role: 'host' })
  const { accessToken } = (await app.call('POST', '/v2/sign-in', { ...host, device: 'Bar' })).body
  const asHost = await r.v2('PATCH', '/settings', { locale: 'de' }, { authorization: `Bearer ${accessToken}` })
  expect(asHost.body.code).toBe('not-allowed')
})

test('Z2, V6: a list of a day follows the zone and the beginning of the day as soon as they change', async () => {
  const at = async (reservationTime: string): Promise<string> =>
    (await r.v2('POST', '/reservations', { guestName: newId(), partySize: 2, reservationTime })).body.result.id
  // Clocks are moved back at 01:00 UTC: the day of 2026-10-24 has 25 hours, from 02:00 to 03:00 UTC of the next day.
  const ids = [await at('2026-10-24T01:59:59Z'), await at('2026-10-24T02:00:00Z'), await at('2026-10-25T02:59:59Z')]
  const last = await at('2026-10-25T03:00:00Z')
  const on = async (day: string) =>
    (await r.v2('GET', `/reservations?day=${day}`)).body.result.map(({ id }: { id: string }) => id).toReversed()
  expect(await on('2026-10-24')).toEqual([ids[0], ids[1]])
  await change({ timeZone: 'Europe/Berlin', dayStart: '04:00' })
  expect(await on('2026-10-24')).toEqual([ids[1], ids[2]])
  expect(await on('2026-10-25')).toEqual([last])
  expect(await on('9999-12-31')).toEqual([])
  const contract = await r.call('GET', '/reservations?date_filter=2026-10-24')
  expect(contract.body.map(({ id }: { id: string }) => id)).toEqual([ids[2], ids[1]])
})
