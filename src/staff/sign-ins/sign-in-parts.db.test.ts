import { expect, test, vi } from 'vitest'
import { TEST_PASSWORD, type TestDatabase } from '../../../test/kit.ts'
import { NOWHERE, useParts, type House, type Parts } from '../../../test/parts.ts'
import { hashOf } from '../../../test/sign-ins.ts'
import type { AppError } from '../../platform/errors.ts'
import { DAY_MILLIS, plusMillis } from '../../platform/clock.ts'
import { newId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import { hashPassword } from '../../platform/passwords.ts'
import { endSignIn } from './end-sign-in.ts'
import { forgetSignIns } from './forget-sign-ins.ts'
import { refreshSignIn } from './refresh-sign-in.ts'
import { makeRefreshToken } from './refresh-tokens.ts'
import { endAllAccess, lockSignIn, revokeSignIn, storeSignIn } from './sign-ins.ts'
import { findAccount } from '../staff.ts'
import { startSignIn } from './start-sign-in.ts'
import { upTo } from '../../../test/patience.ts'

/** Signing in, refreshing and ending, without a door: what is given, and what is stored. */

vi.setConfig({ testTimeout: upTo(5_000) })

let database: TestDatabase
let parts: Parts
let house: House
useParts(
  (a, b) => ([database, parts] = [a, b]),
  (each) => (house = each),
)

const sql = (text: string, values: unknown[] = [house.id]) => database.sql(text, values)
const row = async () => (await sql('select * from qtable.sign_ins where restaurant_id = $1'))[0]!
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    ({ code, status }: AppError) => `${code} ${status}`,
  )
const refresh = (token: string) => refreshSignIn(parts, token)
const REFUSED = 'refresh-refused 401'
const within = <T>(work: (tx: Parameters<Parameters<Parts['db']['transaction']>[1]>[0]) => Promise<T>): Promise<T> =>
  parts.db.transaction({ restaurantId: house.id }, work)
const good = (more: object = {}) => ({ email: house.email, password: TEST_PASSWORD, origin: { ...NOWHERE, ...more } })

test('A5, A7: a sign-in gives an access token of its own and a refresh token, of which the hash is stored', async () => {
  const before = parts.clock.now()
  const given = await startSignIn(parts, good(), 'Host stand')
  const stored = await row()
  expect(given).toEqual({
    accessToken: expect.any(String),
    expiresInSeconds: 1_800,
    refreshToken: expect.any(String),
    staffId: house.staffId,
    restaurantId: house.id,
    role: 'owner',
  })
  const claims = parts.tokens.verify(given.accessToken)!
  expect(claims).toEqual({ sub: house.staffId, sid: stored['id'], exp: expect.any(Number) })
  const left = claims.exp - Date.parse(before) / 1000
  expect(left).toBeGreaterThan(1_790)
  expect(left).toBeLessThanOrEqual(1_802)
  expect(stored).toMatchObject({ staff_id: house.staffId, device: 'Host stand', revoked_at: null, previous_hash: null })
  expect(stored['token_hash']).toEqual(hashOf(given.refreshToken))
  const lasts = (stored['expires_at'] as Date).getTime() - (stored['created_at'] as Date).getTime()
  expect(lasts).toBe(60 * DAY_MILLIS)
  expect(stored['used_at']).toEqual(stored['created_at'])
  const short = await startSignIn({ ...parts, tokenMinutes: 525_600, refreshDays: 2 }, good(), null)
  expect(short.expiresInSeconds).toBe(2 * 86_400)
})

test('A5, A6: a refresh uses the token up, which is taken again until what it gave is used', async () => {
  const first = (await parts.signIn(house)).refreshToken
  await sql(`update qtable.sign_ins set expires_at = now() + interval '1 hour' where restaurant_id = $1`)
  const second = await refresh(first)
  expect(second).toMatchObject({
    staffId: house.staffId,
    restaurantId: house.id,
    role: 'owner',
    expiresInSeconds: 1_800,
  })
  expect(parts.tokens.verify(second.accessToken)).toMatchObject({ sub: house.staffId, sid: (await row())['id'] })
  const stored = await row()
  expect([stored['token_hash'], stored['previous_hash']]).toEqual([hashOf(second.refreshToken), hashOf(first)])
  expect((stored['expires_at'] as Date).getTime() - Date.now()).toBeGreaterThan(59 * DAY_MILLIS)
  expect(stored['previous_repeats']).toBe(0)
  // The answer was lost: again, and what was given before is void.
  const third = await refresh(first)
  expect(await row()).toMatchObject({ previous_repeats: 1, previous_hash: hashOf(first) })
  const fourth = await refresh(third.refreshToken)
  expect(await row()).toMatchObject({ previous_repeats: 0, previous_hash: hashOf(third.refreshToken) })
  expect(await codeOf(refresh(first))).toBe(REFUSED)
  expect(await row()).toMatchObject({ revoked_why: 'token-reused' })
  for (const { refreshToken } of [second, third, fourth]) expect(await codeOf(refresh(refreshToken))).toBe(REFUSED)
})

