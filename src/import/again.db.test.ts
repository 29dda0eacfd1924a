import { afterAll, beforeAll, expect, test } from 'vitest'
import { makers } from '../../test/import/damage.ts'
import { dump, healthy, importInto, serve } from '../../test/import/kit.ts'
import { oldPostgres, type OldServer } from '../../test/import/old-server.ts'
import { OLD_PASSWORD, type OldRow, type OldRows } from '../../test/import/old-rows.ts'
import { openDatabase, request, type TestDatabase } from '../../test/kit.ts'
import type { OldAddress } from './options.ts'

let rows: OldRows
let old: OldServer
let from: OldAddress
let database: TestDatabase
beforeAll(async () => {
  rows = await healthy({ restaurants: 2, tables: 24, guests: 120, reservations: 120, seed: 21 })
  old = await oldPostgres(rows)
  from = { kind: 'postgresql', url: old.url }
  database = await openDatabase()
  await importInto(database, from)
})
afterAll(async () => {
  await database.close()
  await old.close()
})

const of = (all: readonly OldRow[], restaurant: OldRow) =>
  all.filter((row) => row['restaurant_id'] === restaurant['id'])
const ids = (all: readonly OldRow[]) => all.map((row) => String(row['id']))

/** What a database holds, without what tells how often it was imported. */
async function content(from: TestDatabase, restaurantId: string) {
  const all = await dump(from)
  const plain = (table: string) =>
    all[table]!.filter((row) => row['restaurant_id'] === restaurantId).map((row) =>
      Object.fromEntries(Object.entries(row).filter(([name]) => name !== 'version' && name !== 'updated_at')),
    )
  return Object.fromEntries(
    ['restaurants', 'staff', 'tables', 'guests', 'reservations'].map((table) => [table, plain(table)]),
  )
}

test('I7: an import before the change-over is brought up to date by another: rows that are new, changed, moved and gone', async () => {
  const [first, second] = rows.restaurants as [OldRow, OldRow]
  const later = `updated_at = '2026-11-01T00:00:00'`
  const seated = of(rows.guests, first).filter((row) => row['table_id'] !== null)
  const [a, b] = seated as [OldRow, OldRow]
  const [gone, renamed] = ids(of(rows.guests, first).filter((row) => row['table_id'] === null)) as [string, string]
  const [one, two] = ids(of(rows.restaurant_tables, first).slice(0, 2)) as [string, string]
  // Two guests change tables, two tables change numbers, one guest goes, one is renamed, a table is removed, one is new.
  await old.sql(`update guests set table_id = $1, ${later} where id = $2`, [b['table_id'], a['id']])
  await old.sql(`update guests set table_id = $1, ${later} where id = $2`, [a['table_id'], b['id']])
  await old.sql(`update restaurant_tables set current_guest_id = $1, ${later} where id = $2`, [b['id'], a['table_id']])
  await old.sql(`update restaurant_tables set current_guest_id = $1, ${later} where id = $2`, [a['id'], b['table_id']])
  await old.sql(
    `update restaurant_tables set table_number = case table_number when '1' then '2' else '1' end, ${later} where id in ($1, $2)`,
    [one, two],
  )
  await old.sql('delete from guests where id = $1', [gone])
  await old.sql(`update guests set first_name = 'Renamed', ${later} where id = $1`, [renamed])
  const [free] = ids(
    of(rows.restaurant_tables, first).filter(
      (row) => row['current_guest_id'] === null && !ids([row]).includes(one) && !ids([row]).includes(two),
    ),
  )
  await old.sql(`update restaurant_tables set is_active = false, ${later} where id = $1`, [free])
  const fresh = makers(String(first['id']), 5).guest()
  await old.sql('insert into guests select * from json_populate_recordset(null::guests, $1)', [JSON.stringify([fresh])])

  const before = await dump(database)
  const ran = await importInto(database, from)
  expect(ran.ok).toBe(true)
  expect(ran.tally.guests).toMatchObject({ imported: 4, unchanged: rows.guests.length - 4 })
  expect(ran.tally.restaurant_tables).toMatchObject({ imported: 5 })
  const other = await openDatabase()
  try {
    await importInto(other, from)
    for (const restaurant of [first, second])
      expect(await content(database, String(restaurant['id']))).toEqual(await content(other, String(restaurant['id'])))
  } finally {
    await other.close()
  }
  const after = await dump(database)
  expect(new Set(after['tombstones']!.map(({ id }) => id))).toEqual(new Set([gone, free]))
  const epochs = await database.sql<{ restaurant_id: string; moved: boolean }>(
    'select restaurant_id, floor_at > created_at as moved from qtable.heads join qtable.restaurants using (restaurant_id)',
  )
  expect(epochs).toHaveLength(2)
  const head = (dumped: typeof before, id: unknown) => dumped['heads']!.find((row) => row['restaurant_id'] === id)
  expect(head(after, first['id'])).not.toEqual(head(before, first['id']))
  expect(head(after, second['id'])).toEqual(head(before, second['id']))
})

