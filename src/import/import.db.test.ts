import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { columnDamage, LATE, makers, type Damage } from '../../test/import/damage.ts'
import { identityDamage, looseDamage } from '../../test/import/identity-damage.ts'
import { pairDamage } from '../../test/import/pair-damage.ts'
import { dump, FULL, healthy, importInto, ownFolder, scale, type Ran } from '../../test/import/kit.ts'
import { oldPostgres, oldSqlite, type OldServer } from '../../test/import/old-server.ts'
import { merge, type OldRow, type OldRows } from '../../test/import/old-rows.ts'
import { openDatabase, type TestDatabase } from '../../test/kit.ts'
import { idOf } from './old/ids.ts'
import type { OldAddress } from './options.ts'
import { addsUp } from './report.ts'
import { upTo } from '../../test/patience.ts'

const LONG = { timeout: upTo(FULL ? 600_000 : 60_000) }
const RESTAURANT = 'dddddddd-0000-4000-8000-000000000001'
const OWNERLESS = 'dddddddd-0000-4000-8000-000000000002'

/** A healthy database with one damaged restaurant, one without an owner, and one whose ids are numbers. */
async function damagedRows(loose: boolean): Promise<{ rows: OldRows; damage: Damage[] }> {
  const base = await healthy(scale(7))
  const make = makers(RESTAURANT, 99)
  const foreign = String(base.guests[0]!['id'])
  const damage = [
    ...columnDamage(make),
    ...pairDamage(make, foreign),
    ...identityDamage(make),
    ...(loose ? looseDamage(make) : []),
  ]
  const restaurant = (id: string, more: OldRow = {}) => ({
    id,
    name: 'Damaged',
    slug: `damaged-${id.slice(-1)}`,
    email: 'x@old.example',
    timezone: 'Europe/Berlin',
    is_active: true,
    created_at: '2026-01-01T00:00:00',
    updated_at: LATE,
    ...more,
  })
  const owner = make.user({ role: 'owner', created_at: '2026-01-01T00:00:00' })
  const ownerless = makers(OWNERLESS, 98)
  const [host, manager] = [ownerless.user({ created_at: '2026-01-01T00:00:00' }), ownerless.user({ role: 'Manager' })]
  const numbered = makers('42', 97)
  const table = numbered.table({ id: '7', table_number: '1', status: 'occupied', current_guest_id: '7' })
  const numberedRows = {
    restaurants: [restaurant('42', { slug: 'numbered' })],
    users: [numbered.user({ id: '7', role: 'owner' })],
    restaurant_tables: [table],
    guests: [numbered.guest({ id: '7', table_id: '7', status: 'Seated' })],
  }
  const own = {
    // Columns that QTable has no place for, and nothing in them but one count of visits.
    restaurants: [
      restaurant(RESTAURANT, { timezone: 'Mars/Olympus', settings: {}, address: null, subscription_tier: ' ' }),
      restaurant(OWNERLESS, { settings: null }),
    ],
    users: [{ ...owner, permissions: [] }, host, manager],
    guests: [make.guest({ total_visits: 0 }), make.guest({ total_visits: 3 })],
  }
  const heir: Damage = {
    name: 'no owner',
    rows: {},
    lines: [`users ${manager.id}: is manager, and the restaurant has no owner who may sign in -> owner now`],
    expected: [
      { table: 'staff', id: manager.id, row: { role: 'owner' } },
      { table: 'staff', id: host.id, row: { role: 'host' } },
    ],
  }
  const zone: Damage = {
    name: 'a time zone that is none',
    rows: {},
    lines: [`restaurants ${RESTAURANT}: timezone "Mars/Olympus" is not known -> taken as UTC`],
    expected: [{ table: 'restaurants', id: RESTAURANT, row: { time_zone: 'UTC' } }],
  }
  const [restaurantId, guestId, tableId] = [
    idOf('restaurants', '42'),
    idOf('guests', '7'),
    idOf('restaurant_tables', '7'),
  ]
  const ids: Damage = {
    name: 'ids that are no UUIDs',
    rows: {},
    lines: [
      `restaurants 42: the id is no UUID -> its id is ${restaurantId} now`,
      `guests 7: the id is no UUID -> its id is ${guestId} now`,
      `restaurant_tables 7: the id is no UUID -> its id is ${tableId} now`,
    ],
    expected: [
      { table: 'guests', id: guestId, row: { restaurant_id: restaurantId, table_id: tableId, status: 'seated' } },
      { table: 'tables', id: tableId, row: { restaurant_id: restaurantId, guest_id: guestId, status: 'occupied' } },
    ],
  }
  const all = [...damage, heir, zone, ids]
  return { rows: merge(base, own, numberedRows, ...all.map((each) => each.rows)), damage: all }
}

/** A column as QTable has it, in a form in which rows can be compared. */
async function find(database: TestDatabase, table: string, id: string): Promise<Record<string, unknown> | null> {
  const key = table === 'restaurants' ? 'restaurant_id' : 'id'
  const rows = await database.sql<{ row: Record<string, unknown> }>(
    `select to_jsonb(t) as row from qtable.${table} t where ${key} = $1`,
    [id],
  )
  return rows[0]?.row ?? null
}

