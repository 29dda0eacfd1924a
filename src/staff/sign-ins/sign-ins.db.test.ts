import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, TEST_PASSWORD, TEST_SECRET } from '../../../test/kit.ts'
import { claimsOf, expectRefused, hashOf, openSignIns, type SignIns } from '../../../test/sign-ins.ts'
import { newId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import { Tokens } from '../../platform/tokens.ts'
import { makeRefreshToken } from './refresh-tokens.ts'
import { within } from '../../../test/patience.ts'

/** What sign-ins and refreshes of the native API give, on two processes over one database. */

let signIns: SignIns
let one: SignIns['one']
let two: SignIns['two']
let refresh: SignIns['refresh']
let me: SignIns['me']
let rowOf: SignIns['rowOf']
beforeAll(async () => {
  signIns = await openSignIns()
  ;({ one, two, refresh, me, rowOf } = signIns)
})
afterAll(() => signIns.close())

test('A5: a sign-in gives both tokens, as docs/protocol.md has it, and only hashes are stored', async () => {
  const r = await one.restaurant()
  const answer = await one.call('POST', '/v2/sign-in', {
    email: r.email,
    password: TEST_PASSWORD,
    device: 'Host stand',
  })
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store'])
  const { accessToken, refreshToken, ...rest } = answer.body
  expect(rest).toEqual({ expiresInSeconds: 1800, staffId: r.staffId, restaurantId: r.id, role: 'owner' })
  const row = await rowOf(r)
  expect(row).toMatchObject({ staff_id: r.staffId, device: 'Host stand', revoked_at: null, previous_hash: null })
  expect(row['token_hash']).toEqual(hashOf(refreshToken))
  const left = (row['expires_at'] as Date).getTime() - Date.now()
  expect(left / 86_400_000).toBeCloseTo(60, 2)
  expect(claimsOf(accessToken)).toMatchObject({ sub: r.staffId, restaurant_id: r.id, sid: row['id'] })
  const all = await one.database.sql<{ row: string }>('select t::text as row from qtable.sign_ins t')
  expect(all.filter(({ row }) => row.includes(refreshToken) || row.includes(accessToken))).toEqual([])
  const told = await me(accessToken, two)
  expect(told.body).toEqual({
    staffId: r.staffId,
    email: r.email,
    firstName: null,
    lastName: null,
    role: 'owner',
    restaurantId: r.id,
    restaurantName: 'Cedar',
    restaurantIsActive: true,
  })
})

test("A5, A2: what is refused at the iPad's sign-in is refused here, as a problem", async () => {
  const r = await one.restaurant()
  const answers = [
    await one.call('POST', '/v2/sign-in', { email: r.email, password: 'wrong' }),
    await one.call('POST', '/v2/sign-in', { email: 'nobody@cedar.example', password: 'wrong' }),
  ]
  for (const answer of answers) expect([answer.status, answer.body.code]).toEqual([401, 'wrong-credentials'])
  const [known, unknown] = answers.map(({ body }) => body as { requestId: string })
  expect(unknown).toEqual({ ...known, requestId: unknown!.requestId })
  const good = { email: r.email.toUpperCase(), password: TEST_PASSWORD }
  for (const [table, code] of [
    ['restaurants', 'restaurant-inactive'],
    ['staff', 'account-inactive'],
  ]) {
    await one.database.sql(`update qtable.${table} set is_active = false where restaurant_id = $1`, [r.id])
    const asleep = await one.call('POST', '/v2/sign-in', good)
    expect([asleep.status, asleep.body.code]).toEqual([401, code])
  }
  expect(await one.database.sql('select 1 from qtable.sign_ins where restaurant_id = $1', [r.id])).toEqual([])
})

test('A5: a refresh gives both tokens anew, on whatever process, and moves the end on', async () => {
  const r = await one.restaurant()
  let { refreshToken } = await r.signIn()
  const seen = new Set([refreshToken])
  for (let i = 0; i < 6; i++) {
    await one.database.sql(
      `update qtable.sign_ins set expires_at = now() + interval '1 hour', used_at = now() - interval '1 day' where restaurant_id = $1`,
      [r.id],
    )
    const answer = await refresh(refreshToken, i % 2 ? one : two)
    expect(answer.status, answer.text).toBe(200)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    refreshToken = answer.body.refreshToken
    seen.add(refreshToken)
    expect((await me(answer.body.accessToken)).body.staffId).toBe(r.staffId)
    const row = await rowOf(r)
    expect((row['expires_at'] as Date).getTime() - Date.now()).toBeGreaterThan(59 * 86_400_000)
    expect(Date.now() - (row['used_at'] as Date).getTime()).toBeLessThan(within(5_000))
  }
  expect(seen.size).toBe(7)
  expect(await one.database.sql('select 1 from qtable.sign_ins where restaurant_id = $1', [r.id])).toHaveLength(1)
})

test('A5: an access token never outlasts its sign-in', async () => {
  const long = await startApp({ ACCESS_TOKEN_EXPIRE_MINUTES: '525600', REFRESH_TOKEN_EXPIRE_DAYS: '2' }, one)
  const r = await long.restaurant()
  const signedIn = await r.signIn()
  expect(signedIn.expiresInSeconds).toBe(2 * 86_400)
  const { exp } = claimsOf(signedIn.accessToken) as { exp: number }
  expect(exp - Date.now() / 1000).toBeLessThanOrEqual(2 * 86_400)
  await long.close()
})

test('A6: a used-up token is taken again until what it was answered with is used; what each repeat replaces is void', async () => {
  const r = await one.restaurant()
  const first = (await r.signIn()).refreshToken
  const given = [first]
  // Each of these answers is lost on the way.
  for (let n = 0; n <= limits.refreshRepeats; n++) {
    const answer = await refresh(first, n % 2 ? one : two)
    expect(answer.status).toBe(200)
    given.push(answer.body.refreshToken)
  }
  expect(new Set(given).size).toBe(limits.refreshRepeats + 2)
  // The newest goes on, and has repeats of its own; the first is now one that others have.
  const newest = given.at(-1)!
  expect((await refresh(newest)).status).toBe(200)
  expect((await refresh(newest)).status).toBe(200)
  expectRefused(await refresh(first))
  expect(await rowOf(r)).toMatchObject({ revoked_why: 'token-reused' })
  for (const token of given) expectRefused(await refresh(token))
})

test('A6: repeats have an end, and with it the sign-in', async () => {
  const r = await one.restaurant()
  const { refreshToken } = await r.signIn()
  for (let n = 0; n <= limits.refreshRepeats; n++) expect((await refresh(refreshToken)).status).toBe(200)
  expectRefused(await refresh(refreshToken))
  expect(await rowOf(r)).toMatchObject({ revoked_why: 'token-reused' })
})

test('A6: a token that a repeat has made void, and one from further back, end the sign-in', async () => {
  for (const which of ['lost', 'older'] as const) {
    const r = await one.restaurant()
    const first = (await r.signIn()).refreshToken
    const second = (await refresh(first)).body.refreshToken
    const third = await refresh(which === 'lost' ? first : second)
    expect(third.status).toBe(200)
    expectRefused(await refresh(which === 'lost' ? second : first))
    expectRefused(await refresh(third.body.refreshToken))
    expect(await rowOf(r)).toMatchObject({ revoked_why: 'token-reused' })
  }
})

test('A6, A15: a token that was never given out is refused and ends nothing', async () => {
  const r = await one.restaurant()
  const { refreshToken, accessToken } = await r.signIn()
  const { sid } = claimsOf(accessToken) as { sid: string }
  const bytes = Buffer.from(refreshToken, 'base64url')
  const flipped = Buffer.from(bytes)
  flipped[40]! ^= 1
  const forged = [
    makeRefreshToken(new Tokens('another key, long enough'), r.id, sid).text,
    flipped.toString('base64url'),
    `${refreshToken}A`,
    `${refreshToken}=`,
    refreshToken.slice(0, -1),
    refreshToken.toLowerCase(),
    bytes.toString('hex'),
    accessToken.slice(0, limits.refreshTokenCharacters),
    'x',
    '..',
  ]
  for (const text of forged) expectRefused(await refresh(text))
  // Sealed with our own key, of a sign-in that isn't there, or that another restaurant has.
  const tokens = new Tokens(TEST_SECRET)
  const other = await one.restaurant()
  expectRefused(await refresh(makeRefreshToken(tokens, r.id, newId()).text))
  expectRefused(await refresh(makeRefreshToken(tokens, other.id, sid).text))
  expect((await refresh(refreshToken)).status).toBe(200)
})
