import { createHash, randomInt } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, TEST_PASSWORD, TEST_SECRET, type Answer, type Restaurant, type TestApp } from '../../test/kit.ts'
import { systemClock } from '../platform/clock.ts'
import { newId } from '../platform/ids.ts'
import { limits } from '../platform/limits.ts'
import { Tokens } from '../platform/tokens.ts'
import { forgetSignIns } from './forget-sign-ins.ts'
import { makeRefreshToken } from './refresh-tokens.ts'

/** Sign-ins of the native API on two processes over one database. */

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

const refresh = (refreshToken: string, app = one) => app.call('POST', '/v2/refresh', { refreshToken })
const signOut = (refreshToken: string, app = one) => app.call('POST', '/v2/sign-out', { refreshToken })
const me = (accessToken: string, app = one) =>
  app.call('GET', '/v2/me', undefined, { authorization: `Bearer ${accessToken}` })
const rowOf = async (r: Restaurant) =>
  (await one.database.sql('select * from qtable.sign_ins where restaurant_id = $1', [r.id]))[0]!
const hashOf = (token: string) => createHash('sha256').update(token).digest()
const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as object

function expectRefused(answer: Answer): void {
  expect([answer.status, answer.body.code], answer.text).toEqual([401, 'refresh-refused'])
  expect(answer.headers.get('www-authenticate')).toBe('Bearer')
}

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
    expect(Date.now() - (row['used_at'] as Date).getTime()).toBeLessThan(5_000)
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

// ---------------------------------------------------------------- races

interface State {
  readonly current: number
  readonly previous: number | null
  readonly repeats: number
  readonly over: boolean
}

/** What one use of a token does, by the rules. Tokens are numbers; `made` is the one that it would be answered with. */
function used(state: State, token: number, made: number): { readonly state: State; readonly ok: boolean } {
  if (state.over) return { state, ok: false }
  if (token === state.current) return { state: { current: made, previous: token, repeats: 0, over: false }, ok: true }
  if (token === state.previous && state.repeats < limits.refreshRepeats)
    return { state: { ...state, current: made, repeats: state.repeats + 1 }, ok: true }
  return { state: { ...state, over: true }, ok: false }
}

function ordersOf<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item, i) => ordersOf(items.toSpliced(i, 1)).map((rest) => [item, ...rest]))
}

const RACES = Number(process.env['RACES'] ?? 200)
const SEED = Number(process.env['RACES_SEED'] ?? randomInt(2 ** 31))

test(
  `A6: whatever is refreshed at once, it is as if one came after the other, seed ${SEED}, ${RACES} rounds`,
  { timeout: 600_000 },
  async () => {
    let seed = SEED
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff
      return Math.floor((seed / 0x80000000) * below)
    }
    const r = await one.restaurant()
    const tally = { requests: 0, answered: 0, over: 0 }
    let tokens: string[] = []
    let state: State = { current: 0, previous: null, repeats: 0, over: true }
    for (let round = 0; round < RACES; round++) {
      if (state.over) {
        tokens = [(await r.signIn()).refreshToken]
        state = { current: 0, previous: null, repeats: 0, over: false }
      }
      const { sid } = (
        await one.database.sql<{ sid: string }>(
          'select id as sid from qtable.sign_ins where restaurant_id = $1 order by created_at desc limit 1',
          [r.id],
        )
      )[0]!
      // Mostly the current token and the one before it, now and then any that there ever was.
      const pick = () => {
        const dice = random(10)
        if (dice < 6 || state.previous === null) return state.current
        return dice < 9 ? state.previous : random(tokens.length)
      }
      const sent = Array.from({ length: 1 + random(4) }, (_, i) => ({ i, token: pick() }))
      const answers = await Promise.all(sent.map(({ token }) => refresh(tokens[token]!, random(2) ? one : two)))
      tally.requests += sent.length
      const base = tokens.length
      tokens.push(...answers.map(({ status, body }) => (status === 200 ? (body.refreshToken as string) : 'none')))
      tally.answered += answers.filter(({ status }) => status === 200).length
      for (const answer of answers) if (answer.status !== 200) expectRefused(answer)
      const row = (await one.database.sql('select * from qtable.sign_ins where id = $1', [sid]))[0]!
      const current = tokens.findIndex((token) => hashOf(token).equals(row['token_hash'] as Buffer))
      // Some order of them gives these answers and this row.
      const ends = ordersOf(sent).flatMap((order) => {
        let now = state
        for (const { i, token } of order) {
          const next = used(now, token, base + i)
          if (next.ok !== (answers[i]!.status === 200)) return []
          now = next.state
        }
        const isSo = now.over === (row['revoked_at'] !== null) && now.current === current
        return isSo && now.repeats === row['previous_repeats'] ? [now] : []
      })
      expect(ends.length, `round ${round} of seed ${SEED}: ${JSON.stringify({ state, sent })}`).toBeGreaterThan(0)
      state = ends[0]!
      if (state.over) tally.over++
    }
    process.stdout.write(`races of refreshes: seed ${SEED}, ${RACES} rounds, ${JSON.stringify(tally)}\n`)
    expect(tally.answered).toBeGreaterThan(RACES / 2)
    expect(tally.over).toBeGreaterThan(RACES / 20)
  },
)

test('A6: as many at once as may repeat are all answered, and one of them goes on', async () => {
  const r = await one.restaurant()
  for (let i = 0; i < 10; i++) {
    const { refreshToken } = await r.signIn()
    const all = await Promise.all(
      Array.from({ length: limits.refreshRepeats + 1 }, (_, n) => refresh(refreshToken, n % 2 ? one : two)),
    )
    expect(all.map(({ status }) => status)).toEqual(all.map(() => 200))
    expectRefused(await refresh(refreshToken))
  }
})

// ---------------------------------------------------------------- what ends it

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
    await expect.poll(async () => (await me(gone.accessToken, app)).body.code, { timeout: 2_500 }).toBe('not-signed-in')
  expect(Date.now() - ended).toBeLessThan(limits.identityMillis + 250)
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

test('A5, A11: a sign-in that begins with the old password while it is changed is none afterwards', async () => {
  const r = await one.restaurant()
  for (let i = 0; i < 15; i++) {
    const [email, old, now] = [`${newId()}@cedar.example`, 'Old-Password', 'New-Password']
    const { id } = (await r.v2('POST', '/staff', { email, password: old, role: 'host' })).body.result
    const [changed, ...answers] = await Promise.all([
      r.v2('PATCH', `/staff/${id}`, { password: now }),
      ...[one, two, one, two].map((app) => app.call('POST', '/v2/sign-in', { email, password: old })),
    ])
    expect(changed.status).toBe(200)
    for (const { status, body } of answers) {
      expect([200, 401]).toContain(status)
      if (status === 200) expectRefused(await refresh(body.refreshToken))
    }
    const live = 'select 1 from qtable.sign_ins where staff_id = $1 and revoked_at is null'
    expect(await one.database.sql(live, [id])).toEqual([])
    expect((await one.call('POST', '/v2/sign-in', { email, password: now })).status).toBe(200)
  }
})
