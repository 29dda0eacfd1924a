import { afterAll, beforeAll, expect, test } from 'vitest'
import { colleague, goodAddress, goodBody, isDone, knowingBody, operations, type Ids } from '../doors/operations.ts'
import { startApp, type Restaurant, type TestApp } from '../kit.ts'
import { budgets, listBudgets, type Budget } from './budgets.ts'
import { count } from './count.ts'
import { fill } from './fill.ts'

/** Rows of each kind that a restaurant has. */
const ROWS = [1, 10, 1_000]

let app: TestApp

beforeAll(async () => {
  app = await startApp({ HISTORY_DAYS: '0' })
})
afterAll(() => app.close())

/** A restaurant with so many tables, guests and reservations, and one of each that is free to be changed. */
async function furnished(rows: number): Promise<{ restaurant: Restaurant; ids: Ids }> {
  const restaurant = await app.restaurant()
  await fill(app.database.url, restaurant.id, rows)
  const reservation = await restaurant.call('POST', '/reservations', { guest_name: 'Rowan', party_size: 2 })
  const { body } = await restaurant.v2('GET', '/snapshot')
  const ids = {
    restaurant: restaurant.id,
    staff: await colleague(restaurant),
    table: await restaurant.table('one more'),
    guest: await restaurant.walkIn(),
    reservation: reservation.body.id as string,
    epoch: body.epoch as string,
  }
  return { restaurant, ids }
}

test('P20: every operation has a budget, and no budget is of an operation that is gone', () => {
  expect(Object.keys(budgets).toSorted()).toEqual(operations.map(({ name }) => name).toSorted())
})

test(`P20: every operation stays within its budget with ${ROWS.join(', ')} rows`, { timeout: 120_000 }, async () => {
  const seen: Record<string, Budget[]> = {}
  for (const rows of ROWS) {
    for (const op of operations) {
      const { restaurant, ids } = await furnished(rows)
      const body = (await knowingBody(op, restaurant)) ?? (op.body && goodBody(op, ids))
      const token =
        op.door === 'v2' && op.name === 'sign-out' ? (await restaurant.signIn()).accessToken : restaurant.token
      const headers = op.isPublic ? {} : { authorization: `Bearer ${token}` }
      if (op.name === 'move-guest')
        await restaurant.v2('POST', `/guests/${ids.guest}/seat`, { tableId: await restaurant.table('from here') })
      // Who it is, is known for 2 s from here on.
      app.app.identities.forget(restaurant.staffId)
      await app.call('GET', `/v2/restaurants/${restaurant.id}/tables`, undefined, headers)
      const ran = await count(async () => {
        const answer = await app.call(op.method, goodAddress(op, ids), body, headers)
        expect(isDone(op, answer), `${op.name}: ${answer.status} ${answer.text}`).toBe(true)
      })
      ;(seen[op.name] ??= []).push(ran)
    }
  }
  const over = Object.entries(seen).flatMap(([name, ran]) => {
    const budget = budgets[name]
    const same = ran.every(({ statements, trips }) => statements === ran[0]!.statements && trips === ran[0]!.trips)
    const fits =
      budget && ran.every(({ statements, trips }) => statements <= budget.statements && trips <= budget.trips)
    return same && fits ? [] : [{ name, budget, ran: ran.map(({ statements, trips }) => [statements, trips]) }]
  })
  expect(over).toEqual([])
})

test('P20: a list of commands is as many trips with 1,000 parts as with 10', { timeout: 120_000 }, async () => {
  const { restaurant } = await furnished(1)
  const ran: Record<string, Budget[]> = {}
  const call = async (name: string, run: () => Promise<{ status: number; text: string }>) => {
    app.app.identities.forget(restaurant.staffId)
    await restaurant.v2('GET', '/tables')
    const counted = await count(async () => {
      const answer = await run()
      expect(answer.status, answer.text.slice(0, 500)).toBe(200)
      expect(answer.text).not.toContain('"success":false')
    })
    ;(ran[name] ??= []).push(counted)
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
      ios('/api/v1/atomic/batch', { restaurant_id: restaurant.id, transaction_id: `t${parts}`, guests: status }),
    )
    await call('run-batch: seat', () => restaurant.v2('POST', '/batch', { operations: seats }))
    await call('run-each: clear', () => restaurant.v2('POST', '/each', { operations: clears }))
    await call('sync batch', () =>
      ios('/api/sync/batch', {
        restaurant_id: restaurant.id,
        updates: guests.map((id) => ({ entity_type: 'guest', entity_id: id, data: { notes: 'again' } })),
      }),
    )
  }
  // Each part is one statement for each row that it writes, and two more where it may fail alone.
  for (const [name, { fixed, each, trips }] of Object.entries(listBudgets))
    expect(ran[name], name).toEqual([10, 1_000].map((parts) => ({ statements: fixed + each * parts, trips })))
})
