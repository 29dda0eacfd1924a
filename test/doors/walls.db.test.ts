import { afterAll, beforeAll, expect, test } from 'vitest'
import { addMessage, addOne } from './one-of-each.ts'
import { knowingBody, operations } from './operations.ts'
import { nouns } from '../../src/floor/nouns.ts'
import { putCountedDay } from '../visits.ts'
import { startApp, type Restaurant, type TestApp } from '../kit.ts'
import type { Instant } from '../../src/platform/clock.ts'
import { statement } from '../../src/platform/database/db.ts'

let app: TestApp
let a: Restaurant
let b: Restaurant
beforeAll(async () => {
  app = await startApp()
  a = await app.restaurant('Alder')
  b = await app.restaurant('Birch')
  for (const each of [a, b]) {
    const table = await each.table('1')
    const guest = await each.walkIn()
    await each.call('PUT', `/guests/${guest}`, { status: 'Seated', table_id: table })
    await each.call('DELETE', `/guests/${await each.walkIn()}`)
    for (const { kind } of nouns) if (kind !== 'table' && kind !== 'guest') await addOne(each, kind)
    await putCountedDay(app.database, each)
    const [one, two] = [1, 2].map(
      async (n) => (await each.v2('POST', '/people', { phone: `+49 30 55500${n}` })).body.result.id,
    )
    await each.v2('POST', `/people/${await one}/merge`, { otherPersonId: await two })
    await each.signIn()
    await addMessage(each, guest)
    await each.v2('POST', `/guest-links/${guest}`, {})
    await each.v2('PATCH', '/message-settings', { hourlyLimit: 100 })
    const words = { subject: 'x', body: 'y' }
    await each.v2('POST', '/message-templates', { template: 'table-ready', language: 'en', words })
    const proving = operations.find(({ name }) => name === 'prove-pin')!
    await app.call('POST', proving.path, await knowingBody(proving, each))
    await each.v2(
      'POST',
      '/guests',
      { firstName: 'Ida', partySize: 2, phone: '+4930901820' },
      { 'idempotency-key': 'one' },
    )
  }
})
afterAll(() => app.close())

const tenantTables = () =>
  app.database.sql<{
    name: string
    forced: boolean
    enabled: boolean
    first: string | null
    owner: string
    has: boolean
    part: boolean
  }>(`
    select c.relname as name, c.relforcerowsecurity as forced, c.relrowsecurity as enabled, c.relispartition as part, pg_get_userbyid(c.relowner) as owner,
      exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'restaurant_id' and not a.attisdropped) as has,
      (select a.attname from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
       where i.indrelid = c.oid and i.indisprimary) as first
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'qtable' and c.relkind in ('r', 'p') order by 1`)

/** Of no restaurant, and for the owner only: the migrator's, and the name of the database. */
const NO_TENANTS = ['migrations', 'lineage', 'epoch_guard']

/** Of no restaurant, and the server's: numbers under keyed hashes. */
const COUNTS = ['failed_attempts']
const ofNobody = [...NO_TENANTS, ...COUNTS]

test("P6: every table but the migrator's has restaurant_id first in its key and forces row level security", async () => {
  const all = await tenantTables()
  expect(all.length).toBeGreaterThan(8)
  const wrong = all.filter(
    ({ name, forced, enabled, has, first }) =>
      !ofNobody.includes(name) && !(forced && enabled && has && first === 'restaurant_id'),
  )
  expect(wrong).toEqual([])
})

test('P6: that check finds a table that lacks a wall, or has its key the wrong way round', async () => {
  await app.database.sql('create table qtable.planted (id uuid, restaurant_id uuid, primary key (id, restaurant_id))')
  const planted = (await tenantTables()).find(({ name }) => name === 'planted')
  await app.database.sql('drop table qtable.planted')
  expect(planted).toMatchObject({ forced: false, first: 'id' })
})

