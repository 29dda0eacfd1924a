import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { startApp, type Answer, type Restaurant, type TestApp } from '../../test/kit.ts'

/**
 * The order of locks, seen from outside: while something that comes first in it is held by another, a command holds nothing that comes later. A wrong order is a
 * deadlock that the database ends and a repeat hides.
 */

let app: TestApp
let r: Restaurant
let holder: pg.Client
let looker: pg.Client

const connect = async (): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: app.database.url })
  await client.connect()
  return client
}

beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())
beforeEach(async () => {
  r = await app.restaurant()
  ;[holder, looker] = [await connect(), await connect()]
})
afterEach(async () => {
  await holder.end()
  await looker.end()
})

type Row = readonly [kind: 'tables' | 'reservations' | 'guests', id: string]

/** Whether nobody holds a row. */
async function isFree([kind, id]: Row): Promise<boolean> {
  const { rowCount } = await looker.query(`select from qtable.${kind} where id = $1 for update skip locked`, [id])
  return rowCount === 1
}

/** Waits until some statement of this database waits for a lock that `holder` has. */
async function someoneWaits(): Promise<void> {
  const waiting = async () =>
    (await looker.query('select from pg_locks where not granted and locktype in ($1, $2)', ['transactionid', 'tuple']))
      .rowCount ?? 0
  await expect.poll(waiting).toBeGreaterThan(0)
}

/** Holds `first` while `command` runs, and expects that it holds none of `later` meanwhile, and is done afterwards. */
async function expectOrder(first: Row, later: readonly Row[], command: () => Promise<Answer>): Promise<void> {
  await holder.query('begin')
  await holder.query(`select from qtable.${first[0]} where id = $1 for update`, [first[1]])
  const answer = command()
  await someoneWaits()
  const free = await Promise.all(later.map(isFree))
  await holder.query('commit')
  expect((await answer).status, (await answer).text).toBe(200)
  expect(free, `${later.map(([kind]) => kind).join(', ')} behind ${first[0]}`).toEqual(later.map(() => true))
}

const reserve = async (): Promise<string> =>
  (await r.v2('POST', '/reservations', { guestName: 'Hopper', partySize: 2 })).body.result.id

const inOrder = (ids: readonly string[]): string[] => [...ids].sort()

test('L18: seating, moving, changing and deleting a guest lock the table before the guest', async () => {
  const [table, other, guest] = [await r.table('1'), await r.table('2'), await r.walkIn()]
  const tables: Row = ['tables', table]
  const guests: readonly Row[] = [['guests', guest]]
  await expectOrder(tables, guests, () => r.v2('POST', `/guests/${guest}/seat`, { tableId: table }))
  await expectOrder(tables, guests, () => r.v2('PATCH', `/guests/${guest}`, { notes: 'at the window' }))
  await expectOrder(tables, guests, () => r.v2('POST', `/guests/${guest}/move`, { tableId: other }))
  await expectOrder(['tables', other], guests, () => r.v2('DELETE', `/guests/${guest}`))
})

test('L18: changing and clearing a table lock it before whoever is there or comes', async () => {
  const [table, guest] = [await r.table('1'), await r.walkIn()]
  const tables: Row = ['tables', table]
  const guests: Row = ['guests', guest]
  await expectOrder(tables, [guests], () => r.v2('PATCH', `/tables/${table}`, { partyId: guest }))
  await expectOrder(tables, [guests], () => r.v2('PATCH', `/tables/${table}`, { status: 'available' }))
  await r.v2('POST', `/guests/${guest}/seat`, { tableId: table, force: true })
  await expectOrder(tables, [guests], () => r.v2('POST', `/tables/${table}/clear`))
})

test('L18: a reservation is locked after its tables and before guests', async () => {
  const [table, reservation, guest] = [await r.table('1'), await reserve(), await r.walkIn()]
  const tables: Row = ['tables', table]
  const reservations: Row = ['reservations', reservation]
  await expectOrder(tables, [reservations], () => r.v2('PATCH', `/reservations/${reservation}`, { tableId: table }))
  await expectOrder(tables, [reservations], () => r.v2('POST', `/reservations/${reservation}/cancel`))
  const later = await reserve()
  const operations = [
    { command: 'update-guest', input: { guestId: guest, notes: 'a' } },
    { command: 'update-reservation', input: { reservationId: later, notes: 'b' } },
    { command: 'update-table', input: { tableId: table, section: 'c' } },
  ]
  const laterRow: Row = ['reservations', later]
  const guestRow: Row = ['guests', guest]
  for (const path of ['/batch', '/each']) {
    await expectOrder(tables, [laterRow, guestRow], () => r.v2('POST', path, { operations }))
    await expectOrder(laterRow, [guestRow], () => r.v2('POST', path, { operations }))
  }
})

test('L18: of one kind rows are locked in the order of their ids, whatever the order they are named in', async () => {
  const made = await Promise.all(['1', '2', '3'].map((number) => r.table(number)))
  const tables = inOrder(made)
  const guests = inOrder([await r.walkIn('A'), await r.walkIn('B'), await r.walkIn('C')])
  const reservations = inOrder([await reserve(), await reserve(), await reserve()])
  // The rows lie the other way round in the table, so that only the order of the statement makes it so.
  for (const [kind, ids] of [
    ['tables', tables],
    ['guests', guests],
    ['reservations', reservations],
  ] as const)
    for (const id of ids.toReversed())
      await app.database.sql(`update qtable.${kind} set version = version where id = $1`, [id])
  const named = [...tables.toReversed(), ...guests.toReversed(), ...reservations.toReversed()]
  const operations = named.map((id) => {
    if (tables.includes(id)) return { command: 'update-table', input: { tableId: id, section: 'x' } }
    if (guests.includes(id)) return { command: 'update-guest', input: { guestId: id, notes: 'x' } }
    return { command: 'update-reservation', input: { reservationId: id, notes: 'x' } }
  })
  for (const [kind, ids] of [
    ['tables', tables],
    ['guests', guests],
    ['reservations', reservations],
  ] as const)
    await expectOrder(
      [kind, ids[0]!],
      ids.slice(1).map((id): Row => [kind, id]),
      () => r.v2('POST', '/batch', { operations }),
    )
})
