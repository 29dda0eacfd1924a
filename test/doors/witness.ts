import pg from 'pg'
import { expect } from 'vitest'
import type { Device, Restaurant, TestApp } from '../kit.ts'

/** Watches what is stored and what is announced, beside the application: through SQL as a superuser, and as a device. */
export interface Witness {
  /** Everything that is stored, in one hash. */
  everything(): Promise<string>
  /** Every row of a restaurant, in every table that has rows of restaurants. */
  rowsOf(restaurantId: string): Promise<unknown[]>
  /** The ids that a restaurant has of each kind. */
  idsOf(restaurantId: string): Promise<{ table: string[]; guest: string[] }>
  close(): Promise<void>
}

export async function openWitness({ database }: TestApp): Promise<Witness> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const { rows } = await client.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
     where a.attname = 'restaurant_id' and c.relkind in ('r', 'p') and pg_table_is_visible(c.oid) order by 1`,
  )
  const names = rows.map(({ name }) => name)
  expect(names).toEqual(expect.arrayContaining(['changes', 'guests', 'heads', 'mutations', 'staff', 'tables']))
  const hash = `select md5(coalesce(string_agg(x, chr(10) order by x), '')) as hash from (${names
    .map((name) => `select '${name} ' || t::text as x from ${name} t`)
    .join(' union all ')}) all_rows`
  const dump = names
    .map((name) => `select '${name}' as "of", to_jsonb(t) as row, t::text as x from ${name} t where restaurant_id = $1`)
    .join(' union all ')
  const ids = async (table: string, restaurantId: string) =>
    (
      await client.query<{ id: string }>(`select id from ${table} where restaurant_id = $1 order by id`, [restaurantId])
    ).rows.map(({ id }) => id)
  return {
    everything: async () => (await client.query<{ hash: string }>(hash)).rows[0]!.hash,
    rowsOf: async (restaurantId) => (await client.query(`${dump} order by 1, 3`, [restaurantId])).rows as unknown[],
    idsOf: async (restaurantId) => ({
      table: await ids('tables', restaurantId),
      guest: await ids('guests', restaurantId),
    }),
    close: () => client.end(),
  }
}

/** Two devices of a restaurant. */
export interface Ears {
  /** Forgets what was heard so far. */
  attend(): Promise<void>
  /** Proves that nothing reached them since the last look: a change made now is the next thing they hear. */
  heardNothing(): Promise<void>
}

let probes = 0

export async function openEars(restaurant: Restaurant): Promise<Ears> {
  const devices: Device[] = [await restaurant.device('/realtime'), await restaurant.device('/ws/restaurant/sync')]
  let from = [0, 0]
  const look = async () => {
    const number = `ear ${++probes}`
    const id = await restaurant.table(number)
    const heard = []
    for (const [index, device] of devices.entries()) {
      await device.until((all) => all.some((message) => message['data']?.tableNumber === number))
      heard.push(device.messages.slice(from[index]).filter(({ type }) => type !== 'heartbeat'))
    }
    from = devices.map(({ messages }) => messages.length)
    return { id, heard }
  }
  await look()
  return {
    async attend() {
      await look()
    },
    async heardNothing() {
      const { id, heard } = await look()
      const probe = [{ type: 'table_updated', table_id: id, action: 'created' }]
      expect(heard).toMatchObject([probe, probe])
    },
  }
}
