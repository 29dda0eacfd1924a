import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase, type TestDatabase } from '../../../test/kit.ts'
import { statement, type Tx } from './db.ts'

const TIMES = 10
const RESTAURANT = { restaurantId: '00000000-0000-0000-0000-000000000001' }
const listed = statement('test-listed', 'select id from guests where restaurant_id = $1 and id = any ($2::uuid[])')
const plans = statement(
  'test-plans',
  `select generic_plans::int as once, custom_plans::int as "byValues" from pg_prepared_statements where name = 'test-listed'`,
)

let database: TestDatabase

beforeAll(async () => {
  database = await openDatabase(1)
  // Enough rows for PostgreSQL to find that one of them is found sooner than ten.
  await database.sql(`
    insert into qtable.restaurants (restaurant_id, name, slug, created_at, updated_at)
      values ('${RESTAURANT.restaurantId}', 'Cedar', 'cedar', now(), now());
    insert into qtable.guests (restaurant_id, id, first_name, last_name, party_size, status, created_at, updated_at)
      select '${RESTAURANT.restaurantId}', gen_random_uuid(), 'Ada', 'Okoro', 2, 'waitlist', now(), now() from generate_series(1, 5000);
    analyze qtable.guests`)
})
afterAll(() => database.close())

/** How often the statement has been planned for its values and how often not, on the one connection that there is. */
const planned = async () => (await database.db.read<{ once: number; byValues: number }>(RESTAURANT, plans, []))[0]!

test('what a command asks is planned once, whatever its values; what a read asks may be planned for them', async () => {
  const ask = (tx: Tx) => tx.all(listed, [RESTAURANT.restaurantId, [RESTAURANT.restaurantId]])
  for (let i = 0; i < TIMES; i++) await database.db.transaction(RESTAURANT, ask)
  expect(await planned()).toEqual({ once: TIMES, byValues: 0 })
  for (let i = 0; i < TIMES; i++) await database.db.snapshot(RESTAURANT, ask)
  expect(await planned()).toEqual({ once: TIMES, byValues: TIMES })
})
