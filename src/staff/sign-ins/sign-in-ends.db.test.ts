import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, TEST_PASSWORD, TEST_SECRET, type Restaurant } from '../../../test/kit.ts'
import { claimsOf, expectRefused, openSignIns, type SignIns } from '../../../test/sign-ins.ts'
import { systemClock } from '../../platform/clock.ts'
import { newId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import { Tokens } from '../../platform/tokens.ts'
import { forgetSignIns } from './forget-sign-ins.ts'
import { within } from '../../../test/patience.ts'

/** What ends a sign-in of the native API, on two processes over one database. */

let signIns: SignIns
let one: SignIns['one']
let two: SignIns['two']
let refresh: SignIns['refresh']
let signOut: SignIns['signOut']
let me: SignIns['me']
let rowOf: SignIns['rowOf']
beforeAll(async () => {
  signIns = await openSignIns()
  ;({ one, two, refresh, signOut, me, rowOf } = signIns)
})
afterAll(() => signIns.close())

test('A15: refused when it is over, the account inactive, the restaurant suspended; and goes on when the last two are mended', async () => {
  const r = await one.restaurant()
  let { refreshToken } = await r.signIn()
  for (const table of ['staff', 'restaurants']) {
    await one.database.sql(`update qtable.${table} set is_active = false where restaurant_id = $1`, [r.id])
    expectRefused(await refresh(refreshToken))
    await one.database.sql(`update qtable.${table} set is_active = true where restaurant_id = $1`, [r.id])
    const mended = await refresh(refreshToken)
    expect(mended.status).toBe(200)
    refreshToken = mended.body.refreshToken
  }
  await one.database.sql(`update qtable.sign_ins set expires_at = now() where restaurant_id = $1`, [r.id])
  expectRefused(await refresh(refreshToken))
  expect(await rowOf(r)).toMatchObject({ revoked_at: null })
})

test('A15: while the database is away a refresh and a sign-in are 503, never 401, and the token is good afterwards', async () => {
  const away = await startApp({}, one)
  const r = await one.restaurant()
  const { refreshToken, accessToken } = await r.signIn()
  await away.database.db.close()
  const paths = [
    ['/v2/refresh', { refreshToken }],
    ['/v2/sign-out', { refreshToken }],
    ['/v2/sign-in', { email: r.email, password: TEST_PASSWORD }],
  ] as const
  for (const [path, body] of paths) {
    const answer = await away.call('POST', path, body)
    expect([answer.status, answer.body.code], path).toEqual([503, 'busy'])
    expect(answer.headers.get('retry-after')).toBe('1')
  }
  expect((await me(accessToken, away)).status).toBe(503)
  await away.app.close()
  expect((await refresh(refreshToken)).status).toBe(200)
})

test('A7: an access token ends with its sign-in, on every process within 2 s, and others of the same person stay', async () => {
  const r = await one.restaurant()
  const [gone, stays] = [await r.signIn(), await r.signIn()]
  for (const app of [one, two]) expect((await me(gone.accessToken, app)).status).toBe(200)
  await signOut(gone.refreshToken)
  const ended = Date.now()
  for (const app of [one, two])
    await expect.poll(async () => (await me(gone.accessToken, app)).body.code).toBe('not-signed-in')
  expect(Date.now() - ended).toBeLessThan(within(limits.identityMillis + 250))
  for (const { accessToken } of [stays, await r.signIn()]) expect((await me(accessToken, two)).status).toBe(200)
  expect((await r.v2('GET', '/tables')).status).toBe(200)
})

test("A7: a token with a sign-in that isn't its own is refused at both doors", async () => {
  const [a, b] = [await one.restaurant(), await one.restaurant()]
  const theirs = claimsOf((await b.signIn()).accessToken) as { sid: string }
  const tokens = new Tokens(TEST_SECRET)
  const exp = Math.floor(Date.now() / 1000) + 600
  const own = claimsOf((await a.signIn()).accessToken) as { sid: string }
  const good = tokens.sign({ sub: a.staffId, exp, sid: own.sid })
  expect((await me(good)).status).toBe(200)
  for (const sid of [theirs.sid, newId(), a.staffId, 'nope', '', 5, null, [own.sid]]) {
    const token = tokens.sign({ sub: a.staffId, exp, ...({ sid } as object) })
    expect((await me(token)).body.code, String(sid)).toBe('not-signed-in')
    const authorization = { authorization: `Bearer ${token}` }
    expect((await one.call('GET', `/restaurants/${a.id}/tables`, undefined, authorization)).status).toBe(401)
  }
})

test('A8: signing out ends the sign-in with whichever of its tokens, and twice is no error', async () => {
  const r = await one.restaurant()
  const first = (await r.signIn()).refreshToken
  const second = (await refresh(first)).body.refreshToken
  expect((await signOut(first)).body).toEqual({ ended: true })
  expect((await signOut(second, two)).body).toEqual({ ended: false })
  expect((await signOut('nonsense')).body).toEqual({ ended: false })
  expectRefused(await refresh(second))
  const row = await rowOf(r)
  expect([row['revoked_why'], row['expires_at']]).toEqual(['signed-out', row['revoked_at']])
})

test('A13: what has been over for 30 days is forgotten, whatever restaurant it was of, and nothing else', async () => {
  const house = await startApp()
  const [a, b] = [await house.restaurant(), await house.restaurant()]
  const ages: readonly (readonly [Restaurant, string, boolean])[] = [
    [a, `expires_at = now() - interval '30 days 1 minute'`, false],
    [
      b,
      `revoked_at = now() - interval '31 days', revoked_why = 'ended', expires_at = now() - interval '31 days'`,
      false,
    ],
    [a, `expires_at = now() - interval '29 days'`, true],
    [
      b,
      `revoked_at = now() - interval '29 days', revoked_why = 'ended', expires_at = now() - interval '29 days'`,
      true,
    ],
    [a, `created_at = now() - interval '400 days'`, true],
  ]
  const stay: string[] = []
  for (const [r, set, stays] of ages) {
    const { accessToken } = await r.signIn()
    const { sid } = claimsOf(accessToken) as { sid: string }
    await house.database.sql(`update qtable.sign_ins set ${set} where id = $1`, [sid])
    if (stays) stay.push(sid)
  }
  await house.database.sql(
    `insert into qtable.sign_ins (restaurant_id, id, staff_id, created_at, used_at, expires_at, token_hash)
     select restaurant_id, gen_random_uuid(), staff_id, created_at, used_at, '2001-01-01', token_hash
     from qtable.sign_ins, generate_series(1, 500) limit 2 * ${limits.signInsForgottenAtOnce}`,
  )
  const now = systemClock().now()
  expect(await forgetSignIns(house.database.db, now)).toBe(2 + 2 * limits.signInsForgottenAtOnce)
  expect(await forgetSignIns(house.database.db, now)).toBe(0)
  const left = await house.database.sql<{ id: string }>('select id from qtable.sign_ins order by id')
  expect(left.map(({ id }) => id)).toEqual(stay.sort())
  await house.close()
})
