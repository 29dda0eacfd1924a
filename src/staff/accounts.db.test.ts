import { hash as bcrypt } from '@node-rs/bcrypt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../test/kit.ts'
import { newId } from '../platform/ids.ts'
import { systemClock } from '../platform/clock.ts'
import { firstOwner } from './first-owner.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

let n = 0
const registration = (email: string) => ({ restaurant_name: `House ${++n}`, email, password: 'Tall-Cedar-71' })
const register = (email: string) => app.call('POST', '/auth/register', registration(email))
const login = (email: string, password = 'Tall-Cedar-71') => app.call('POST', '/auth/login', { email, password })
const rows = async (table: string) =>
  Number((await app.database.sql<{ n: string }>(`select count(*) as n from qtable.${table}`))[0]!.n)

test('A1: registering makes a restaurant, its owner and an empty log; one e-mail at once only once, whatever its case', async () => {
  const before = [await rows('restaurants'), await rows('staff'), await rows('heads')]
  const answers = await Promise.all(
    ['ada@house.example', 'Ada@house.example', 'ADA@HOUSE.example', 'ada@house.example'].map(register),
  )
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  expect(answers.filter(({ status }) => status === 400)).toHaveLength(3)
  expect(answers.find(({ status }) => status === 400)!.body).toEqual({ detail: 'Email already registered' })
  expect([await rows('restaurants'), await rows('staff'), await rows('heads')]).toEqual(before.map((each) => each + 1))
  const [head] = await app.database.sql('select seq, floor from qtable.heads order by last_at desc limit 1')
  expect(head).toEqual({ seq: '0', floor: '0' })
})

test('A1: restaurants may have the same name, and any name', async () => {
  const named = (restaurant_name: string) =>
    app.call('POST', '/auth/register', { ...registration(`${newId()}@house.example`), restaurant_name })
  const answers = await Promise.all([
    named('Same'),
    named('Same'),
    named('Same'),
    named(''),
    named('東京'),
    named('x'.repeat(255)),
  ])
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
  const [{ n: slugs }] = (await app.database.sql<{ n: string }>(
    `select count(distinct slug) as n from qtable.restaurants where name = 'Same'`,
  )) as [{ n: string }]
  expect(slugs).toBe('3')
})

test('A2: an unknown e-mail and a wrong password get the same answer after the same work', async () => {
  await register('known@house.example')
  const time = async (email: string) => {
    const start = process.hrtime.bigint()
    const answer = await login(email, 'wrong')
    return { answer, ms: Number(process.hrtime.bigint() - start) / 1e6 }
  }
  await time('known@house.example')
  const known: number[] = []
  const unknown: number[] = []
  // As many as are let in before the limit on one e-mail.
  for (let i = 0; i < 9; i++) {
    const [a, b] = [await time('known@house.example'), await time(`nobody${i}@house.example`)]
    expect(b.answer.text).toBe(a.answer.text)
    expect([b.answer.status, b.answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    known.push(a.ms)
    unknown.push(b.ms)
  }
  // A password check takes 12 ms or more; without one an answer would come in 1 or 2.
  const median = (all: number[]) => all.sort((x, y) => x - y)[4]!
  expect(median(unknown) / median(known)).toBeGreaterThan(0.5)
})

test('A2: accounts and restaurants that are inactive are told so only with the right password', async () => {
  const { body } = await register('asleep@house.example')
  await app.database.sql('update qtable.staff set is_active = false where id = $1', [body.user_id])
  expect((await login('asleep@house.example', 'wrong')).body.detail).toBe('Incorrect email or password')
  expect((await login('asleep@house.example')).body.detail).toBe('Account is inactive')
  await app.database.sql('update qtable.staff set is_active = true where id = $1', [body.user_id])
  await app.database.sql('update qtable.restaurants set is_active = false where restaurant_id = $1', [
    body.restaurant_id,
  ])
  const asleep = await login('asleep@house.example')
  expect([asleep.status, asleep.body.detail, asleep.headers.get('www-authenticate')]).toEqual([
    401,
    'Restaurant account is inactive',
    null,
  ])
})

test('A2: accounts that differ only in case are matched exactly first, and sign in with another case after that', async () => {
  const { body } = await register('twin@house.example')
  const again = await register('other@house.example')
  // As an import leaves them: the second keeps its spelling as its key.
  await app.database.sql(
    `update qtable.staff set email = 'Twin@house.example', email_key = 'Twin@house.example' where id = $1`,
    [again.body.user_id],
  )
  expect((await login('twin@house.example')).body.user_id).toBe(body.user_id)
  expect((await login('Twin@house.example')).body.user_id).toBe(again.body.user_id)
  expect((await login('TWIN@house.example')).body.user_id).toBe(body.user_id)
})

test('P10: a bcrypt hash signs in once and is argon2id from then on', async () => {
  const { body } = await register('bcrypt@house.example')
  await app.database.sql('update qtable.staff set password_hash = $2 where id = $1', [
    body.user_id,
    await bcrypt('Old-Pass-1', 4),
  ])
  expect((await login('bcrypt@house.example', 'Old-Pass-1')).status).toBe(200)
  const [{ password_hash: hash }] = (await app.database.sql<{ password_hash: string }>(
    'select password_hash from qtable.staff where id = $1',
    [body.user_id],
  )) as [{ password_hash: string }]
  expect(hash).toMatch(/^\$argon2id\$/)
  expect((await login('bcrypt@house.example', 'Old-Pass-1')).status).toBe(200)
})

test('A4: the first owner is made once', async () => {
  const deps = { db: app.database.db, clock: systemClock(), newId }
  expect(await firstOwner(deps, 'First', 'admin@house.example', 'Admin-Pass-1')).toBe(true)
  expect(await firstOwner(deps, 'First', 'admin@house.example', 'Other-Pass-2')).toBe(false)
  expect((await login('admin@house.example', 'Admin-Pass-1')).status).toBe(200)
})

test('A3: body syntax comes before the token, the token before the restaurant, the restaurant before the fields', async () => {
  const [a, b] = [await app.restaurant(), await app.restaurant()]
  const send = (id: string, body: unknown, token: string | null) =>
    app.call('POST', `/restaurants/${id}/guests`, body, token === null ? {} : { authorization: `Bearer ${token}` })
  expect((await send(b.id, '{"party_size":', null)).body.detail[0].type).toBe('json_invalid')
  expect((await send(b.id, { party_size: 0 }, null)).status).toBe(403)
  expect((await send(b.id, { party_size: 0 }, 'garbage')).status).toBe(401)
  expect((await send(b.id, { party_size: 0 }, a.token)).body).toEqual({ detail: 'Access denied to this restaurant' })
  expect((await send(a.id, { party_size: 0 }, a.token)).status).toBe(422)
})

test('A3: a suspended restaurant is told so, but may still ask who it is', async () => {
  const r = await app.restaurant()
  await app.database.sql('update qtable.restaurants set is_active = false where restaurant_id = $1', [r.id])
  expect((await r.call('GET', '/guests')).body).toEqual({ detail: 'Restaurant account is inactive' })
  expect((await app.call('GET', '/auth/me', undefined, { authorization: `Bearer ${r.token}` })).status).toBe(200)
  expect((await r.v2('GET', '/guests')).body.code).toBe('restaurant-inactive')
})
