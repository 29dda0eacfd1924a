import { afterAll, beforeAll, expect, test } from 'vitest'
import { postFrom, type Told } from '../../../test/addresses.ts'
import { startApp, TEST_PASSWORD, TEST_SECRET, type TestApp } from '../../../test/kit.ts'
import { newId } from '../../platform/ids.ts'
import { keyedHash } from '../../platform/keyed-hash.ts'
import { limits } from '../../platform/limits.ts'

/** Guesses of passwords at both doors of two processes, from several addresses of loopback; and those who are honest meanwhile. */

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

const DOORS = ['/auth/login', '/v2/sign-in'] as const
let addresses = 10
const newAddress = () => `127.0.0.${++addresses}`

const signIn = (
  app: TestApp,
  address: string,
  email: string,
  password = TEST_PASSWORD,
  door: string = DOORS[0],
  cookie?: string,
) => postFrom(app.base, address, door, { email, password }, cookie)

/** Guesses from addresses that nobody signed in from, at both doors of both processes, until they are asked to wait. Gives how many passwords were tried. */
async function attack(email: string, address = newAddress()): Promise<number> {
  for (let tried = 0; ; tried++) {
    const told = await signIn(tried % 4 < 2 ? one : two, address, email, `guess ${tried}`, DOORS[tried % 2])
    if (told.status === 429) return tried
    expect(told.status).toBe(401)
  }
}

function expectWait({ status, headers, body }: Told, door: string): void {
  expect(status).toBe(429)
  const seconds = Number(headers['retry-after'])
  expect(seconds).toBeGreaterThan(200)
  expect(seconds).toBeLessThanOrEqual(300)
  if (door === '/auth/login') return expect(body).toEqual({ detail: 'Too many attempts have failed' })
  expect(body).toMatchObject({ code: 'too-many-attempts', retryAfterSeconds: seconds })
}

test('A14, A2: wrong passwords count at both doors of all processes together, whether anybody has the e-mail or not', async () => {
  const { email } = await one.restaurant()
  for (const each of [email, `${newId()}@nobody.example`]) {
    expect(await attack(each)).toBe(limits.signInFailuresPerEmail)
    // From wherever else, whatever the case, and on a process that has just begun.
    const fresh = await startApp({}, one)
    for (const app of [one, two, fresh])
      for (const door of DOORS) {
        expectWait(await signIn(app, newAddress(), each.toUpperCase(), TEST_PASSWORD, door), door)
        expectWait(await signIn(app, newAddress(), each, 'wrong', door), door)
      }
    await fresh.close()
  }
})

test('A14: the right password from an address or a device that signed in before is taken while strangers guess', async () => {
  const { email } = await one.restaurant()
  const other = newAddress()
  const first = await signIn(two, other, email)
  const cookie = String(first.headers['set-cookie']).split(';')[0]!
  expect(cookie).toMatch(/^qtable_device=[\w-]+$/)
  await attack(email)
  const fresh = await startApp({}, one)
  for (const app of [one, two, fresh]) {
    for (const door of DOORS) {
      for (const address of ['127.0.0.1', other])
        expect((await signIn(app, address, email, TEST_PASSWORD, door)).status).toBe(200)
      const moved = await signIn(app, newAddress(), email, TEST_PASSWORD, door, cookie)
      expect([moved.status, moved.headers['set-cookie']]).toEqual([200, undefined])
      expectWait(await signIn(app, newAddress(), email, TEST_PASSWORD, door), door)
      expectWait(await signIn(app, newAddress(), email, TEST_PASSWORD, door, `${cookie}x`), door)
    }
  }
  await fresh.close()
  // It is known for its own account only.
  const another = await one.restaurant()
  await attack(another.email)
  expectWait(await signIn(one, other, another.email), DOORS[0])
  expectWait(await signIn(one, newAddress(), another.email, TEST_PASSWORD, DOORS[0], cookie), DOORS[0])
})

test('A14: guesses from where somebody signed in before are counted apart, and a device there still gets in', async () => {
  const { email } = await one.restaurant()
  const cookie = String((await signIn(one, '127.0.0.1', email)).headers['set-cookie']).split(';')[0]!
  let tried = 0
  while ((await signIn(tried % 2 ? one : two, '127.0.0.1', email, 'wrong')).status === 401) tried++
  // Their own, and then those of strangers: somebody there is no worse off than anywhere.
  expect(tried).toBe(limits.signInFailuresPerKnown + limits.signInFailuresPerEmail)
  expectWait(await signIn(two, '127.0.0.1', email), DOORS[0])
  expect((await signIn(two, '127.0.0.1', email, TEST_PASSWORD, DOORS[0], cookie)).status).toBe(200)
})

test('A14: who registers with e-mails that are taken is guessing, too', async () => {
  const { email } = await one.restaurant()
  const address = newAddress()
  const key = keyedHash(TEST_SECRET, 'sign-in attempts')(`address ${address}`).subarray(0, 16)
  await one.database.sql('insert into qtable.failed_attempts values ($1, $2, now())', [
    key,
    limits.signInFailuresPerAddress - 1,
  ])
  const register = (of: string, app = one) =>
    postFrom(app.base, address, '/auth/register', { restaurant_name: 'x', email: of, password: 'x' })
  expect((await register(email)).body).toEqual({ detail: 'Email already registered' })
  for (const app of [one, two]) expectWait(await register(`${newId()}@nobody.example`, app), '/auth/login')
  expect((await signIn(two, newAddress(), `${newId()}@nobody.example`)).status).toBe(401)
})

test('A14: of each account only so many addresses are kept, the latest ones', async () => {
  const { email, staffId } = await one.restaurant()
  const all = Array.from({ length: limits.knownPlaces + 3 }, newAddress)
  for (const address of all) expect((await signIn(one, address, email)).status).toBe(200)
  const rows = await one.database.sql('select 1 from qtable.known_places where staff_id = $1', [staffId])
  expect(rows).toHaveLength(limits.knownPlaces)
  await attack(email)
  expect((await signIn(two, all.at(-1)!, email)).status).toBe(200)
  expectWait(await signIn(two, all[0]!, email), DOORS[0])
})
