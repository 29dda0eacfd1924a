import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type Restaurant, type TestApp } from '../kit.ts'

/** A house that is alone in its database and has had some ten thousand guests: what its lists of the last days read. Further back than the floor in memory goes, so that the database is asked. */

const PAST = 20_000
const EVENING = 300
// PostgreSQL takes one plan for all values after five times, if it ever does.
const TIMES = 12

let app: TestApp
let restaurant: Restaurant
beforeAll(async () => {
  app = await startApp()
  restaurant = await app.restaurant()
  await app.database.sql(
    `insert into qtable.guests (restaurant_id, id, first_name, last_name, party_size, status, ended_at, created_at, updated_at)
     select $1, gen_random_uuid(), 'Ada', 'Okoro', 2, 'finished', at, at, at
     from (select now() - interval '14 days' - g * interval '1 minute' as at from generate_series(1, ${PAST}) g) past`,
    [restaurant.id],
  )
  await app.database.sql(
    `insert into qtable.guests (restaurant_id, id, first_name, last_name, party_size, status, created_at, updated_at)
     select $1, gen_random_uuid(), 'Ada', 'Okoro', 2, 'waitlist', now() - g * interval '1 second', now() from generate_series(1, ${EVENING}) g`,
    [restaurant.id],
  )
  await app.database.sql('vacuum (analyze) qtable.guests')
})
afterAll(() => app.close())

const ask = async (path: string): Promise<void> => expect((await restaurant.v2('GET', path)).status).toBe(200)

/** Rows of guests that were read so far. */
async function rowsRead(path: string): Promise<number> {
  // A session tells what it read with a transaction that ends a second after it last told.
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  await ask(path)
  const [row] = await app.database.sql<{ read: number }>(
    `select (seq_tup_read + idx_tup_fetch)::int as read from pg_stat_user_tables where relid = 'qtable.guests'::regclass`,
  )
  return row!.read
}

test('P21: lists of the last days read no past, however often they are asked for; the list of all guests reads its page', async () => {
  for (const path of ['/guests?limit=50&historyDays=10', '/floor?historyDays=10', '/guests?limit=50&historyDays=0']) {
    const before = await rowsRead(path)
    for (let n = 0; n < TIMES; n++) await ask(path)
    const read = (await rowsRead(path)) - before
    expect(read, path).toBeGreaterThan(TIMES)
    // A session may tell late of what it read before.
    expect(read, path).toBeLessThanOrEqual(2 * TIMES * EVENING)
  }
})
