import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makers } from '../../test/import/damage.ts'
import { healthy, importInto, serve } from '../../test/import/kit.ts'
import { oldPostgres, type OldServer } from '../../test/import/old-server.ts'
import { merge, OLD_PASSWORD, type OldRow, type OldRows } from '../../test/import/old-rows.ts'
import { openDatabase, openDevice, request, TEST_SECRET, type TestDatabase } from '../../test/kit.ts'

let rows: OldRows
let old: OldServer
let mended: OldRow
let begun: string
let database: TestDatabase
let app: Awaited<ReturnType<typeof serve>>
const ZONE = 'America/New_York'
beforeAll(async () => {
  const base = await healthy({ restaurants: 2, tables: 20, guests: 200, reservations: 60, seed: 33 })
  const restaurant = String(base.restaurants[0]!['id'])
  const make = makers(restaurant, 3)
  const hash = base.users[0]!['password_hash']
  const [low, high] = ['case@old.example', 'Case@old.example'].map((email) =>
    make.user({ email, password_hash: hash, role: 'manager' }),
  )
  // Around both changes of the clocks, with and without parts of a second.
  const times = [
    '2026-03-08T01:59:59.999999',
    '2026-03-08T02:30:00',
    '2026-03-08T03:00:00',
    '2026-11-01T00:59:59',
    '2026-11-01T01:30:00.5',
    '2026-11-01T02:00:00',
    '1970-07-01T12:00:00',
    '2026-07-01T00:00:00.000001',
  ]
  const guests = times.map((at) => make.guest({ created_at: at, updated_at: at, check_in_time: at }))
  mended = make.guest({ party_size: 0 })
  rows = merge(base, { users: [low!, high!], guests: [...guests, mended] })
  begun = new Date().toISOString()
  old = await oldPostgres(rows, ZONE)
  database = await openDatabase()
  await importInto(database, { kind: 'postgresql', url: old.url })
  app = await serve(database)
})
afterAll(async () => {
  await app.close()
  await database.close()
  await old.close()
})

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token as the old server signed it. */
function oldToken(user: OldRow): string {
  const exp = Math.floor(Date.now() / 1000) + 1800
  const text = `${base64({ alg: 'HS256', typ: 'JWT' })}.${base64({ sub: user['id'], restaurant_id: user['restaurant_id'], exp })}`
  return `${text}.${createHmac('sha256', TEST_SECRET).update(text).digest('base64url')}`
}

const owner = () => rows.users.find((user) => user['role'] === 'owner')!
const call = (method: string, path: string, body?: unknown) =>
  request(app.base, method, path, body, { authorization: `Bearer ${oldToken(owner())}` })
const floor = () => `/restaurants/${String(owner()['restaurant_id'])}`

test('I2: tokens that the old server signed with the same key stay good', async () => {
  const me = await call('GET', '/auth/me')
  expect([me.status, me.body.id ?? me.body.user_id]).toEqual([200, owner()['id']])
  expect((await call('GET', `/restaurants/${String(rows.restaurants[1]!['id'])}/guests`)).status).toBe(403)
})

test('I10: what was mended counts as changed by the import, nothing else does: a device that was up to date is told of it', async () => {
  const restaurant = String(owner()['restaurant_id'])
  const { body } = await call('GET', `/api/sync/delta?restaurant_id=${restaurant}&since=${begun}`)
  expect(body.changes.map((change: { entity_id: string }) => change.entity_id)).toEqual([mended['id']])
})

test('I2: the old password signs in, and its hash is argon2id from then on; another import leaves it', async () => {
  const email = String(owner()['email'])
  const hash = async () =>
    (
      await database.sql<{ password_hash: string }>('select password_hash from qtable.staff where email = $1', [email])
    )[0]!.password_hash
  expect(await hash()).toBe(owner()['password_hash'])
  const login = (password: string) => request(app.base, 'POST', '/auth/login', { email, password })
  expect((await login('wrong')).status).toBe(401)
  expect((await login(OLD_PASSWORD)).status).toBe(200)
  const better = await hash()
  expect(better).toMatch(/^\$argon2id\$/)
  const again = await importInto(database, { kind: 'postgresql', url: old.url })
  expect([again.ok, again.tally.users.imported]).toEqual([true, 0])
  expect(await hash()).toBe(better)
  expect((await login(OLD_PASSWORD)).status).toBe(200)
})

