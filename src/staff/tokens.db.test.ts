import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDevice, startApp, TEST_PASSWORD, TEST_SECRET, type Answer, type TestApp } from '../../test/kit.ts'
import { within } from '../../test/patience.ts'
import { hashPassword } from '../platform/passwords.ts'
import { newId } from '../platform/ids.ts'
import { limits } from '../platform/limits.ts'
import { systemClock } from '../platform/clock.ts'
import { Tokens } from '../platform/tokens.ts'
import { findAccount, noteSignIn } from './staff.ts'

/** Tokens of the iPad's sign-in, which belong to no sign-in, on two processes; and what a token alone may not do. */

let one: TestApp
let two: TestApp
beforeAll(async () => {
  one = await startApp()
  two = await startApp({}, one)
})
afterAll(async () => {
  await two.close()
  await one.close()
})

const PASSWORD = 'Plum-Cedar-72'
const currentPassword = TEST_PASSWORD
const code = ({ status, body }: Answer) => [status, body.code]

/** Somebody of a restaurant, and their token of the iPad's sign-in. */
async function person(role = 'host') {
  const house = await one.restaurant()
  const email = `${newId()}@cedar.example`
  const made = await house.v2('POST', '/staff', { email, password: PASSWORD, role, currentPassword })
  const id: string = made.body.result.id
  const login = async (password = PASSWORD): Promise<string> =>
    (await one.call('POST', '/auth/login', { email, password })).body.access_token
  const change = (body: object) => house.v2('PATCH', `/staff/${id}`, { ...body, currentPassword })
  return { house, email, id, login, change }
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const statusOf = async (token: string, app = one) =>
  (await app.call('GET', '/auth/me', undefined, bearer(token))).status

/** How long until a token is refused by both processes, in milliseconds. */
async function refusedAfter(token: string): Promise<number> {
  const began = Date.now()
  for (const app of [one, two]) await expect.poll(() => statusOf(token, app), { interval: 20 }).toBe(401)
  return Date.now() - began
}

type Person = Awaited<ReturnType<typeof person>>
const ends: readonly (readonly [string, (p: Person) => Promise<Answer>, string?])[] = [
  ['a new password', ({ change }) => change({ password: 'Other-Plum-73' }), 'Other-Plum-73'],
  ['another role', ({ change }) => change({ role: 'manager' })],
  [
    'being made inactive, and active again',
    async ({ change }) => {
      await change({ isActive: false })
      return change({ isActive: true })
    },
  ],
  ['ending the sign-ins', ({ house, id }) => house.v2('DELETE', `/staff/${id}/sign-ins`)],
]

for (const [name, end, password = PASSWORD] of ends) {
  test(`A11, A7, W8: ${name} ends the iPad's tokens and sockets on both processes within 2 s, whatever the second`, async () => {
    const p = await person()
    const token = await p.login()
    // As the old backend made them, and as this server did before it counted.
    const exp = Math.floor(Date.now() / 1000) + 600
    const old = new Tokens(TEST_SECRET).sign({ sub: p.id, restaurant_id: p.house.id, exp })
    for (const each of [token, old]) for (const app of [one, two]) expect(await statusOf(each, app)).toBe(200)
    const path = `/realtime?restaurant_id=${p.house.id}&token=`
    const gone = [await openDevice(one.base, path + token), await openDevice(two.base, path + old)]
    const stays = await openDevice(two.base, path + p.house.token)
    const began = Date.now()
    expect((await end(p)).status).toBe(200)
    // In the same second as the change, as a rule.
    const next = await p.login(password)
    for (const device of gone) expect(await device.closed).toBe(4401)
    expect(Date.now() - began).toBeLessThan(within(2_000))
    for (const each of [token, old]) expect(await refusedAfter(each)).toBeLessThan(within(limits.identityMillis + 500))
    for (const app of [one, two]) expect(await statusOf(next, app)).toBe(200)
    stays.ws.send('{"type":"ping"}')
    await stays.until((heard) => heard.some(({ type }) => type === 'pong'))
    await stays.close()
  })
}

test("A11: other changes leave the iPad's tokens, and an old token is good until something ends it", async () => {
  const p = await person()
  const exp = Math.floor(Date.now() / 1000) + 600
  const tokens = new Tokens(TEST_SECRET)
  const all = [await p.login(), tokens.sign({ sub: p.id, exp }), tokens.sign({ sub: p.id, exp, gen: 0 })]
  for (const body of [{ firstName: 'Eva' }, { role: 'host' }, { isActive: true }, {}]) await p.change(body)
  for (const each of all) expect(await statusOf(each, two)).toBe(200)
  for (const gen of [1, -1, 0.5, '0', null, [0]]) {
    const token = tokens.sign({ sub: p.id, exp, ...({ gen } as object) })
    expect(await statusOf(token, two), String(gen)).toBe(401)
  }
})

test('A11: a sign-in that checked the old password gives a token that is dead once the password is another', async () => {
  for (let i = 0; i < 5; i++) {
    const p = await person()
    const [changed, ...tokens] = await Promise.all([
      p.change({ password: 'Other-Plum-73' }),
      p.login(),
      p.login(),
      p.login(),
    ])
    expect(changed.status).toBe(200)
    for (const token of tokens.filter((each) => each !== undefined)) await refusedAfter(token)
  }
})

test('A11, P10: a better hash of the old password never takes the place of a new password', async () => {
  const p = await person()
  const { db } = one.database
  const before = (await db.transaction({ email: p.email }, (tx) => findAccount(tx, p.email, Buffer.alloc(16))))!
  await p.change({ password: 'Other-Plum-73' })
  const better = await hashPassword(PASSWORD)
  await db.transaction({ restaurantId: p.house.id }, (tx) => noteSignIn(tx, before, systemClock().now(), better, null))
  expect(await p.login()).toBeUndefined()
  expect(await p.login('Other-Plum-73')).toEqual(expect.any(String))
})

test('A17: a token alone sets no password and makes no owner; with the own password it does', async () => {
  const house = await one.restaurant()
  const { id: host } = (
    await house.v2('POST', '/staff', { email: `${newId()}@x.example`, password: PASSWORD, role: 'host' })
  ).body.result
  const second = { email: `${newId()}@x.example`, password: PASSWORD, role: 'owner' }
  const tries: readonly (readonly [string, string, object])[] = [
    ['PATCH', `/staff/${house.staffId}`, { password: 'Stolen-Plum-1' }],
    ['PATCH', `/staff/${host}`, { password: 'Stolen-Plum-1' }],
    ['PATCH', `/staff/${host}`, { role: 'owner' }],
    ['POST', '/staff', second],
  ]
  for (const token of [house.token, (await house.signIn()).accessToken]) {
    for (const [method, path, body] of tries) {
      const ask = (more: object) =>
        one.call(method, `/v2/restaurants/${house.id}${path}`, { ...body, ...more }, bearer(token))
      expect(code(await ask({})), path).toEqual([403, 'password-needed'])
      expect(code(await ask({ currentPassword: 'Guess-1' })), path).toEqual([403, 'wrong-password'])
    }
  }
  for (const [method, path, body] of [...tries.slice(1), tries[0]!])
    expect((await house.v2(method, path, { ...body, currentPassword })).status, path).toBe(200)
  // Somebody who is an owner already, and inactive ones, are no new owners.
  const added = (await house.v2('GET', '/staff')).body.result?.find(({ id }: { id: string }) => id === host)
  expect(added ?? { role: 'owner' }).toMatchObject({ role: 'owner' })
})

test('A17: an inactive owner is made active with the own password only', async () => {
  const { house, id, change } = await person('owner')
  expect((await change({ isActive: false })).status).toBe(200)
  expect(code(await house.v2('PATCH', `/staff/${id}`, { isActive: true }))).toEqual([403, 'password-needed'])
  expect((await house.v2('PATCH', `/staff/${id}`, { firstName: 'Eva', role: 'owner' })).status).toBe(200)
  expect((await change({ isActive: true })).status).toBe(200)
})

test('A17: whoever has a token guesses the password a few times only, however many at once; others are not in their way', async () => {
  const house = await one.restaurant()
  const guess = (n: number) =>
    house.v2('PATCH', `/staff/${house.staffId}`, { password: 'Stolen-Plum-1', currentPassword: `Guess-${n}` })
  const answers = await Promise.all(Array.from({ length: 3 * limits.signInFailuresPerEmail }, (_, n) => guess(n)))
  const wrong = answers.filter(({ body }) => body.code === 'wrong-password')
  expect(wrong).toHaveLength(limits.signInFailuresPerEmail)
  const waits = answers.filter(({ status }) => status === 429)
  expect(waits).toHaveLength(answers.length - wrong.length)
  expect(waits[0]!.body.code).toBe('too-many-attempts')
  expect(Number(waits[0]!.headers.get('retry-after'))).toBeGreaterThan(200)
  expect((await one.call('POST', '/auth/login', { email: house.email, password: TEST_PASSWORD })).status).toBe(200)
})

test('A17, L5: a repeat of a change of the own password is answered as the first time', async () => {
  const house = await one.restaurant()
  const key = { 'idempotency-key': newId() }
  const set = (token: string) =>
    one.call(
      'PATCH',
      `/v2/restaurants/${house.id}/staff/${house.staffId}`,
      { password: 'Another-Plum-9', currentPassword },
      { ...bearer(token), ...key },
    )
  const first = await set(house.token)
  expect(first.status, first.text).toBe(200)
  const again = await one.call('POST', '/auth/login', { email: house.email, password: 'Another-Plum-9' })
  const repeat = await set(again.body.access_token)
  expect([repeat.status, repeat.headers.get('idempotency-replayed'), repeat.body]).toEqual([200, 'true', first.body])
})
