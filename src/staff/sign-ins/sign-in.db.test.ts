import { hash as bcrypt } from '@node-rs/bcrypt'
import { expect, test, vi } from 'vitest'
import { TEST_PASSWORD, type TestDatabase } from '../../../test/kit.ts'
import { NOWHERE, useParts, type House, type Parts } from '../../../test/parts.ts'
import type { AppError } from '../../platform/errors.ts'
import { newId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import { signIn } from './sign-in.ts'
import { upTo } from '../../../test/patience.ts'

/** Who is let in with which password, and who is counted as a stranger. */

vi.setConfig({ testTimeout: upTo(5_000) })

let database: TestDatabase
let parts: Parts
let house: House
useParts(
  (a, b) => ([database, parts] = [a, b]),
  (each) => (house = each),
)

const sql = (text: string, values: unknown[] = [house.id]) => database.sql(text, values)
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    ({ code, status }: AppError) => `${code} ${status}`,
  )
const good = () => ({ email: house.email, password: TEST_PASSWORD, origin: NOWHERE })

test('A2, P10: who signs in is told what is wrong only with the right password; an old hash is replaced', async () => {
  const { password: _, ...rest } = good()
  const attempt = (password: string, email = house.email) => codeOf(signIn(parts, { ...rest, email, password }))
  expect(await attempt('wrong')).toBe('wrong-credentials 401')
  expect(await attempt(TEST_PASSWORD, `${newId()}@nobody.example`)).toBe('wrong-credentials 401')
  for (const [table, code] of [
    ['restaurants', 'restaurant-inactive 401'],
    ['staff', 'account-inactive 401'],
  ]) {
    await sql(`update qtable.${table} set is_active = false where restaurant_id = $1`)
    expect([await attempt(TEST_PASSWORD), await attempt('wrong')]).toEqual([code, 'wrong-credentials 401'])
  }
  for (const table of ['restaurants', 'staff'])
    await sql(`update qtable.${table} set is_active = true where restaurant_id = $1`)
  const old = await bcrypt(TEST_PASSWORD, 4)
  await sql('update qtable.staff set password_hash = $2 where restaurant_id = $1', [house.id, old])
  const account = await signIn(parts, good())
  const [{ password_hash: stored }] = (await sql(
    'select password_hash from qtable.staff where restaurant_id = $1',
  )) as [{ password_hash: string }]
  expect(stored).toMatch(/^\$argon2id\$/)
  expect(account).toMatchObject({ staffId: house.staffId, passwordHash: stored })
  expect((await signIn(parts, good())).passwordHash).toBe(stored)
})

test('A14: a device and an address that signed in before are counted apart from strangers', async () => {
  const remembered: string[] = []
  const origin = { address: '198.51.100.7', device: null, remember: (device: string) => void remembered.push(device) }
  await signIn(parts, { ...good(), origin })
  expect(remembered).toHaveLength(1)
  const places = () => sql('select used_at from qtable.known_places where staff_id = $1', [house.staffId])
  expect(await places()).toHaveLength(1)
  const guess = (address: string, password = 'wrong', device: string | null = null) =>
    codeOf(signIn(parts, { ...good(), password, origin: { ...origin, address, device } }))
  for (let n = 0; n < limits.signInFailuresPerEmail; n++)
    expect(await guess(`203.0.113.${n}`)).toBe('wrong-credentials 401')
  expect(await guess('203.0.113.99', TEST_PASSWORD)).toBe('too-many-attempts 429')
  const device = remembered[0]!
  expect(await guess('203.0.113.98', TEST_PASSWORD, `${device}x`)).toBe('too-many-attempts 429')
  // From there, and with the device from elsewhere; neither is told to remember anything again.
  expect(await guess('198.51.100.7', TEST_PASSWORD)).toBe('done')
  expect(remembered).toHaveLength(2)
  expect(await guess('203.0.113.97', TEST_PASSWORD, device)).toBe('done')
  expect(remembered).toHaveLength(2)
  const other = await parts.house()
  const theirs = signIn(parts, { ...good(), email: other.email, origin: { ...origin, device } })
  expect(await codeOf(theirs)).toBe('done')
  expect(remembered).toHaveLength(3)
  // A place that was noted today is not noted anew; one of before is, and one that is too old is none.
  const first = '(select min(used_at) from qtable.known_places where staff_id = $1)'
  await sql(`delete from qtable.known_places where staff_id = $1 and used_at > ${first}`, [house.staffId])
  const before = await places()
  await guess('198.51.100.7', TEST_PASSWORD)
  expect(await places()).toEqual(before)
  const age = (millis: number) =>
    sql(`update qtable.known_places set used_at = now() - $2 * interval '1 ms' where staff_id = $1`, [
      house.staffId,
      millis,
    ])
  await age(limits.knownPlaceRenewMillis + 1_000)
  expect(await guess('198.51.100.7', TEST_PASSWORD)).toBe('done')
  expect(Date.now() - ((await places())[0]!['used_at'] as Date).getTime()).toBeLessThan(
    limits.knownPlaceRenewMillis / 2,
  )
  await age(limits.knownPlaceMillis + 1_000)
  expect(await guess('198.51.100.7', TEST_PASSWORD)).toBe('too-many-attempts 429')
})