test('A6: a token is taken again so often and no more, and then the sign-in ends', async () => {
  const { refreshToken } = await parts.signIn(house)
  for (let n = 0; n <= limits.refreshRepeats; n++) await refresh(refreshToken)
  expect(await row()).toMatchObject({ previous_repeats: limits.refreshRepeats, revoked_at: null })
  expect(await codeOf(refresh(refreshToken))).toBe(REFUSED)
  expect(await row()).toMatchObject({ revoked_why: 'token-reused' })
})

test('A6: a token that was made void ends the sign-in, whoever uses it', async () => {
  const first = (await parts.signIn(house)).refreshToken
  const lost = await refresh(first)
  await refresh(first)
  expect(await codeOf(refresh(lost.refreshToken))).toBe(REFUSED)
  expect(await row()).toMatchObject({ revoked_why: 'token-reused' })
  // One that was never given out, although the server's key sealed it, and of which none was used up.
  house = await parts.house()
  await parts.signIn(house)
  const other = makeRefreshToken(parts.tokens, house.id, (await row())['id'] as string)
  expect(await codeOf(refresh(other.text))).toBe(REFUSED)
  expect(await row()).toMatchObject({ revoked_why: 'token-reused' })
})

test('A15: a refresh is refused when the sign-in is over, the account inactive or the restaurant suspended, and ends nothing', async () => {
  const { refreshToken } = await parts.signIn(house)
  for (const table of ['staff', 'restaurants']) {
    await sql(`update qtable.${table} set is_active = false where restaurant_id = $1`)
    expect(await codeOf(refresh(refreshToken)), table).toBe(REFUSED)
    await sql(`update qtable.${table} set is_active = true where restaurant_id = $1`)
  }
  const now = parts.clock.now()
  await sql('update qtable.sign_ins set expires_at = $2 where restaurant_id = $1', [house.id, now])
  const still = { ...parts, clock: { now: () => now, micros: () => parts.clock.micros() } }
  expect(await codeOf(refreshSignIn(still, refreshToken))).toBe(REFUSED)
  expect(await row()).toMatchObject({ revoked_at: null, token_hash: hashOf(refreshToken) })
  for (const other of ['', 'nonsense', makeRefreshToken(parts.tokens, house.id, newId()).text])
    expect(await codeOf(refresh(other)), other).toBe(REFUSED)
  const earlier = { ...still, clock: { now: () => plusMillis(now, -1), micros: () => parts.clock.micros() } }
  expect(await codeOf(refreshSignIn(earlier, refreshToken))).toBe('done')
})

test('A8: signing out ends the sign-in once, whichever of its tokens is sent', async () => {
  const first = (await parts.signIn(house)).refreshToken
  const second = (await refresh(first)).refreshToken
  const other = await parts.house()
  const theirs = await parts.signIn(other)
  expect(await endSignIn(parts, 'nonsense')).toBe(false)
  expect(await endSignIn(parts, first)).toBe(true)
  expect(await endSignIn(parts, second)).toBe(false)
  const stored = await row()
  expect([stored['revoked_why'], stored['expires_at']]).toEqual(['signed-out', stored['revoked_at']])
  expect(await codeOf(refresh(second))).toBe(REFUSED)
  expect(await codeOf(refresh(theirs.refreshToken))).toBe('done')
})

test('A5, A11: nothing is stored of a sign-in whose account is no longer as it was when its password was checked', async () => {
  const who = (await parts.db.transaction({ email: house.email }, (tx) =>
    findAccount(tx, house.email, Buffer.alloc(16)),
  ))!
  const now = parts.clock.now()
  const store = () =>
    within((tx) =>
      storeSignIn(tx, who, {
        id: newId(),
        device: null,
        now,
        expiresAt: plusMillis(now, 1_000),
        tokenHash: hashOf('x'),
      }),
    )
  expect(await store()).toBe(true)
  for (const [off, on] of [
    ['staff set is_active = false', 'staff set is_active = true'],
    ['restaurants set is_active = false', 'restaurants set is_active = true'],
    [`staff set password_hash = 'x'`, `staff set password_hash = '${who.passwordHash}'`],
  ] as const) {
    await sql(`update qtable.${off} where restaurant_id = $1`)
    expect(await store(), off).toBe(false)
    await sql(`update qtable.${on} where restaurant_id = $1`)
  }
  expect(await store()).toBe(true)
  expect(await sql('select 1 from qtable.sign_ins where restaurant_id = $1')).toHaveLength(2)
})

