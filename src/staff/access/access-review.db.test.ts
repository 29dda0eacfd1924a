import { afterAll, beforeAll, expect, test } from 'vitest'
import { openAccess } from '../../../test/access.ts'
import { openDevice, startApp, TEST_PASSWORD, type Device, type Restaurant, type TestApp } from '../../../test/kit.ts'
import { declaredStatements, statement } from '../../platform/database/db.ts'
import { newId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import type { SignedIn } from '../sign-ins/start-sign-in.ts'
import { within } from '../../../test/patience.ts'

/** What ends access on one process closes sockets on another. */

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

const WITHIN = within(2_000)
const currentPassword = TEST_PASSWORD

const deviceOf = (app: TestApp, { restaurantId, accessToken }: SignedIn): Promise<Device> =>
  openDevice(app.base, `/realtime?restaurant_id=${restaurantId}&token=${accessToken}`)

/** How long it takes from now until a socket is closed with 4401, in milliseconds. */
async function closing(device: Device): Promise<number> {
  const start = Date.now()
  expect(await device.closed).toBe(4401)
  return Date.now() - start
}

async function expectOpen(device: Device): Promise<void> {
  const { length } = device.messages
  device.ws.send('{"type":"ping"}')
  await device.until((heard) => heard.length > length)
}

const ways: readonly (readonly [string, (r: Restaurant, s: SignedIn) => Promise<unknown>])[] = [
  ['signing out', (_, { refreshToken }) => one.call('POST', '/v2/sign-out', { refreshToken })],
  [
    'a refresh token that is used too often',
    async (_, { refreshToken }) => {
      for (let i = 0; i < limits.refreshRepeats + 2; i++) await one.call('POST', '/v2/refresh', { refreshToken })
    },
  ],
  ['ending the sign-ins', (r, { staffId }) => r.v2('DELETE', `/staff/${staffId}/sign-ins`)],
  [
    'a new password',
    (r, { staffId }) => r.v2('PATCH', `/staff/${staffId}`, { password: 'Another-Plum-9', currentPassword }),
  ],
  ['another role', (r, { staffId }) => r.v2('PATCH', `/staff/${staffId}`, { role: 'manager' })],
  ['being made inactive', (r, { staffId }) => r.v2('PATCH', `/staff/${staffId}`, { isActive: false })],
  [
    'SQL: the account',
    (_, { staffId }) => one.database.sql('update qtable.staff set is_active = false where id = $1', [staffId]),
  ],
  [
    'SQL: the sign-in deleted',
    (_, { staffId }) => one.database.sql('delete from qtable.sign_ins where staff_id = $1', [staffId]),
  ],
]

for (const [name, end] of ways) {
  test(`W8: ${name}: sockets on both processes are closed within 2 s, those of others stay`, async () => {
    const r = await one.restaurant()
    const [email, password] = [`${newId()}@cedar.example`, 'Plum-Cedar-72']
    expect((await r.v2('POST', '/staff', { email, password, role: 'host' })).status).toBe(200)
    const signedIn = (await one.call('POST', '/v2/sign-in', { email, password })).body as SignedIn
    const gone = [await deviceOf(one, signedIn), await deviceOf(two, signedIn), await deviceOf(two, signedIn)]
    const owner = await r.signIn()
    const stay = [await r.device(), await deviceOf(two, owner)]
    await Promise.all([one, two].map((app) => app.app.access.review()))
    for (const device of [...gone, ...stay]) await expectOpen(device)
    await end(r, signedIn)
    const took = await Promise.all(gone.map(closing))
    expect(Math.max(...took)).toBeLessThan(WITHIN)
    for (const device of stay) await expectOpen(device)
    for (const app of [one, two]) {
      await expect(deviceOf(app, signedIn)).rejects.toThrow('refused with 403')
      await expect.poll(() => app.app.sockets.figures.sockets).toBe(1)
    }
    for (const device of stay) await device.close()
  })
}

test('W8: a suspended restaurant loses every socket, with and without a sign-in, on both processes', async () => {
  const [r, other] = [await one.restaurant(), await one.restaurant()]
  const signedIn = await r.signIn()
  const gone = [await r.device(), await deviceOf(one, signedIn), await deviceOf(two, signedIn)]
  const stays = await other.device()
  await one.database.sql('update qtable.restaurants set is_active = false where restaurant_id = $1', [r.id])
  expect(Math.max(...(await Promise.all(gone.map(closing))))).toBeLessThan(WITHIN)
  await expectOpen(stays)
  await stays.close()
})

test('W8: one of two sign-ins of a person ends without the other', async () => {
  const r = await one.restaurant()
  const [first, second] = [await r.signIn(), await r.signIn()]
  const [gone, stays, ipad] = [await deviceOf(two, first), await deviceOf(two, second), await r.device()]
  await one.call('POST', '/v2/sign-out', { refreshToken: first.refreshToken })
  expect(await closing(gone)).toBeLessThan(WITHIN)
  for (const device of [stays, ipad]) {
    await expectOpen(device)
    await device.close()
  }
})

test('W8: while the database is away nobody is thrown out, and what changed meanwhile counts afterwards', async () => {
  const house = await startApp()
  const r = await house.restaurant()
  const signedIn = await r.signIn()
  const [device, other] = [await deviceOf(house, signedIn), await r.device()]
  const allow = (yes: boolean) =>
    house.database.sql(`${yes ? 'grant' : 'revoke'} select on qtable.staff ${yes ? 'to' : 'from'} qtable_app`)
  // Every look fails from here on, as it does when nothing answers.
  await allow(false)
  await house.database.sql(
    `update qtable.sign_ins set revoked_at = now(), revoked_why = 'ended', expires_at = now() where restaurant_id = $1`,
    [r.id],
  )
  for (let i = 0; i < 3; i++) await house.app.access.review()
  for (const each of [device, other]) await expectOpen(each)
  await allow(true)
  expect(await closing(device)).toBeLessThan(WITHIN)
  await expectOpen(other)
  await house.close()
})

test('W8: any number is looked after in few queries; whoever left is forgotten; each is closed once', async () => {
  const house = await startApp()
  const { access } = house.app
  const r = await house.restaurant()
  const many = 2 * limits.reviewIds + 500
  await house.database.sql(
    `insert into qtable.staff (restaurant_id, id, email, email_key, password_hash, role, is_active, created_at, updated_at)
     select restaurant_id, gen_random_uuid(), 'n' || n || email, 'n' || n || email, 'x', 'host', n % 5 > 0, now(), now()
     from qtable.staff, generate_series(1, ${many}) n where restaurant_id = $1`,
    [r.id],
  )
  const staff = await house.database.sql<{ id: string; is_active: boolean }>(
    `select id, is_active from qtable.staff where role = 'host'`,
  )
  const opened = staff.map(({ id, is_active }) => ({ ...openAccess(access, r.id, id, 'host'), id, is_active }))
  const all = staff.map(({ id, is_active }) => ({ is_active, made: openAccess(access, r.id, id, 'host') }))
  const nobody = openAccess(access, r.id, newId(), 'host')
  const [left] = [openAccess(access, r.id, r.staffId, 'owner')]
  left.leave()
  expect(access.figures).toMatchObject({ people: many + 1 })
  const start = performance.now()
  await access.review()
  await access.review()
  process.stdout.write(`two reviews of ${many} people: ${Math.round(performance.now() - start)} ms\n`)
  expect(all.filter(({ is_active, made }) => made.closed !== (is_active ? 0 : 1))).toEqual([])
  expect([nobody.closed, left.closed]).toEqual([1, 0])
  expect(access.figures).toMatchObject({ people: staff.filter(({ is_active }) => is_active).length })
  for (const each of [...opened, ...all.map(({ made }) => made)]) each.leave()
  expect(access.figures).toMatchObject({ people: 0 })
  await house.close()
})

interface Plan {
  readonly 'Relation Name'?: string
  readonly 'Actual Loops': number
  readonly Plans?: readonly Plan[]
}

/** How often a plan went to each table. */
const visits = (plan: Plan): (readonly [string, number])[] => [
  ...(plan['Relation Name'] === undefined ? [] : [[plan['Relation Name'], plan['Actual Loops']] as const]),
  ...(plan.Plans ?? []).flatMap(visits),
]

test('W8: a person and their restaurant are looked up once, however many devices they have and restaurants there are', async () => {
  const house = await startApp()
  const { db } = house.app.changes
  const [r, ...others] = [await house.restaurant(), await house.restaurant(), await house.restaurant()]
  expect(others.length).toBe(2)
  await house.database.sql(
    `insert into qtable.sign_ins (restaurant_id, id, staff_id, created_at, used_at, expires_at, token_hash)
     select restaurant_id, gen_random_uuid(), id, now(), now(), now() + interval '1 day', sha256((email || n)::bytea)
     from qtable.staff, generate_series(1, 300) n where id = $1`,
    [r.staffId],
  )
  const signIns = await house.database.sql<{ id: string }>('select id from qtable.sign_ins where staff_id = $1', [
    r.staffId,
  ])
  const readOver = declaredStatements().find(({ name }) => name === 'read-over')!
  const explain = statement('explain-read-over', `explain (analyze, format json) ${readOver.text}`)
  const list = (of: (id: string) => string) => `{${signIns.map(({ id }) => of(id)).join(',')}}`
  const lists = [list(() => r.staffId), list((id) => id), list(() => 'owner'), list(() => 'NULL')]
  const [row] = await db.read<{ 'QUERY PLAN': [{ Plan: Plan }] }>({ watchedStaff: [r.staffId] }, explain, lists)
  const all = visits(row!['QUERY PLAN'][0].Plan)
  const most = (table: string) => Math.max(...all.filter(([name]) => name === table).map(([, loops]) => loops))
  expect(signIns.length).toBeGreaterThanOrEqual(300)
  expect([most('staff'), most('restaurants'), most('sign_ins')]).toEqual([1, 1, signIns.length])
  await house.close()
})

test('A7, W8: what the review finds changed is forgotten by the identities of the process', async () => {
  const r = await one.restaurant()
  const staffId = r.staffId
  const device = await r.device()
  await new Promise((resolve) => setTimeout(resolve, limits.identityMillis))
  // Remembered anew just now: without the review it would be believed for as long again.
  expect((await r.v2('GET', '/tables')).status).toBe(200)
  await one.database.sql('update qtable.staff set is_active = false where id = $1', [staffId])
  await one.app.access.review()
  await device.closed
  expect((await r.v2('GET', '/tables')).status).toBe(401)
})
