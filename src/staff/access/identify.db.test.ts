import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { HeldReads } from '../../../test/held-reads.ts'
import { openDatabase, TEST_SECRET, type TestDatabase } from '../../../test/kit.ts'
import { openParts, type House, type Parts } from '../../../test/parts.ts'
import { newId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import { Tokens } from '../../platform/tokens.ts'
import { Identities } from './identify.ts'
import { upTo } from '../../../test/patience.ts'

/** What is remembered of whom a token names, and for how long, by a clock of its own. */

vi.setConfig({ testTimeout: upTo(5_000) })

const EXPIRES = 4_000_000_000
let database: TestDatabase
let parts: Parts
let db: HeldReads
let r: House
let now: number
let identities: Identities
const tokens = new Tokens(TEST_SECRET)

beforeAll(async () => {
  database = await openDatabase(5)
  parts = openParts(database.db)
  db = new HeldReads({ url: database.url, poolSize: 5 })
})
afterAll(async () => {
  parts.close()
  await db.close()
  await database.close()
})
beforeEach(async () => {
  r = await parts.house()
  now = 1_000_000
  identities = new Identities(db, tokens, () => now)
})

const signed = (sub: string, sid?: string) => tokens.sign({ sub, exp: EXPIRES, ...(sid !== undefined && { sid }) })
const rename = (name: string) =>
  database.sql('update qtable.staff set first_name = $2 where id = $1', [r.staffId, name])
const find = async (token: string) => (await identities.admit(token, 'self')).admitted
const known = (token: string) => identities.admitKnown(token, r.id)
const nameOf = async (token: string) => (await find(token))?.firstName

test('A7: an identity is remembered so long and not a moment longer, by either way of asking', async () => {
  const token = signed(r.staffId)
  expect(known(token)).toBeNull()
  expect(await nameOf(token)).toBeNull()
  await rename('Ada')
  now += limits.identityMillis - 1
  expect(await nameOf(token)).toBeNull()
  expect(known(token)).toMatchObject({ staffId: r.staffId, signInId: null, firstName: null })
  now += 1
  expect(known(token)).toBeNull()
  expect(await nameOf(token)).toBe('Ada')
})

test('A7: what is forgotten of a person is all of theirs, whatever the sign-in, and of nobody else', async () => {
  const other = await parts.house()
  const mine = [r.token, (await parts.signIn(r)).accessToken, (await parts.signIn(r)).accessToken]
  for (const token of [...mine, other.token]) await find(token)
  expect(new Set(mine.map((token) => known(token)?.signInId)).size).toBe(3)
  await rename('Ada')
  identities.forget(r.staffId)
  expect(mine.map((token) => known(token))).toEqual([null, null, null])
  expect(identities.admitKnown(other.token, other.id)).toMatchObject({ staffId: other.staffId })
  expect(known(other.token)).toBeNull()
  for (const token of mine) expect(await nameOf(token)).toBe('Ada')
})

test('A7: a read that failed is asked again, and one that is under way is shared', async () => {
  const token = signed(r.staffId)
  db.fail()
  await expect(find(token)).rejects.toThrow('planted')
  const asked = () => (db.asked.get('read-identity') ?? 0) + (db.asked.get('read-signed-in') ?? 0)
  const before = asked()
  const both = await Promise.all([find(token), find(token)])
  expect(both[0]).toMatchObject({ staffId: r.staffId })
  expect(both[1]).toBe(both[0])
  expect(asked()).toBe(before + 1)
})

test('A7: who changed while they were read is read again', async () => {
  const token = signed(r.staffId)
  db.hold('read-identity')
  const first = find(token)
  await expect.poll(() => db.held).toBe(1)
  await rename('Ada')
  identities.forget(r.staffId)
  const second = find(token)
  await expect.poll(() => db.held).toBe(2)
  db.letAll()
  expect([(await first)?.firstName, (await second)?.firstName]).toEqual([null, 'Ada'])
  expect(known(token)).toMatchObject({ firstName: 'Ada' })
})

test("A7: a token proves nobody whose id or sign-in isn't one, is unknown, or is somebody else's", async () => {
  const other = await parts.house()
  const { accessToken } = await parts.signIn(other)
  const { sid } = tokens.verify(accessToken) as unknown as { sid: string }
  for (const token of [
    signed('x'),
    signed(newId()),
    signed(r.staffId, 'x'),
    signed(r.staffId, newId()),
    signed(r.staffId, sid),
  ])
    expect(await find(token)).toBeNull()
  expect(await find('nonsense')).toBeNull()
  expect(known('nonsense')).toBeNull()
  expect(await find(accessToken)).toMatchObject({ staffId: other.staffId, signInId: sid })
})

test('A7: a read that failed takes nothing from one that was begun after it', async () => {
  const token = signed(r.staffId)
  db.fail()
  const first = find(token)
  identities.forget(r.staffId)
  const second = find(token)
  await expect(first).rejects.toThrow('planted')
  expect(await second).toMatchObject({ staffId: r.staffId })
  expect(known(token)).toMatchObject({ staffId: r.staffId })
})

test('A7, A11: the generations of an account are remembered apart', async () => {
  for (const gen of [0, 1, 2]) {
    await database.sql('update qtable.staff set token_generation = $2 where id = $1', [r.staffId, gen])
    const token = tokens.sign({ sub: r.staffId, exp: EXPIRES, gen })
    expect(await find(token)).toMatchObject({ staffId: r.staffId, signInId: null, generation: gen })
    expect(known(token)).toMatchObject({ generation: gen })
    identities.forget(newId())
  }
  // Those before are believed for as long as they are remembered, and not a moment longer.
  expect(await find(signed(r.staffId))).toMatchObject({ generation: 0 })
  now += limits.identityMillis
  expect(await find(signed(r.staffId))).toBeNull()
})

test('A7: only so many are remembered, the latest', async () => {
  identities = new Identities(db, tokens, () => now, 3)
  const reads = () => db.asked.get('read-identity') ?? 0
  const all = [r.staffId, newId(), newId(), newId()].map((id) => signed(id))
  for (const token of all.slice(0, 3)) await find(token)
  const before = reads()
  for (const token of all.slice(0, 3)) await find(token)
  expect(reads()).toBe(before)
  await find(all[3]!)
  expect(known(all[0]!)).toBeNull()
  for (const token of all.slice(1)) await find(token)
  expect(reads()).toBe(before + 1)
  await find(all[0]!)
  expect(reads()).toBe(before + 2)
})

test('P22: a token that was signed here and has not expired is known as such, whoever it names', async () => {
  const before = db.asked.size
  expect(identities.isSigned(signed(newId()))).toBe(true)
  for (const token of ['', 'nonsense', tokens.sign({ sub: r.staffId, exp: 1 }), `${signed(r.staffId)}x`])
    expect(identities.isSigned(token), token).toBe(false)
  expect(db.asked.size).toBe(before)
})