test("P6: the server's role owns nothing, can't sign in, and walks past no wall", async () => {
  const [role] = await app.database.sql(
    `select rolsuper, rolbypassrls, rolcanlogin, rolcreaterole from pg_roles where rolname = 'qtable_app'`,
  )
  expect(role).toEqual({ rolsuper: false, rolbypassrls: false, rolcanlogin: false, rolcreaterole: false })
  const owned = await app.database.sql(`select 1 from pg_class where relowner = 'qtable_app'::regrole`)
  expect(owned).toEqual([])
  const writable = await app.database.sql(
    `select has_table_privilege('qtable_app', 'qtable.changes', 'update') or has_table_privilege('qtable_app', 'qtable.changes', 'delete')
       or has_table_privilege('qtable_app', 'qtable.tombstones', 'delete') or has_table_privilege('qtable_app', 'qtable.migrations', 'select') as any`,
  )
  expect(writable).toEqual([{ any: false }])
  // The days of the log are reached through the log only.
  const closed = (await tenantTables()).filter(({ name, part }) => part || NO_TENANTS.includes(name))
  expect(closed.length).toBeGreaterThan(8)
  const reached = await app.database.sql(
    `select name from unnest($1::text[]) as name where has_table_privilege('qtable_app', 'qtable.' || name, 'select, insert, update, delete')`,
    [closed.map(({ name }) => name)],
  )
  expect(reached).toEqual([])
})

test('P7: SQL without a restaurant sees no row of any table', async () => {
  const all = await tenantTables()
  const names = all.filter(({ name, part }) => !part && !ofNobody.includes(name)).map(({ name }) => name)
  const seen: Record<string, number> = {}
  for (const name of names) {
    const count = statement(`test-count-${name}`, `select count(*) as count from ${name}`)
    seen[name] = await app.database.db.transaction(
      { restaurantId: '' },
      async (tx) => (await tx.one<{ count: number }>(count, [])).count,
    )
    const own = await app.database.db.transaction(
      { restaurantId: a.id },
      async (tx) => (await tx.one<{ count: number }>(count, [])).count,
    )
    expect(own, name).toBeGreaterThan(0)
    const [all] = await app.database.sql<{ count: string }>(`select count(*) from qtable.${name}`)
    expect(Number(all!.count), name).toBeGreaterThan(own)
  }
  expect(Object.values(seen).every((count) => count === 0)).toBe(true)
})

test('P7: a transaction of one restaurant can neither see, change, delete nor make a row of another', async () => {
  const find = statement('test-find', `select id from guests where restaurant_id = $1`)
  const change = statement('test-change', `update guests set notes = 'x' where restaurant_id = $1 returning id`)
  const remove = statement('test-remove', `delete from tables where restaurant_id = $1 returning id`)
  const make = statement(
    'test-make',
    `insert into tombstones (restaurant_id, kind, id, at) values ($1, 'guest', gen_random_uuid(), now())`,
  )
  const as = (scope: { restaurantId: string }) => (s: typeof find) =>
    app.database.db.transaction(scope, (tx) => tx.all(s, [b.id]))
  for (const s of [find, change, remove]) expect(await as({ restaurantId: a.id })(s)).toEqual([])
  await expect(as({ restaurantId: a.id })(make)).rejects.toThrow('row-level security')
  await expect(as({ restaurantId: '' })(make)).rejects.toThrow('row-level security')
  expect(await as({ restaurantId: b.id })(find)).toHaveLength(2)
})

test('P7: naming an e-mail or an id shows the one row of staff and its restaurant, an e-mail their places too, nothing else', async () => {
  const staff = statement('test-staff', `select id from staff`)
  const restaurants = statement('test-restaurants', `select restaurant_id as id from restaurants`)
  const guests = statement('test-guests', `select id from guests`)
  const places = statement('test-places', `select staff_id as id from known_places`)
  for (const scope of [{ email: b.email }, { email: b.email.toUpperCase() }, { staffId: b.staffId }]) {
    const seen = await app.database.db.transaction(scope, (tx) =>
      Promise.all([staff, restaurants, guests, places].map((each) => tx.all(each, []))),
    )
    // Where somebody signed in from is for signing in only.
    expect(seen).toEqual([[{ id: b.staffId }], [{ id: b.id }], [], 'email' in scope ? [{ id: b.staffId }] : []])
  }
})