async function check(database: TestDatabase, ran: Ran, damage: readonly Damage[]): Promise<void> {
  const told = new Set(ran.lines)
  for (const { name, lines, expected } of damage) {
    for (const line of lines) expect.soft(told, name).toContain(line)
    for (const { table, id, row } of expected) {
      const found = await find(database, table, id)
      if (row === null) expect.soft(found, name).toBeNull()
      else expect.soft(found, `${name}: ${table} ${id}`).toMatchObject(row)
    }
  }
}

/** The rows of the file of rows set aside. */
function fileOf(ran: Ran): { path: string; kept: { table: string; imported: boolean; row: OldRow }[] } {
  const [name] = readdirSync(ran.folder)
  const path = join(ran.folder, name!)
  const lines = readFileSync(path, 'utf8').trim().split('\n')
  return { path, kept: lines.map((line) => JSON.parse(line) as { table: string; imported: boolean; row: OldRow }) }
}

describe.each(['postgresql', 'sqlite'] as const)('from %s', (kind) => {
  let rows: OldRows
  let damage: Damage[]
  let server: OldServer | undefined
  let from: OldAddress
  let database: TestDatabase
  let ran: Ran
  let begun: string
  beforeAll(async () => {
    const made = await damagedRows(kind === 'sqlite')
    rows = made.rows
    damage = made.damage
    if (kind === 'postgresql') {
      server = await oldPostgres(rows)
      from = { kind, url: server.url }
    } else {
      from = { kind, path: join(ownFolder(), 'old.db') }
      oldSqlite(from.path, rows)
    }
    database = await openDatabase()
    const [{ now }] = (await database.sql<{ now: string }>(
      `select to_jsonb(now() at time zone 'UTC') #>> '{}' as now`,
    )) as [{ now: string }]
    begun = now
    ran = await importInto(database, from)
    if (FULL) console.log(ran.lines.slice(-12).join('\n'))
  }, 600_000)
  afterAll(async () => {
    await database.close()
    await server?.close()
  })

  test('I1: every row is accounted for: read = imported + unchanged + set aside', () => {
    expect(ran.ok, ran.lines.filter((line) => /fail|refus/.test(line)).join('\n')).toBe(true)
    for (const [kind, all] of Object.entries(rows) as [keyof OldRows, OldRow[]][]) {
      const counts = ran.tally[kind]
      expect(counts.read, kind).toBe(all.length)
      expect(counts.imported + counts.setAside, kind).toBe(all.length)
      expect(counts.unchanged + counts.refused).toBe(0)
    }
    expect(ran.lines.join('\n')).toContain('Everything is accounted for')
  })

  test('I5: each kind of damage is told in a line of its own and mended as said', LONG, async () => {
    await check(database, ran, damage)
    const told = ran.lines.filter((line) => line.includes(' -> '))
    expect(new Set(told).size).toBe(told.length)
    // Nothing else was found wrong: every other row is healthy.
    const expected = new Set(damage.flatMap((each) => each.lines))
    const uncalled = told.filter((line) => !expected.has(line))
    expect(uncalled).toEqual([`users 7: the id is no UUID -> its id is ${idOf('users', '7')} now`])
  })

  test('I1: rows that have no place, and those of which something was cut, are kept whole in a file for its owner only', () => {
    const { path, kept } = fileOf(ran)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(ran.lines.join('\n')).toContain(path)
    const wanted = damage.flatMap((each) => each.setAside ?? []).map((row) => row['id'])
    expect(kept).toHaveLength(wanted.length)
    expect(new Set(kept.map(({ row }) => row['id']))).toEqual(new Set(wanted))
    const first = damage.find((each) => each.name === 'e-mails')!.setAside![0]!
    expect(kept.find(({ row }) => row['id'] === first['id'])!.row).toMatchObject(
      kind === 'sqlite' ? { ...first, is_active: 1 } : first,
    )
  })

  test('I1: columns that have no place are counted where they hold something', () => {
    const told = ran.lines.find((line) => line.startsWith('Columns that QTable has no place for'))
    const withEmail = rows.restaurants.filter((row) => row['email']).length
    expect(told?.split(': ')[1]).toBe(`restaurants.email (${withEmail}), guests.total_visits (1)`)
  })

  test('I6: a second import of the same changes nothing', LONG, async () => {
    const before = await dump(database)
    const again = await importInto(database, from)
    expect(again.ok).toBe(true)
    for (const [kind, counts] of Object.entries(again.tally))
      expect([kind, counts.imported, counts.unchanged]).toEqual([kind, 0, counts.read - counts.setAside])
    expect(await dump(database)).toEqual(before)
  })

  test('I6: into another database the same comes of it', LONG, async () => {
    const other = await openDatabase()
    try {
      await importInto(other, from)
      expect(await dump(other, begun)).toEqual(await dump(database, begun))
    } finally {
      await other.close()
    }
  })

  test('I8: a dry run says the same and leaves nothing', LONG, async () => {
    const other = await openDatabase()
    try {
      const dry = await importInto(other, from, { dryRun: true })
      expect(dry.tally).toEqual(ran.tally)
      expect(addsUp(dry.tally)).toBe(true)
      expect(dry.lines.filter((line) => line.includes(' -> '))).toEqual(
        ran.lines.filter((line) => line.includes(' -> ')),
      )
      expect(Object.values(await dump(other)).flat()).toEqual([])
      expect(readdirSync(dry.folder)).toEqual([])
    } finally {
      await other.close()
    }
  })
})
