import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDevice, startApp, type Device, type Restaurant, type TestApp } from '../../test/kit.ts'
import { declaredStatements, statement } from '../platform/db.ts'
import { newId } from '../platform/ids.ts'
import { limits } from '../platform/limits.ts'
import { goneAt } from '../platform/gone.ts'
import type { Logger } from '../platform/log.ts'
import { AccessReview, type Access } from './access-review.ts'
import type { SignedIn } from './start-sign-in.ts'

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

const WITHIN = 2_000

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
  ['a new password', (r, { staffId }) => r.v2('PATCH', `/staff/${staffId}`, { password: 'Another-Plum-9' })],
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

/** Opens something in the name of someone; `closed` counts. */
function open(
  review: AccessReview,
  restaurantId: string,
  staffId: string,
  role: Access['role'],
  signInId: string | null = null,
) {
  const made = { closed: 0, leave: () => review.forget(access) }
  const access: Access = { restaurantId, staffId, role, signInId, close: () => void made.closed++ }
  review.register(access)
  return made
}

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
  const opened = staff.map(({ id, is_active }) => ({ ...open(access, r.id, id, 'host'), id, is_active }))
  const all = staff.map(({ id, is_active }) => ({ is_active, made: open(access, r.id, id, 'host') }))
  const nobody = open(access, r.id, newId(), 'host')
  const [left] = [open(access, r.id, r.staffId, 'owner')]
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
  const lists = [list(() => r.staffId), list((id) => id), list(() => 'owner')]
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

/** What the database says while `work` is done, up to the end of it. */
async function saidIn(house: TestApp, work: () => Promise<unknown>): Promise<string[]> {
  const said: string[] = []
  let begun = false
  const notices = house.database.db.notices('qtable_access', {
    hear: (text) => void said.push(text),
    begin: () => (begun = true),
  })
  await expect.poll(() => begun).toBe(true)
  await work()
  await house.database.sql(`select pg_notify('qtable_access', 'end')`)
  await expect.poll(() => said.at(-1)).toBe('end')
  await notices.close()
  return said.slice(0, -1)
}

const ENDS: readonly (readonly [string, string])[] = [
  ['another role', `update qtable.staff set role = 'manager' where restaurant_id = $1`],
  ['inactive', 'update qtable.staff set is_active = false where restaurant_id = $1'],
  [
    'revoked',
    "update qtable.sign_ins set expires_at = now(), revoked_at = now(), revoked_why = 'ended' where restaurant_id = $1",
  ],
  ['sign-in gone', 'delete from qtable.sign_ins where restaurant_id = $1'],
  [
    'staff gone',
    'with over as (delete from qtable.sign_ins where restaurant_id = $1) delete from qtable.staff where restaurant_id = $1',
  ],
  ['suspended', 'update qtable.restaurants set is_active = false where restaurant_id = $1'],
]

test('W8: whatever ends access is said by the database, and nothing else is', async () => {
  const house = await startApp()
  for (const [name, text] of ENDS) {
    const r = await house.restaurant()
    await r.signIn()
    expect(await saidIn(house, () => house.database.sql(text, [r.id])), name).toEqual([r.id])
    // Once more: nothing is any different.
    if (name !== 'revoked') expect(await saidIn(house, () => house.database.sql(text, [r.id])), name).toEqual([])
  }
  expect(await saidIn(house, () => house.database.sql('truncate qtable.sign_ins'))).toEqual([''])
  expect(await saidIn(house, () => house.database.sql('truncate qtable.staff cascade'))).toEqual([''])
  // Signing in and a day's work say nothing.
  const other = await house.restaurant()
  const quiet = await saidIn(house, async () => {
    const signedIn = await other.signIn()
    await house.call('POST', '/v2/refresh', { refreshToken: signedIn.refreshToken })
    await other.walkIn()
    await other.v2('PATCH', `/staff/${other.staffId}`, { firstName: 'Ada' })
    await house.database.sql('update qtable.restaurants set name = $2 where restaurant_id = $1', [other.id, 'Cedar'])
    await house.restaurant()
  })
  expect(quiet).toEqual([])
  await house.close()
})

/** A review that looks only when it is told or every so many milliseconds, and counts its questions. */
function reviewOf(house: TestApp, everyMillis: number) {
  const counted = { questions: 0 }
  const statement = (name: string) => void (name === 'read-over' && counted.questions++)
  const db = house.database.db.until(goneAt(new AbortController().signal), { statement, transaction: () => undefined })
  const review = new AccessReview(db, house.app.identities, house.app.server.log as Logger, everyMillis)
  return { review, counted }
}

const NEVER = 3_600_000

test('W8: what the database says is acted on at once, for the restaurant that it is about', async () => {
  const house = await startApp()
  const [r, other] = [await house.restaurant(), await house.restaurant()]
  const { review, counted } = reviewOf(house, NEVER)
  await expect.poll(() => review.figures.isHearing).toBe(true)
  await review.review()
  const [gone, stays] = [open(review, r.id, r.staffId, 'owner'), open(review, other.id, other.staffId, 'owner')]
  await house.database.sql('update qtable.staff set is_active = false where id = $1', [r.staffId])
  await expect.poll(() => gone.closed).toBe(1)
  expect([stays.closed, review.figures.people]).toEqual([0, 1])
  // While it is deaf nothing is said to it; what happened meanwhile it finds when it hears again.
  await house.database.sql(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'qtable notices'`,
  )
  await expect.poll(() => review.figures.isHearing).toBe(false)
  await house.database.sql('update qtable.staff set is_active = false where id = $1', [other.staffId])
  await expect.poll(() => stays.closed, { timeout: 5_000 }).toBe(1)
  expect(counted.questions).toBeGreaterThan(0)
  await review.close()
  await house.close()
})

test('W8: while the database is heard, those who stay are not asked about again and again; who comes is, once', async () => {
  const house = await startApp()
  const r = await house.restaurant()
  await house.database.sql('update qtable.staff set is_active = false where id = $1', [r.staffId])
  const { review, counted } = reviewOf(house, 20)
  await expect.poll(() => review.figures.isHearing).toBe(true)
  const host = (await house.restaurant()).staffId
  const stays = open(review, r.id, host, 'owner')
  // As one who is let in by what was known of them a moment ago.
  const late = open(review, r.id, r.staffId, 'owner')
  await expect.poll(() => late.closed).toBe(1)
  expect(stays.closed).toBe(0)
  const before = counted.questions
  await new Promise((resolve) => setTimeout(resolve, 20 * (limits.seldomReviewTicks - 2)))
  expect(counted.questions - before).toBeLessThanOrEqual(1)
  await expect.poll(() => counted.questions).toBeGreaterThan(before)
  await review.close()
  await house.close()
})