test('I4: e-mails that differ only in case sign in as who they are', async () => {
  for (const email of ['case@old.example', 'Case@old.example']) {
    const answer = await request(app.base, 'POST', '/auth/login', { email, password: OLD_PASSWORD })
    expect([answer.status, answer.body.user_id]).toEqual([
      200,
      rows.users.find((user) => user['email'] === email)!['id'],
    ])
  }
})

test('I4: an e-mail that somebody has in QTable already stays theirs', async () => {
  const other = await openDatabase()
  const app = await serve(other)
  try {
    const email = String(owner()['email'])
    const made = await request(app.base, 'POST', '/auth/register', {
      restaurant_name: 'Own',
      email,
      password: 'Tall-Cedar-71',
    })
    expect(made.status).toBe(200)
    const ran = await importInto(other, { kind: 'postgresql', url: old.url })
    expect(ran.ok).toBe(true)
    expect(ran.lines).toContain(`users ${String(owner()['id'])}: the e-mail is in use in QTable -> set aside`)
    const login = await request(app.base, 'POST', '/auth/login', { email, password: 'Tall-Cedar-71' })
    expect(login.body.user_id).toBe(made.body.user_id)
  } finally {
    await app.close()
    await other.close()
  }
})

test("I9: times of the old server's zone are the instants that PostgreSQL takes them for; all others are UTC as they stand", async () => {
  const rowsOf = (zone: string) =>
    old.sql<{ id: string; created: Date; checked: Date | null }>(
      `select id, created_at at time zone '${zone}' as created, check_in_time at time zone 'UTC' as checked from guests order by id`,
    )
  const read = () =>
    database.sql<{ id: string; created: Date; checked: Date | null }>(
      'select id::text, created_at as created, check_in_time as checked from qtable.guests order by 1',
    )
  expect(await read()).toEqual(await rowsOf(ZONE))
  const micros = await database.sql(
    `select created_at::text from qtable.guests where extract(microseconds from created_at)::int % 1000000 in (1, 999999) order by 1`,
  )
  expect(micros).toHaveLength(2)
  // Another zone by option counts before the server's own.
  const ran = await importInto(database, { kind: 'postgresql', url: old.url }, { timeZone: 'Asia/Kathmandu' })
  expect(ran.ok).toBe(true)
  expect(await read()).toEqual(await rowsOf('Asia/Kathmandu'))
})

test('I10: whatever time a device asks from, it is told everything', async () => {
  const delta = `/api/sync/delta?restaurant_id=${String(owner()['restaurant_id'])}`
  const { body, status } = await call('GET', `${delta}&since=2000-01-01T00:00:00Z&limit=1000`)
  expect(status).toBe(200)
  const told = new Set(
    body.changes.map(
      (change: { entity_id?: string; id?: string; data?: { id: string } }) =>
        change.data?.id ?? change.entity_id ?? change.id,
    ),
  )
  const own = (all: readonly OldRow[]) => all.filter((row) => row['restaurant_id'] === owner()['restaurant_id'])
  const current = (await call('GET', `${floor()}/guests`)).body as { id: string }[]
  expect(current.length).toBeGreaterThan(5)
  for (const row of [...own(rows.restaurant_tables), ...current]) expect(told).toContain(row.id)
  expect(body.has_more).toBe(false)
  expect((await call('GET', `${delta}&since=${encodeURIComponent(body.current_timestamp)}`)).body.changes).toEqual([])
})

test('I10: the imported floor lives on: a guest is seated, the table cleared, and a device hears it', async () => {
  const tables = (await call('GET', `${floor()}/tables`)).body as {
    id: string
    status: string
    currentGuestId: string | null
  }[]
  const free = tables.find(({ status }) => status === 'available')!
  const busy = tables.find(({ status }) => status === 'occupied')!
  const device = await openDevice(
    app.base,
    `/realtime?restaurant_id=${String(owner()['restaurant_id'])}&token=${oldToken(owner())}`,
  )
  const waiting = ((await call('GET', `${floor()}/guests`)).body as { id: string; status: string }[]).find(
    ({ status }) => status === 'Waitlist',
  )!
  const seated = await call('PUT', `${floor()}/guests/${waiting.id}`, { status: 'Seated', table_id: free.id })
  expect([seated.status, seated.body.tableId]).toEqual([200, free.id])
  const cleared = await call('PUT', `${floor()}/tables/${busy.id}/clear`)
  expect([cleared.status, cleared.body.guest.id]).toEqual([200, busy.currentGuestId])
  await device.until((heard) => heard.filter(({ type }) => type === 'table_updated').length >= 2)
  await device.close()
  const again = await importInto(database, { kind: 'postgresql', url: old.url })
  expect(again.ok).toBe(false)
})
