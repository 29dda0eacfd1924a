import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startApp, type Restaurant, type TestApp } from '../../test/kit.ts'

/** Parties and the people whose visits they are: joined by phone or e-mail. */

let app: TestApp
let r: Restaurant
beforeAll(async () => {
  app = await startApp({ POOL_SIZE: '24' })
})
beforeEach(async () => {
  r = await app.restaurant()
})
afterAll(() => app.close())

const NONE = { personId: null, person: null }
const guest = async (body: object) =>
  (await r.v2('POST', '/guests', { firstName: 'Ada', partySize: 2, ...body })).body.result
const reserve = async (body: object) =>
  (await r.v2('POST', '/reservations', { guestName: 'Ada Maria Okoro', partySize: 2, ...body })).body.result
const finish = (id: string) => r.v2('PATCH', `/guests/${id}`, { status: 'finished', force: true })
const hoursPass = async () => {
  for (const kind of ['guests', 'reservations'])
    await app.database.sql(
      `update qtable.${kind} set ended_at = ended_at - interval '2 hours' where restaurant_id = $1`,
      [r.id],
    )
}
const people = (restaurant = r) =>
  app.database.sql<{ id: string; first_name: string; last_name: string; phone: string; email: string }>(
    `select id, first_name, last_name, phone, email from qtable.people where restaurant_id = $1 order by created_at, id`,
    [restaurant.id],
  )

test('E3: a party with a phone or e-mail is a visit of that person, however it is written', async () => {
  const first = await guest({ lastName: 'Okoro', phone: '+49 30 123456', email: 'Ada@o.example' })
  expect(first.person).toEqual({ isVip: false, tags: [], allergies: [], seatingPreference: null, visits: 0 })
  for (const same of [
    { phone: '0049 (0)30 12 34 56' },
    { email: 'ada@O.example' },
    { phone: '+4930123456', email: 'x@y.example' },
  ])
    expect((await guest(same)).personId).toBe(first.personId)
  expect((await reserve({ contactInfo: '+49 30 123 456' })).personId).toBe(first.personId)
  expect(await people()).toMatchObject([{ id: first.personId, first_name: 'Ada', last_name: 'Okoro' }])
  for (const nobody of [{}, { phone: '12345' }, { email: 'ada' }]) expect(await guest(nobody)).toMatchObject(NONE)
  const other = await app.restaurant()
  const { result } = (await other.v2('POST', '/guests', { firstName: 'A', partySize: 1, phone: '+49 30 123456' })).body
  expect(result.personId).not.toBe(first.personId)
  expect(result.person.visits).toBe(0)
})

test('E3: a person learns the phone or e-mail that it lacked; where two people fit, the phone counts', async () => {
  const a = await guest({ phone: '+49 30 111111' })
  expect((await guest({ phone: '+49 30 111111', email: 'a@a.example' })).personId).toBe(a.personId)
  expect((await guest({ email: 'A@a.example' })).personId).toBe(a.personId)
  const b = await guest({ email: 'b@b.example' })
  expect(b.personId).not.toBe(a.personId)
  expect((await guest({ phone: '+49 30 111111', email: 'b@b.example' })).personId).toBe(a.personId)
  expect(await people()).toMatchObject([
    { phone: '+49 30 111111', email: 'a@a.example' },
    { phone: null, email: 'b@b.example' },
  ])
})

test('E3: another phone makes it a visit of another person; what stays the same joins nobody anew', async () => {
  const { id, personId } = await guest({ phone: '+49 30 111111', notes: 'x' })
  const change = async (body: object) => (await r.v2('PATCH', `/guests/${id}`, body)).body.result
  expect((await change({ phone: '+49 (0)30 111 111', notes: 'y' })).personId).toBe(personId)
  const moved = await change({ phone: '+49 30 222222' })
  expect([moved.personId, moved.personId === personId]).toEqual([(await people())[1]!.id, false])
  expect((await change({ phone: null, email: 'c@c.example' })).personId).toBe((await people())[2]!.id)
  expect(await change({ email: null })).toMatchObject(NONE)
  expect((await change({ phone: '+49 30 111111' })).personId).toBe(personId)
  const v = await reserve({})
  const changed = await r.v2('PATCH', `/reservations/${v.id}`, { contactInfo: '+49 30 111111' })
  expect(changed.body.result.personId).toBe(personId)
  expect((await r.v2('PATCH', `/reservations/${v.id}`, { email: 'c@c.example' })).body.result.personId).toBe(personId)
  // What is refused joins nobody.
  expect((await r.v2('PATCH', `/guests/${id}`, { phone: '+49 30 999999', version: 1 })).status).toBe(409)
  expect(await people()).toHaveLength(3)
})

test('E3, E9: visits that ended well are counted, and the iPad sees them as totalVisits', async () => {
  const phone = '+49 30 123456'
  const visits = async () => (await guest({ phone })).person.visits
  const one = await guest({ phone })
  await finish(one.id)
  // Whoever is added again at once is on the same visit.
  expect(await visits()).toBe(0)
  await hoursPass()
  expect(await visits()).toBe(1)
  const cancelled = await guest({ phone })
  await r.v2('PATCH', `/guests/${cancelled.id}`, { status: 'cancelled' })
  const booked = await reserve({ contactInfo: phone })
  await r.v2('PATCH', `/reservations/${booked.id}`, { status: 'finished', force: true })
  await hoursPass()
  expect(await visits()).toBe(2)
  const made = await r.call('POST', '/guests', { first_name: 'Ada', party_size: 2, phone })
  expect(made.body.totalVisits).toBe(2)
  const listed = (await r.call('GET', '/guests')).body.find((each: { id: string }) => each.id === made.body.id)
  expect(listed.totalVisits).toBe(2)
  const nobody = await r.call('POST', '/guests', { first_name: 'Bo', party_size: 2 })
  expect(nobody.body.totalVisits).toBe(0)
})

test('E2, E3: of parties that come at once with one new phone all are visits of one person', async () => {
  for (let round = 0; round < 5; round++) {
    const phone = `+49 30 55500${round}`
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        n % 2
          ? guest({ phone, email: `r${round}@r.example` })
          : reserve({ contactInfo: phone, email: `R${round}@r.example` }),
      ),
    )
    expect(new Set(answers.map(({ personId }) => personId)).size).toBe(1)
  }
  expect(await people()).toHaveLength(5)
})

test('E3: the parts of a batch are joined too, with one another as well', async () => {
  const add = (phone: string) => ({ command: 'add-guest', input: { firstName: 'Ada', partySize: 2, phone } })
  const operations = ['+49 30 777771', '+49 30 777772', '+49 30 777771'].map(add)
  for (const list of ['/batch', '/each']) expect((await r.v2('POST', list, { operations })).status).toBe(200)
  expect(await people()).toHaveLength(2)
})
