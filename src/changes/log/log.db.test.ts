import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { openDatabase, type TestDatabase } from '../../../test/database.ts'
import { registerRestaurant } from '../../staff/register-restaurant.ts'
import { statement } from '../../platform/database/db.ts'
import { newId } from '../../platform/ids.ts'
import { clockOf, systemClock } from '../../platform/clock.ts'
import { command, type ChangeDeps, type Context } from '../command/command.ts'
import { execute } from '../command/execute.ts'
import type { Change } from './log.ts'
import { upTo } from '../../../test/patience.ts'

const WRITERS = 8
const COMMANDS = Number(process.env['LOG_COMMANDS'] ?? 1_000)

let database: TestDatabase
let deps: ChangeDeps
let context: Context
const published: Change[] = []

beforeAll(async () => {
  database = await openDatabase(WRITERS + 6)
  const clock = systemClock()
  deps = { db: database.db, clock, newId, publish: (change) => void published.push(change) }
  const registration = {
    restaurantName: 'Log',
    email: 'log@log.example',
    password: 'x',
    firstName: null,
    lastName: null,
  }
  const { restaurantId, staffId } = await registerRestaurant(deps, registration)
  context = { restaurantId, actor: { staffId, role: 'owner' } }
})
afterAll(() => database.close())

const pause = statement('test-pause', 'select pg_sleep($1)')
/** Takes its number for the naive cursors early and commits late, as any real transaction may. */
const work = command({
  name: 'test-work',
  summary: '',
  method: 'POST',
  path: '/test',
  role: 'host',
  inBatch: false,
  budget: [0, 0],
  input: z.object({ millis: z.number() }),
  answer: z.unknown(),
  async run(w, { millis }) {
    const id = newId()
    const [{ id: naiveId }] = (await w.tx.all<{ id: number }>(naive, [w.restaurantId, id, w.now])) as [{ id: number }]
    await w.tx.all(pause, [millis / 1000])
    w.put('thing', id, 'created', 1, { id, naiveId, at: w.now })
    return id
  },
})
const naive = statement(
  'test-naive',
  `insert into naive (restaurant_id, id, updated_at) values ($1, $2, $3) returning naive_id as id`,
)

interface Control {
  readonly name: string
  readonly sql: string
  cursor: unknown
  seen: Set<string>
}

test(
  `L1, L3, L8: ${WRITERS} writers, ${COMMANDS} commands: cursors by seq and by time miss nothing, naive ones do`,
  { timeout: upTo(300_000) },
  async () => {
    await database.sql(
      `create table qtable.naive (restaurant_id uuid, naive_id bigserial, id uuid, updated_at timestamptz)`,
    )
    await database.sql(
      `grant select, insert on qtable.naive to qtable_app; grant usage on sequence qtable.naive_naive_id_seq to qtable_app`,
    )
    const where = `where restaurant_id = '${context.restaurantId}'`
    const controls: Control[] = [
      {
        name: 'seq',
        cursor: '0',
        seen: new Set(),
        sql: `select seq as cursor, entries->0->>'id' as id from qtable.changes ${where} and seq > $1 order by 1`,
      },
      {
        name: 'time of the change',
        cursor: '-infinity',
        seen: new Set(),
        sql: `select at::text as cursor, entries->0->>'id' as id from qtable.changes ${where} and at > $1 order by at`,
      },
      {
        name: 'naive id',
        cursor: '0',
        seen: new Set(),
        sql: `select naive_id as cursor, id from qtable.naive ${where} and naive_id > $1 order by 1`,
      },
      {
        name: 'naive updated_at',
        cursor: '-infinity',
        seen: new Set(),
        sql: `select updated_at::text as cursor, id from qtable.naive ${where} and updated_at > $1 order by updated_at`,
      },
    ]
    const poll = async (control: Control) => {
      const rows = await database.sql<{ cursor: unknown; id: string }>(control.sql, [control.cursor])
      for (const { id } of rows) control.seen.add(id)
      control.cursor = rows.at(-1)?.cursor ?? control.cursor
    }

    const stop = new AbortController()
    const polling = controls.map(async (control) => {
      while (!stop.signal.aborted) await poll(control)
      await poll(control)
    })
    let left = COMMANDS
    const writer = async (n: number) => {
      while (left-- > 0) await execute(deps, work, context, { millis: ((left * 7 + n) % 5) * 0.5 })
    }
    await Promise.all(Array.from({ length: WRITERS }, (_, n) => writer(n)))
    stop.abort()
    await Promise.all(polling)

    const log = await database.sql<{ seq: string; at: string; id: string }>(
      `select seq, at::text, entries->0->>'id' as id from qtable.changes ${where} order by seq`,
    )
    const missed = Object.fromEntries(controls.map(({ name, seen }) => [name, COMMANDS - seen.size]))
    console.log(`missed of ${COMMANDS}: ${JSON.stringify(missed)}`)
    expect(log.map(({ seq }) => Number(seq))).toEqual(Array.from({ length: COMMANDS }, (_, i) => i + 1))
    expect(log.every(({ at }, i) => i === 0 || at > log[i - 1]!.at || at.length !== log[i - 1]!.at.length)).toBe(true)
    expect(missed).toMatchObject({ seq: 0, 'time of the change': 0 })
    expect(missed['naive id']).toBeGreaterThan(0)
    expect(missed['naive updated_at']).toBeGreaterThan(0)
  },
)

test('L2, L4: what was published is the log: one change a command, after its commit', async () => {
  const log = await database.sql<{ seq: string; entries: unknown[] }>(
    'select seq, entries from qtable.changes order by seq',
  )
  const bySeq = new Map(published.map((change) => [change.seq, change]))
  expect(bySeq.size).toBe(published.length)
  expect(log).toHaveLength(published.length)
  for (const { seq, entries } of log) expect(bySeq.get(Number(seq))?.entries).toEqual(entries)
})

test('L3: a clock that runs back does not move the log back', async () => {
  const back: ChangeDeps = { ...deps, clock: clockOf(() => '2001-01-01T00:00:00.000000Z' as never) }
  const before = published.at(-1)!
  await execute(back, work, context, { millis: 0 })
  expect(published.at(-1)!.at > before.at).toBe(true)
})