test('P7: naming ids of staff shows those rows, their restaurants and their sign-ins; naming a time shows sign-ins that were over before it', async () => {
  const staff = statement('test-watched-staff', `select id from staff order by id`)
  const restaurants = statement('test-watched-restaurants', `select restaurant_id as id from restaurants order by 1`)
  const signIns = statement('test-watched-sign-ins', `select staff_id as id from sign_ins order by 1`)
  const guests = statement('test-watched-guests', `select id from guests`)
  const remove = statement('test-remove-sign-ins', `delete from sign_ins returning staff_id as id`)
  const end = statement('test-end-sign-ins', `update sign_ins set expires_at = created_at returning id`)
  const see = (scope: Parameters<typeof app.database.db.transaction>[0]) =>
    app.database.db.transaction(scope, (tx) =>
      Promise.all([staff, restaurants, signIns, guests, end, remove].map((each) => tx.all<{ id: string }>(each, []))),
    )
  const rows = (...ids: string[]) => ids.sort().map((id) => ({ id }))
  expect(await see({ watchedStaff: [b.staffId] })).toEqual([rows(b.staffId), rows(b.id), rows(b.staffId), [], [], []])
  const both = [rows(a.staffId, b.staffId), rows(a.id, b.id), rows(a.staffId, b.staffId), [], [], []]
  expect(await see({ watchedStaff: [a.staffId, b.staffId] })).toEqual(both)
  expect(await see({ watchedStaff: [] })).toEqual([[], [], [], [], [], []])
  // One that is over since 2001, and others that aren't.
  const c = await app.restaurant('Cherry')
  await c.signIn()
  await app.database.sql(`update qtable.sign_ins set expires_at = '2001-01-01' where restaurant_id = $1`, [c.id])
  expect(await see({ forgottenBefore: '2000-01-01T00:00:00.000000Z' as Instant })).toEqual([[], [], [], [], [], []])
  const seen = await see({ forgottenBefore: '2002-01-01T00:00:00.000000Z' as Instant })
  expect(seen).toEqual([[], [], rows(c.staffId), [], [], rows(c.staffId)])
  expect(await app.database.sql('select 1 from qtable.sign_ins')).toHaveLength(2)
})

test('P7: the walls stand when a pooled connection is used again', async () => {
  const count = statement('test-pooled', `select count(*) as count from guests`)
  for (let i = 0; i < 50; i++) {
    const [scope, wanted] = [[{ restaurantId: a.id }, 2] as const, [{ restaurantId: '' }, 0] as const][i % 2]!
    const { count: seen } = await app.database.db.transaction(scope, (tx) => tx.one<{ count: number }>(count, []))
    expect(seen).toBe(wanted)
  }
})

test('P7: naming a time shows lanes of messages that are due by then, and no message', async () => {
  const lanes = statement('test-due-lanes', `select restaurant_id as id from message_lanes order by 1`)
  const others = ['messages', 'message_settings', 'guests', 'restaurants'].map((name) =>
    statement(`test-due-${name}`, `select restaurant_id as id from ${name}`),
  )
  const see = (dueBefore: string) =>
    app.database.db.transaction({ dueBefore: dueBefore as Instant }, (tx) =>
      Promise.all([lanes, ...others].map((each) => tx.all<{ id: string }>(each, []))),
    )
  expect(await see('2001-01-01T00:00:00.000000Z')).toEqual([[], [], [], [], []])
  const both = [a.id, b.id].toSorted().map((id) => ({ id }))
  expect(await see('2099-01-01T00:00:00.000000Z')).toEqual([both, [], [], [], []])
})
