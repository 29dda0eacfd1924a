import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../../src/platform/ids.ts'
import {
  colleague,
  goodAddress,
  goodBody,
  isDone,
  knowingBody,
  operations,
  type Ids,
  type Operation,
} from '../doors/operations.ts'
import { addPerson, changingBody, oneOfEach, makeReady } from '../doors/one-of-each.ts'
import { startApp, type Restaurant, type TestApp } from '../kit.ts'
import { budgets, endlessBudgets, listBudgets, severalBudgets, type Budget } from './budgets.ts'
import { count } from './count.ts'
import { fill } from './fill.ts'
import { upTo } from '../patience.ts'

/** Rows of each kind that a restaurant has. */
const ROWS = [1, 10, 1_000]

let app: TestApp

beforeAll(async () => {
  app = await startApp({}, { isSole: true })
})
afterAll(() => app.close())

/** An application of another kind, there for `work` only: what it asks for by itself is not counted elsewhere. */
async function beside<T>(env: Record<string, string>, isSole: boolean, work: (of: TestApp) => Promise<T>): Promise<T> {
  const other = await startApp(env, { isSole })
  try {
    return await work(other)
  } finally {
    await other.close()
  }
}

/** A restaurant with so many tables, guests and reservations, whose floor is in memory. */
async function furnished(of: TestApp, rows: number): Promise<Restaurant> {
  const restaurant = await of.restaurant()
  await fill(of.database.url, restaurant.id, rows)
  await restaurant.v2('GET', '/snapshot')
  return restaurant
}

/** What an operation was given, for the next one to remove: some kinds may have few rows only. */
let given: Awaited<ReturnType<typeof oneOfEach>> | undefined
const removals = operations.filter(({ name, door }) => door === 'v2' && name.startsWith('remove-'))

/** One row of each kind that is free to be changed: so whatever was answered before has to be made anew. */
async function fresh(restaurant: Restaurant): Promise<Omit<Ids, 'staff'>> {
  for (const op of given ? removals : []) {
    const address = goodAddress(op, { restaurant: restaurant.id, ...given! })
    await restaurant.v2(op.method, address.replace(`/v2/restaurants/${restaurant.id}`, ''))
  }
  const { body } = await restaurant.v2('GET', '/snapshot')
  given = await oneOfEach(restaurant)
  return { restaurant: restaurant.id, ...given, epoch: body.epoch as string }
}

/** Bodies that change something: what changes nothing is stored nowhere and costs less than is declared. */
const changing = ({
  guest,
  other,
}: Pick<Ids, 'guest'> & { readonly other: string | null }): Readonly<Record<string, object>> => ({
  'merge-people': { otherPersonId: other },
  guestsUpdate: { notes: 'by the window' },
  tablesUpdate: { section: 'Terrace' },
  reservationsUpdate: { notes: 'by the window' },
  syncBatch: { updates: [{ entity_type: 'guest', entity_id: guest, data: { notes: 'by the window' } }], timestamp: '' },
  'update-guest': { notes: 'by the window' },
  'update-person': { notes: 'by the window' },
  'update-table': { section: 'Terrace' },
  'update-reservation': { notes: 'by the window' },
})

/** What an operation costs in a restaurant. */
async function costOf(of: TestApp, restaurant: Restaurant, op: Operation): Promise<Budget> {
  // Whoever is added costs a password's hash: only where somebody is needed.
  const staff = op.path.includes('taff') ? await colleague(restaurant) : restaurant.staffId
  const ids = { ...(await fresh(restaurant)), staff }
  const other = op.name.includes('merge') ? await addPerson(restaurant) : null
  const body =
    changing({ ...ids, other })[op.name] ??
    changingBody(op) ??
    (await knowingBody(op, restaurant)) ??
    (op.body && goodBody(op, ids))
  const token = op.door === 'v2' && op.name === 'sign-out' ? (await restaurant.signIn()).accessToken : restaurant.token
  const headers = op.isPublic ? {} : { authorization: `Bearer ${token}` }
  if (op.name === 'unmerge-people') await restaurant.v2('POST', `/people/${ids.person}/merge`, { otherPersonId: other })
  if (op.name === 'unlink-party') await restaurant.v2('POST', `/people/${ids.person}/parties`, { partyId: ids.guest })
  if (op.name === 'move-guest')
    await restaurant.v2('POST', `/guests/${ids.guest}/seat`, { tableId: await restaurant.table(newId().slice(-20)) })
  if (op.name === 'give-more-time') await restaurant.v2('POST', `/guests/${ids.guest}/notify`, {})
  await makeReady(op.name, restaurant, ids)
  if (['guestStatusAtomic', 'set-guest-status'].includes(op.name))
    await restaurant.v2('PATCH', `/guests/${ids.guest}`, { status: 'confirmed' })
  // Who it is, is known for 2 s from here on.
  of.app.identities.forget(restaurant.staffId)
  await of.call('GET', `/v2/restaurants/${restaurant.id}/tables`, undefined, headers)
  return count(async () => {
    const answer = await of.call(op.method, goodAddress(op, ids), body, headers)
    expect(isDone(op, answer), `${op.name}: ${answer.status} ${answer.text}`).toBe(true)
  })
}

