import pg from 'pg'
import { expect } from 'vitest'
import { nouns, type Kind } from '../../src/floor/nouns.ts'
import { openDevice, type Device, type Message, type Restaurant, type TestApp } from '../kit.ts'

/** Watches what is stored and what is announced, beside the application: through SQL as a superuser, and as a device. */
export interface Witness {
  /** Everything that is stored, in one hash; `except` names tables that are left out. */
  everything(except?: readonly string[]): Promise<string>
  /** Everything that is stored of one restaurant, in one hash. */
  everythingOf(restaurantId: string, except?: readonly string[]): Promise<string>
  /** Every row of a restaurant, in every table that has rows of restaurants. */
  rowsOf(restaurantId: string): Promise<unknown[]>
  /** The ids that a restaurant has of each kind; of staff all but the owner who registered. */
  idsOf(restaurantId: string): Promise<Record<Kind | 'device' | 'message' | 'person', string[]>>
  /** The place of the newest change in a restaurant's log. */
  seqOf(restaurantId: string): Promise<number>
  /** The changes after a place in the log: their commands, and how many entities they touched. */
  changesAfter(restaurantId: string, seq: number): Promise<{ command: string; touched: number }[]>
  close(): Promise<void>
}

export async function openWitness({ database }: TestApp): Promise<Witness> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const { rows } = await client.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
     where a.attname = 'restaurant_id' and c.relkind in ('r', 'p') and not c.relispartition and pg_table_is_visible(c.oid) order by 1`,
  )
  const names = rows.map(({ name }) => name)
  expect(names).toEqual(
    expect.arrayContaining([
      'changes',
      'heads',
      'mutations',
      'sign_ins',
      'tombstones',
      ...nouns.map(({ table }) => table),
    ]),
  )
  const rowsIn = (except: readonly string[], where = '') =>
    names
      .filter((name) => !except.includes(name))
      .map((name) => `select '${name}' as "of", to_jsonb(t) as row, t::text as x from ${name} t ${where}`)
      .join(' union all ')
  const OF_ONE = 'where restaurant_id = $1'
  const hash = async (all: string, values: readonly string[]) => {
    const sql = `select md5(coalesce(string_agg("of" || ' ' || x, chr(10) order by "of", x), '')) as hash from (${all}) all_rows`
    return (await client.query<{ hash: string }>(sql, [...values])).rows[0]!.hash
  }
  const ids = ({ kind, table }: (typeof nouns)[number]) => {
    const order = kind === 'staff' ? 'created_at, id offset 1' : 'id'
    return `array(select id from ${table} ${OF_ONE} order by ${order}) as "${kind}"`
  }
  const beside = ['device', 'message'].map((kind) => `array(select id from ${kind}s ${OF_ONE} order by id) as ${kind}`)
  const people = `array(select id from people ${OF_ONE} and merged_into is null order by id) as person`
  const idsOf = `select ${[...nouns.map(ids), ...beside, people].join(', ')}`
  return {
    everything: (except = []) => hash(rowsIn(except), []),
    everythingOf: (restaurantId, except = []) => hash(rowsIn(except, OF_ONE), [restaurantId]),
    rowsOf: async (restaurantId) => (await client.query(`${rowsIn([], OF_ONE)} order by 1, 3`, [restaurantId])).rows,
    idsOf: async (restaurantId) =>
      (await client.query<Awaited<ReturnType<Witness['idsOf']>>>(idsOf, [restaurantId])).rows[0]!,
    seqOf: async (restaurantId) =>
      (await client.query<{ seq: number }>(`select seq::int from heads ${OF_ONE}`, [restaurantId])).rows[0]!.seq,
    changesAfter: async (restaurantId, seq) => {
      const sql = `select command, jsonb_array_length(to_jsonb(entries)) as touched from changes ${OF_ONE} and seq > $2 order by seq`
      return (await client.query<{ command: string; touched: number }>(sql, [restaurantId, seq])).rows
    },
    close: () => client.end(),
  }
}

/** What is stored of a list of which nothing could be done: an empty change, and what its mutation id was answered. */
export const TOLD_OF = ['changes', 'heads', 'mutations']

/** Three devices of a restaurant: one of each kind. */
export interface Ears {
  /** Forgets what was heard so far. */
  attend(): Promise<void>
  /**
   * Proves that nothing reached them since the last look: a change made now is the next thing they hear. `but`: lists that touched nothing are told of as
   * the contract has it, with an `atomic_transaction_complete` of no entities.
   */
  heardNothing(but?: 'empty lists'): Promise<void>
}

let probes = 0

export async function openEars({ base }: TestApp, restaurant: Restaurant): Promise<Ears> {
  const query = `?restaurant_id=${restaurant.id}&token=${restaurant.token}`
  const devices: Device[] = [
    await restaurant.device('/realtime'),
    await restaurant.device('/ws/restaurant/sync'),
    await openDevice(base, `/realtime${query}&reservations=1`),
  ]
  let from = [0, 0, 0]
  const look = async () => {
    const number = `ear ${++probes}`
    const id = await restaurant.table(number)
    const heard = []
    for (const [index, device] of devices.entries()) {
      await device.until((all) => all.some((message) => message['data']?.tableNumber === number))
      heard.push(device.messages.slice(from[index]))
    }
    from = devices.map(({ messages }) => messages.length)
    return { id, heard }
  }
  await look()
  return {
    async attend() {
      await look()
    },
    async heardNothing(but) {
      const { id, heard } = await look()
      const isEmptyList = ({ type, affected_entities: of }: Message) =>
        but !== undefined && type === 'atomic_transaction_complete' && of.length === 0
      const probe = [{ type: 'table_updated', table_id: id, action: 'created' }]
      expect(heard.map((all) => all.filter((message) => !isEmptyList(message)))).toMatchObject([probe, probe, probe])
    },
  }
}