test('I7: a restaurant that is in use in QTable is not touched, the others are; --only-missing adds what it lacks', async () => {
  const [first, second] = rows.restaurants as [OldRow, OldRow]
  const app = await serve(database)
  try {
    const [owner] = of(rows.users, first)
    const login = await request(app.base, 'POST', '/auth/login', { email: owner!['email'], password: OLD_PASSWORD })
    expect(login.status).toBe(200)
    const headers = { authorization: `Bearer ${login.body.access_token}` }
    const floor = `/restaurants/${String(first['id'])}`
    const [guest] = (await request(app.base, 'GET', `${floor}/guests?history=all`, undefined, headers)).body as {
      id: string
    }[]
    expect(
      (await request(app.base, 'PUT', `${floor}/guests/${guest!.id}`, { first_name: 'Mine' }, headers)).status,
    ).toBe(200)
  } finally {
    await app.close()
  }
  const make = makers(String(first['id']), 6)
  const [table, taken] = [make.table({ status: 'occupied' }), make.table({ table_number: '1' })]
  const late = make.guest({ status: 'Seated', table_id: table.id })
  Object.assign(table, { current_guest_id: late.id })
  const fill = (kind: string, all: OldRow[]) =>
    old.sql(`insert into ${kind} select * from json_populate_recordset(null::${kind}, $1)`, [JSON.stringify(all)])
  await fill('restaurant_tables', [table, taken])
  await fill('guests', [late])
  await old.sql(`update guests set first_name = 'Theirs', updated_at = '2027-01-01' where restaurant_id = $1`, [
    first['id'],
  ])
  await old.sql(`update guests set first_name = 'Theirs', updated_at = '2027-01-01' where restaurant_id = $1`, [
    second['id'],
  ])

  const before = await content(database, String(first['id']))
  const ran = await importInto(database, from)
  expect(ran.ok).toBe(false)
  expect(ran.lines.join('\n')).toMatch(/is in use in QTable: .*Nothing of it was touched; --only-missing/)
  expect(ran.lines.join('\n')).toContain('NOT everything was imported')
  expect(await content(database, String(first['id']))).toEqual(before)
  expect(
    (await content(database, String(second['id'])))['guests']!.every((row) => row['first_name'] === 'Theirs'),
  ).toBe(true)
  expect(ran.tally.restaurants).toMatchObject({ read: 2, refused: 1 })

  const added = await importInto(database, from, { onlyMissing: true })
  expect(added.ok).toBe(true)
  expect([added.tally.guests.imported, added.tally.restaurant_tables.imported]).toEqual([1, 2])
  const after = await content(database, String(first['id']))
  const rest = (kind: string, fresh: string[]) => after[kind]!.filter((row) => !fresh.includes(String(row['id'])))
  expect(rest('guests', [late.id])).toEqual(before['guests'])
  expect(rest('tables', [table.id, taken.id])).toEqual(before['tables'])
  expect(after['guests']!.find((row) => row['id'] === late.id)).toMatchObject({ status: 'waitlist', table_id: null })
  const find = (id: string) => after['tables']!.find((row) => row['id'] === id)
  expect(find(table.id)).toMatchObject({ status: 'available', guest_id: null })
  expect(find(taken.id)).toMatchObject({ number: '1 (2)' })
  expect((await importInto(database, from, { onlyMissing: true })).tally.guests.imported).toBe(0)
})