/**
 * Operations that take anything else than what is declared, whatever the rows. Every few seconds the hub asks by itself where the logs end, which may fall into what is
 * counted: so what differs is counted once more.
 */
async function beyond(of: TestApp, declared: Readonly<Record<string, Budget>>): Promise<string[]> {
  const found: string[] = []
  for (const rows of ROWS) {
    let restaurant = await furnished(of, rows)
    for (const [n, op] of operations.entries()) {
      // The log stays shorter than one page of it.
      if (n % 20 === 19) [restaurant, given] = [await furnished(of, rows), undefined]
      const budget = declared[op.name]
      if (!budget) continue
      const isAs = (cost: Budget) => cost.statements === budget.statements && cost.trips === budget.trips
      let cost = await costOf(of, restaurant, op)
      if (!isAs(cost)) cost = await costOf(of, restaurant, op)
      if (!isAs(cost)) found.push(`${op.name}, ${rows} rows: of(${cost.statements}, ${cost.trips})`)
    }
  }
  return found
}

test('P20: every operation has a budget, and no budget is of an operation that is gone', () => {
  const names = operations.map(({ name }) => name).toSorted()
  expect(Object.keys(budgets).toSorted(), 'test/budgets/budgets.ts').toEqual(names)
  expect(Object.keys({ ...severalBudgets, ...endlessBudgets }).filter((name) => !names.includes(name))).toEqual([])
})

test(
  `P20: every operation takes what is declared for it with ${ROWS.join(', ')} rows`,
  { timeout: upTo(240_000) },
  async () => {
    expect(await beyond(app, budgets)).toEqual([])
  },
)

test(
  'P20: reads of one process of several ask where the log ends, and nothing else',
  { timeout: upTo(120_000) },
  async () => {
    expect(await beside({}, false, (of) => beyond(of, severalBudgets))).toEqual([])
  },
)

test('P20: reads that go back further than the floor in memory', { timeout: upTo(120_000) }, async () => {
  expect(await beside({ HISTORY_DAYS: '0' }, true, (of) => beyond(of, endlessBudgets))).toEqual([])
})

test('P20: a list of commands is as many trips with 1,000 parts as with 10', { timeout: upTo(120_000) }, async () => {
  const restaurant = await furnished(app, 1)
  const ran: Record<string, Budget[]> = {}
  const call = async (name: string, run: () => Promise<{ status: number; text: string }>) => {
    app.app.identities.forget(restaurant.staffId)
    await restaurant.v2('GET', '/tables')
    const counted = await count(async () => {
      const answer = await run()
      expect(answer.status, answer.text.slice(0, 500)).toBe(200)
      expect(answer.text).not.toContain('"success":false')
    })
    // What the hub asks by itself every few seconds, where the logs end, is one trip of four statements, and no part of a slow list.
    const asides = Math.max(0, counted.trips - listBudgets[name]!.trips)
    ;(ran[name] ??= []).push({ statements: counted.statements - 4 * asides, trips: counted.trips - asides })
  }
  for (const parts of [10, 1_000]) {
    await fill(app.database.url, restaurant.id, parts)
    const newest = async (of: string) =>
      (
        await app.database.sql<{ id: string }>(
          `select id from qtable.${of} where restaurant_id = $1 and ${of === 'tables' ? 'guest_id' : 'table_id'} is null
           order by created_at desc limit $2`,
          [restaurant.id, parts],
        )
      ).map(({ id }) => id)
    const [guests, tables] = [await newest('guests'), await newest('tables')]
    const status = guests.map((id) => ({ id, operation: 'update', data: { notes: 'by the window' } }))
    const seats = guests.map((guestId, i) => ({ command: 'seat-guest', input: { guestId, tableId: tables[i] } }))
    const clears = tables.map((tableId) => ({ command: 'clear-table', input: { tableId } }))
    const ios = (path: string, body: object) =>
      app.call('POST', path, body, { authorization: `Bearer ${restaurant.token}` })
    await call('atomic batch', () =>
      ios(`/api/v1/atomic/batch?restaurant_id=${restaurant.id}`, {
        transaction_id: `t${parts}`,
        timestamp: '2026-01-01T00:00:00Z',
        guests: status,
        tables: [],
      }),
    )
    await call('run-batch: seat', () => restaurant.v2('POST', '/batch', { operations: seats }))
    await call('run-each: clear', () => restaurant.v2('POST', '/each', { operations: clears }))
    await call('sync batch', () =>
      ios(`/api/sync/batch?restaurant_id=${restaurant.id}`, {
        timestamp: '2026-01-01T00:00:00Z',
        updates: guests.map((id) => ({ entity_type: 'guest', entity_id: id, data: { notes: 'again' } })),
      }),
    )
  }
  // Each part is one statement for each row that it writes, and two more where it may fail alone.
  const planned = Object.entries(listBudgets).map(([name, { fixed, each, trips }]) => [
    name,
    [10, 1_000].map((parts) => ({ statements: fixed + each * parts, trips })),
  ])
  expect(ran).toEqual(Object.fromEntries(planned))
})
