import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startApp, type Restaurant, type TestApp } from '../../test/kit.ts'

/** The guest book by itself: people without visits. */

let app: TestApp
let r: Restaurant
beforeAll(async () => {
  app = await startApp({ POOL_SIZE: '24' })
})
beforeEach(async () => {
  r = await app.restaurant()
})
afterAll(() => app.close())

const add = (body: object) => r.v2('POST', '/people', body)
const found = async (search: string) =>
  (await r.v2('GET', `/people?search=${encodeURIComponent(search)}`)).body.result as { id: string }[]

test('E1: a person has the facts that were given, and devices are told of none', async () => {
  const { body } = await add({
    firstName: 'Zoë',
    lastName: 'Šmíd',
    phone: '+49 30 123456',
    email: 'Zoe@Example.org',
    isVip: true,
    tags: ['regular'],
    allergies: ['nuts'],
    birthday: '05-20',
  })
  expect(body).toMatchObject({
    seq: null,
    result: {
      firstName: 'Zoë',
      email: 'Zoe@Example.org',
      isVip: true,
      tags: ['regular'],
      notes: null,
      earlierVisits: 0,
    },
  })
  const plain = (await add({})).body.result
  expect(plain).toMatchObject({ firstName: '', phone: null, isVip: false, birthday: null, consentAt: null })
  for (const wrong of [{ birthday: '13-01' }, { tags: ['x'.repeat(51)] }, { isVip: 'yes' }, { merged: true }])
    expect((await add(wrong)).body.code).toBe('invalid-input')
})

test('E2: two people never have the same phone or e-mail, whoever adds them at once', async () => {
  const first = (await add({ phone: '0049 30 123456', email: 'a@b.example' })).body.result
  for (const taken of [{ phone: '+49 (0)30 12 34 56' }, { email: 'A@B.example' }])
    expect(await add(taken)).toMatchObject({ status: 409, body: { code: 'person-exists', personId: first.id } })
  expect(await found('123456')).toHaveLength(1)
  const many = await Promise.all(
    Array.from({ length: 12 }, (_, n) => add({ phone: '+43 1 5550000', email: n % 2 ? 'c@d.example' : null })),
  )
  expect(many.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
    200,
    ...Array.from({ length: 11 }, () => 409),
  ])
  expect(await found('5550000')).toHaveLength(1)
})

test('E4: people are found by parts of name and phone, by e-mail, and not those of another restaurant', async () => {
  const { id } = (
    await add({ firstName: 'Łucja', lastName: 'O’Brien-Ørsted', phone: '+49 170 1234567', email: 'l@o.example' })
  ).body.result
  for (const typed of ['lucj', 'ORSTED', 'brien', 'luc ors', '0170 123', '+49 170', '4567', 'L@O.example', 'l'])
    expect(
      (await found(typed)).map((each) => each.id),
      typed,
    ).toEqual([id])
  for (const typed of ['x', 'orsted x', '0171', 'lo@o.example', '%', '_', '-']) expect(await found(typed)).toEqual([])
  const other = await app.restaurant()
  expect((await other.v2('GET', '/people?search=lucja')).body.result).toEqual([])
  expect((await r.v2('GET', '/people?search=')).status).toBe(200)
  expect((await r.v2('GET', '/people')).body.code).toBe('invalid-input')
  expect((await r.v2('GET', '/people?search=a&limit=101')).body.code).toBe('invalid-input')
})

test('E4: the last changed come first, as many as are asked for', async () => {
  for (let n = 0; n < 5; n++) await add({ firstName: `Ada ${n}` })
  const { body } = await r.v2('GET', '/people?search=ada&limit=3')
  expect(body.result.map(({ firstName }: { firstName: string }) => firstName)).toEqual(['Ada 4', 'Ada 3', 'Ada 2'])
})