test('A5: an account that changes each time that it is looked at makes a sign-in busy', async () => {
  let asked = 0
  const newIds = () => {
    asked++
    return newId()
  }
  // Whoever checked it has seen another hash than the one that is there now, each time.
  const [one, two] = [await hashPassword(TEST_PASSWORD), await hashPassword(TEST_PASSWORD)]
  const other = `case when old.password_hash = '${one}' then '${two}' else '${one}' end`
  const body = `begin new.password_hash := ${other}; return new; end`
  await sql(`create function qtable.change_hash() returns trigger language plpgsql as $$ ${body} $$`, [])
  await sql(
    `create trigger change_hash before update of last_sign_in_at on qtable.staff for each row
       execute function qtable.change_hash()`,
    [],
  )
  expect(await codeOf(startSignIn({ ...parts, newId: newIds }, good(), null))).toBe('busy 503')
  expect(asked).toBe(limits.transactionAttempts)
  await sql('drop trigger change_hash on qtable.staff', [])
  await sql('drop function qtable.change_hash', [])
  expect(await sql('select 1 from qtable.sign_ins where restaurant_id = $1')).toEqual([])
})

test('A7, A12: to end all access of somebody ends every sign-in and the tokens of the iPad, and of nobody else', async () => {
  const other = await parts.house()
  for (const each of [house, house, house, other]) await parts.signIn(each)
  await sql(
    `update qtable.sign_ins set expires_at = now() - interval '1 day' where id = (
       select id from qtable.sign_ins where restaurant_id = $1 order by id limit 1)`,
  )
  const now = parts.clock.now()
  expect(await within((tx) => endAllAccess(tx, house.id, house.staffId, 'ended', now))).toBe(2)
  const rows = await sql(
    'select revoked_why, token_generation, expires_at <= $2 as over from qtable.sign_ins natural join (select restaurant_id, token_generation from qtable.staff) s where restaurant_id = $1',
    [house.id, now],
  )
  expect(rows).toEqual(Array.from({ length: 3 }, () => ({ revoked_why: 'ended', token_generation: 1, over: true })))
  expect(await sql('select revoked_at from qtable.sign_ins where restaurant_id = $1', [other.id])).toEqual([
    { revoked_at: null },
  ])
  expect(await within((tx) => endAllAccess(tx, house.id, house.staffId, 'deactivated', now))).toBe(0)
})

test('A6: a sign-in that is locked is told as it is, ended or not', async () => {
  await parts.signIn(house)
  const { id } = await row()
  const locked = () => within((tx) => lockSignIn(tx, house.id, id as string))
  expect(await locked()).toMatchObject({
    id,
    restaurantId: house.id,
    staffId: house.staffId,
    role: 'owner',
    isRevoked: false,
    isActive: true,
    restaurantIsActive: true,
    previousHash: null,
    previousRepeats: 0,
  })
  expect(await within((tx) => revokeSignIn(tx, house.id, id as string, 'ended', parts.clock.now()))).toBe(true)
  expect(await locked()).toMatchObject({ isRevoked: true })
  expect(await within((tx) => lockSignIn(tx, house.id, newId()))).toBe(undefined)
})

test('A13: sign-ins that have been over for so long are forgotten, some at a time; others stay', async () => {
  await parts.signIn(house)
  const now = parts.clock.now()
  const add = (over: number, count: number) =>
    sql(
      `insert into qtable.sign_ins (restaurant_id, id, staff_id, created_at, used_at, expires_at, token_hash)
       select restaurant_id, gen_random_uuid(), staff_id, created_at, used_at, $2, token_hash
       from qtable.sign_ins, generate_series(1, $3::integer) where restaurant_id = $1 and expires_at > now()`,
      [house.id, plusMillis(now, -over), count],
    )
  await add(limits.endedSignInMillis, 1)
  await add(limits.endedSignInMillis + 1, limits.signInsForgottenAtOnce + 1)
  expect(await forgetSignIns(parts.db, now)).toBe(limits.signInsForgottenAtOnce + 1)
  expect(await forgetSignIns(parts.db, now)).toBe(0)
  expect(await sql('select 1 from qtable.sign_ins where restaurant_id = $1')).toHaveLength(2)
})
