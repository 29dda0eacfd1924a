import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  openDevice,
  request,
  startApp,
  TEST_PASSWORD,
  type Answer,
  type Restaurant,
  type TestApp,
} from '../../../test/kit.ts'
import { endOf } from '../../../test/streams.ts'
import { newId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import { waitAfter } from './rules.ts'

let app: TestApp
let house: Restaurant
beforeAll(async () => {
  app = await startApp()
  house = await app.restaurant()
})
afterAll(() => app.close())

const code = ({ status, body }: Answer) => [status, body.code]
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const post = (path: string, body: object) => app.call('POST', path, body)

/** A shared device as it holds its sign-in; `as` sends what a person does, by their grant. */
async function paired(of = house, checksPinsOffline = false) {
  const added = (await of.v2('POST', '/devices', { name: 'Host stand', checksPinsOffline })).body.result
  const { body } = await post('/v2/pair-device', { code: added.code })
  const token: string = body.accessToken
  const send = (method: string, path: string, sent?: unknown, headers: Record<string, string> = {}, id = of.id) =>
    request(app.base, method, `/v2/restaurants/${id}${path}`, sent, { ...bearer(token), ...headers })
  const prove = (staffId: string, pin: string) => post('/v2/prove-pin', { accessToken: token, staffId, pin })
  const as = (grant: string, method: string, path: string, sent?: unknown, id = of.id) =>
    send(method, path, sent, { 'x-person': grant }, id)
  return { id: body.deviceId as string, token, refreshToken: body.refreshToken as string, body, send, prove, as }
}

const GUEST = { firstName: 'Kim', partySize: 2 }

/** Somebody with a PIN. */
async function person(role: 'host' | 'manager', pin = '2580', of = house): Promise<string> {
  const made = { email: `${newId()}@cedar.example`, password: 'Plum-Cedar-72', role, firstName: 'Ana' }
  const { id } = (await of.v2('POST', '/staff', made)).body.result
  expect((await of.v2('POST', `/staff/${id}/pin`, { pin })).status).toBe(200)
  return id
}

const grantOf = async (device: Awaited<ReturnType<typeof paired>>, staffId: string, pin = '2580'): Promise<string> => {
  const answer = await device.prove(staffId, pin)
  expect(answer.status, answer.text).toBe(200)
  return answer.body.grant
}

test('A20: a code pairs one device, once and in time, however it is typed; managers list, rename and revoke', async () => {
  const { device, code: pairing } = (await house.v2('POST', '/devices', { name: 'Bar' })).body.result
  expect(pairing).toMatch(/^[0-9A-Z]{5}-[0-9A-Z]{5}$/)
  expect(device).toMatchObject({ name: 'Bar', checksPinsOffline: false, addedBy: house.staffId, pairedAt: null })
  const typed = pairing.toLowerCase().replace('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')
  const first = await post('/v2/pair-device', { code: typed })
  expect(first.body).toMatchObject({
    deviceId: device.id,
    restaurantId: house.id,
    name: 'Bar',
    checksPinsOffline: false,
  })
  expect(code(await post('/v2/pair-device', { code: pairing }))).toEqual([401, 'wrong-code'])
  const listed = (await house.v2('GET', '/devices')).body.result.find(({ id }: { id: string }) => id === device.id)
  expect(listed).toMatchObject({ pairedAt: expect.any(String), seenAt: expect.any(String), revokedAt: null })
  expect(JSON.stringify(listed)).not.toMatch(/hash|token/i)
  const renamed = await house.v2('PATCH', `/devices/${device.id}`, { name: 'Patio', checksPinsOffline: true })
  expect(renamed.body.result).toMatchObject({ name: 'Patio', checksPinsOffline: true })
  const late = (await house.v2('POST', '/devices', { name: 'Late' })).body.result
  await app.database.sql(`update qtable.devices set code_expires_at = now() - interval '1 second' where id = $1`, [
    late.device.id,
  ])
  expect(code(await post('/v2/pair-device', { code: late.code }))).toEqual([401, 'wrong-code'])
  const gone = (await house.v2('POST', '/devices', { name: 'Gone' })).body.result
  expect((await house.v2('DELETE', `/devices/${gone.device.id}`)).status).toBe(200)
  expect(code(await post('/v2/pair-device', { code: gone.code }))).toEqual([401, 'wrong-code'])
})

test('A20: the refresh token of a device rotates; one that was used before its successor ends the device', async () => {
  const { refreshToken } = await paired()
  const refresh = (token: string) => post('/v2/refresh-device', { refreshToken: token })
  const second = await refresh(refreshToken)
  expect((await refresh(refreshToken)).status, 'the answer may have been lost').toBe(200)
  const third = await refresh((await refresh(refreshToken)).body.refreshToken)
  expect(third.status).toBe(200)
  expect(code(await refresh(second.body.refreshToken))).toEqual([401, 'refresh-refused'])
  expect(code(await refresh(third.body.refreshToken))).toEqual([401, 'refresh-refused'])
  expect(code(await post('/v2/refresh', { refreshToken }))).toEqual([401, 'refresh-refused'])
})

test('A21: a device reads as a host does, writes nothing by itself, and the contract does not know it', async () => {
  const device = await paired()
  for (const path of ['/snapshot', '/floor', '/tables']) expect((await device.send('GET', path)).status, path).toBe(200)
  expect((await device.send('GET', '/staff')).status).toBe(403)
  expect(code(await device.send('POST', '/guests', GUEST))).toEqual([403, 'person-needed'])
  const ios = (method: string, path: string, body?: object) => app.call(method, path, body, bearer(device.token))
  // Also once the native API has seen the token.
  for (const path of [`/restaurants/${house.id}/guests`, '/auth/me', '/v2/me'])
    expect((await ios('GET', path)).status, path).toBe(401)
  expect((await ios('POST', `/restaurants/${house.id}/guests`, { first_name: 'x', party_size: 1 })).status).toBe(401)
})

test('A21: a revoked device can do nothing: its socket is closed, its tokens and grants count no more', async () => {
  const device = await paired()
  const grant = await grantOf(device, await person('host'))
  const socket = await openDevice(app.base, `/v2/restaurants/${house.id}/stream`, { wait: false })
  socket.ws.send(JSON.stringify({ type: 'hello', token: device.token }))
  await socket.until((heard) => heard.some((message) => message['type'] === 'snapshot'))
  const end = endOf(socket)
  expect((await house.v2('DELETE', `/devices/${device.id}`)).body.result.revokedAt).toEqual(expect.any(String))
  expect((await end)[0]).toBe(4401)
  expect((await device.send('GET', '/snapshot')).status).toBe(401)
  expect((await device.as(grant, 'POST', '/guests', GUEST)).status).toBe(401)
  expect(code(await post('/v2/refresh-device', { refreshToken: device.refreshToken }))).toEqual([
    401,
    'refresh-refused',
  ])
  expect((await device.prove(house.staffId, '2580')).status).toBe(401)
})

test('A21: a device of one restaurant can do nothing in another', async () => {
  const other = await app.restaurant('Other')
  const device = await paired()
  const grant = await grantOf(device, await person('manager'))
  const theirs = await person('manager', '2580', other)
  expect(code(await device.as(grant, 'POST', '/guests', GUEST, other.id))).toEqual([404, 'restaurant-not-found'])
  expect(code(await device.send('GET', '/snapshot', undefined, {}, other.id))).toEqual([404, 'restaurant-not-found'])
  expect(code(await device.prove(theirs, '2580'))).toEqual([409, 'pin-not-set'])
  expect(code(await other.v2('DELETE', `/devices/${device.id}`))).toEqual([404, 'device-not-found'])
  expect((await other.v2('GET', '/devices')).body.result).toEqual([])
  expect((await device.send('GET', '/snapshot')).status).toBe(200)
})

test('A22: one sets the own PIN by the password, a higher role that of a lower one, nobody that of a higher one', async () => {
  const pin = (who: Record<string, string>, staffId: string, body: object) =>
    request(app.base, 'POST', `/v2/restaurants/${house.id}/staff/${staffId}/pin`, body, who)
  const owner = bearer(house.token)
  expect(code(await pin(owner, house.staffId, { pin: '1379' }))).toEqual([403, 'password-needed'])
  const own = await pin(owner, house.staffId, { pin: '1379', currentPassword: TEST_PASSWORD })
  expect(own.body.result).toMatchObject({ hasPin: true })
  const device = await paired()
  const manager = { ...bearer(device.token), 'x-person': await grantOf(device, await person('manager')) }
  expect(code(await pin(manager, house.staffId, { pin: '2468' }))).toEqual([403, 'not-allowed'])
  expect((await pin(manager, await person('host'), { pin: '2468' })).status).toBe(200)
  for (const wrong of ['123', '1234567', '12a4', '', 1234])
    expect((await pin(owner, await person('host'), { pin: wrong })).status, String(wrong)).toBe(422)
  const rows = await app.database.sql<{ hash: string }>(
    'select pin_hash as hash from qtable.staff where pin_hash is not null',
  )
  expect(rows.filter(({ hash }) => !hash.startsWith('$argon2id$'))).toEqual([])
})

test('A22: after five wrong PINs a person waits on that device, also for the right one, and many at once are as many', async () => {
  const [device, second] = [await paired(), await paired()]
  const ana = await person('host')
  const answers = await Promise.all(Array.from({ length: 12 }, () => device.prove(ana, '0000')))
  const count = (wanted: string) => answers.filter(({ body }) => body.code === wanted).length
  expect([count('wrong-pin'), count('too-many-attempts')]).toEqual([5, 7])
  const waits = await device.prove(ana, '2580')
  expect(code(waits)).toEqual([429, 'too-many-attempts'])
  expect(Number(waits.headers.get('retry-after'))).toBeGreaterThan(20)
  expect((await second.prove(ana, '2580')).status, 'another device is not in it').toBe(200)
  expect((await device.prove(await person('host'), '2580')).status, 'nor is another person').toBe(200)
  await app.database.sql(
    `update qtable.pin_tries set tried_at = tried_at - interval '31 seconds' where staff_id = $1`,
    [ana],
  )
  expect((await device.prove(ana, '2580')).status).toBe(200)
  expect(code(await device.prove(ana, '0000')), 'a right one forgives').toEqual([403, 'wrong-pin'])
  expect([0, 4, 5, 6, 11, 12, 99].map(waitAfter)).toEqual([0, 0, 30_000, 60_000, 1_920_000, 3_600_000, 3_600_000])
})

test('A23: what a person does on a device is theirs: their role, their name in the log, the name of the device', async () => {
  const device = await paired(house, true)
  const [ana, boss] = [await person('host'), await person('manager')]
  const proven = (await device.prove(ana, '2580')).body
  expect(proven).toMatchObject({ staffId: ana, role: 'host', mayCheckOffline: true })
  const bossGrant = await grantOf(device, boss)
  const did = await device.as(proven.grant, 'POST', '/guests', GUEST)
  expect(did.status, did.text).toBe(200)
  const [row] = await app.database.sql(
    'select actor_id, device from qtable.changes where restaurant_id = $1 and seq = $2',
    [house.id, did.body.seq],
  )
  expect(row).toEqual({ actor_id: ana, device: 'Host stand' })
  expect((await device.as(proven.grant, 'GET', '/staff')).status).toBe(403)
  expect((await device.as(bossGrant, 'GET', '/staff')).status).toBe(200)
})

test('A23: a proof counts on its device only, and not after another PIN, another role or 14 days', async () => {
  const [device, other] = [await paired(), await paired()]
  const ana = await person('host')
  const join = (grant: string, on = device) => on.as(grant, 'POST', '/guests', GUEST)
  const over = async (grant: string) => {
    app.app.identities.forget(ana)
    expect(code(await join(grant))).toEqual([403, 'person-needed'])
  }
  const first = await grantOf(device, ana)
  expect((await join(first)).status).toBe(200)
  expect(code(await join(first, other))).toEqual([403, 'person-needed'])
  for (const forged of ['x', first.slice(0, -2), `${first}A`, device.refreshToken])
    expect(code(await join(forged))).toEqual([403, 'person-needed'])
  await house.v2('POST', `/staff/${ana}/pin`, { pin: '2580' })
  await over(first)
  const second = await grantOf(device, ana)
  await house.v2('PATCH', `/staff/${ana}`, { role: 'manager' })
  await over(second)
  const third = await grantOf(device, ana)
  await house.v2('DELETE', `/staff/${ana}/sign-ins`)
  await over(third)
  const fourth = await grantOf(device, ana)
  await house.v2('PATCH', `/staff/${ana}`, { isActive: false })
  await over(fourth)
  expect(code(await device.prove(ana, '2580'))).toEqual([409, 'pin-not-set'])
  expect(limits.grantMillis).toBe(14 * 86_400_000)
})
