import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startApp, type Restaurant, type TestApp } from '../../test/kit.ts'
import { newId } from '../platform/ids.ts'
import { upTo } from '../../test/patience.ts'

const BATCHES = Number(process.env['BATCHES'] ?? 100)

let app: TestApp
let r: Restaurant
beforeAll(async () => {
  app = await startApp({ POOL_SIZE: '24' })
})
beforeEach(async () => {
  r = await app.restaurant()
})
afterAll(() => app.close())

const atomic = (body: object) =>
  app.call(
    'POST',
    '/api/v1/atomic/batch',
    { transaction_id: newId(), timestamp: 'now', ...body },
    { authorization: `Bearer ${r.token}` },
  )
const dump = async () =>
  JSON.stringify([
    await app.database.sql('select * from qtable.guests where restaurant_id = $1 order by id', [r.id]),
    await app.database.sql('select * from qtable.tables where restaurant_id = $1 order by id', [r.id]),
    await app.database.sql('select * from qtable.tombstones where restaurant_id = $1 order by id', [r.id]),
    await app.database.sql('select seq from qtable.heads where restaurant_id = $1', [r.id]),
  ])

test('B1: every kind of operation, in one change, told as one transaction', async () => {
  const [g, gone, t, goneTable] = [await r.walkIn('G'), await r.walkIn('Gone'), await r.table('1'), await r.table('2')]
  const [newGuest, newTable] = [newId(), newId()]
  const device = await r.device('/ws/restaurant/sync')
  const { body } = await atomic({
    guests: [
      {
        id: newGuest,
        operation: 'create',
        data: { firstName: 'New', party_size: 3, status: 'seated', tableId: newTable },
      },
      { id: g, operation: 'update', data: { status: 'Seated', table_id: t, notes: 'n' } },
      { id: gone, operation: 'delete' },
    ],
    tables: [
      { id: newTable, operation: 'create', data: { tableNumber: '9', capacity: 4, position: { x: 400, y: 300 } } },
      { id: t, operation: 'update', data: { capacity: 8 } },
      { id: goneTable, operation: 'delete' },
    ],
  })
  expect(body).toMatchObject({ success: true, error: null, rolled_back: null })
  expect(
    body.results.map((each: Record<string, unknown>) => [each['entity_type'], each['entity_id'], each['status']]),
  ).toEqual([
    ['table', newTable, 'created'],
    ['table', t, 'updated'],
    ['table', goneTable, 'deleted'],
    ['guest', newGuest, 'created'],
    ['guest', g, 'updated'],
    ['guest', gone, 'deleted'],
  ])
  expect(body.results[3].data).toMatchObject({ id: newGuest, status: 'Seated', tableId: newTable, partySize: 3 })
  const [change] = await app.database.sql<{ n: number }>(
    `select json_array_length(entries) as n from qtable.changes where restaurant_id = $1 and command = 'run-batch'`,
    [r.id],
  )
  expect(change).toEqual({ n: 6 })
  await device.until((heard) => heard.at(-1)?.['type'] === 'atomic_transaction_complete')
  expect(device.messages.at(-1)!['affected_entities'].sort()).toEqual(
    [
      `guest-${newGuest}`,
      `guest-${g}`,
      `guest-${gone}`,
      `table-${newTable}`,
      `table-${t}`,
      `table-${goneTable}`,
    ].sort(),
  )
})

test('B1, L6: a failure at each position of a batch of 20 leaves nothing behind', async () => {
  const tables = await Promise.all(Array.from({ length: 10 }, (_, i) => r.table(`${i}`)))
  const guests = await Promise.all(Array.from({ length: 10 }, (_, i) => r.walkIn(`G${i}`)))
  const before = await dump()
  const bad = [
    { id: newId(), operation: 'update', data: { notes: 'nobody' } },
    { id: newId(), operation: 'delete' },
    { id: guests[0]!, operation: 'update', data: { table_id: newId() } },
    { id: guests[0]!, operation: 'update', data: { party_size: 'many' } },
    { id: guests[1]!, operation: 'create', data: { first_name: 'Twice', party_size: 2 } },
    { id: newId(), operation: 'create', data: { first_name: 'No size' } },
  ]
  for (let at = 0; at < 20; at++) {
    const good = guests.map((id, i) => ({ id, operation: 'update', data: { status: 'Seated', table_id: tables[i] } }))
    const more = Array.from({ length: 9 }, (_, i) => ({
      id: newId(),
      operation: 'create',
      data: { first_name: `N${i}`, party_size: 1 },
    }))
    const operations: object[] = [...good, ...more]
    operations.splice(at, 0, bad[at % bad.length]!)
    const { status, body } = await atomic({ guests: operations })
    expect([status, body.success, body.rolled_back, body.results], `position ${at}`).toEqual([200, false, true, []])
    expect(body.error).toBeTruthy()
  }
  expect(await dump()).toBe(before)
})

test('B1, L5: the same transaction sent again has no second effect and the same results', async () => {
  const body = {
    transaction_id: 'again',
    guests: [{ id: newId(), operation: 'create', data: { first_name: 'Once', party_size: 2 } }],
  }
  const answers = await Promise.all(Array.from({ length: 5 }, () => atomic(body)))
  expect(new Set(answers.map((each) => JSON.stringify(each.body.results))).size).toBe(1)
  expect((await r.call('GET', '/guests')).body).toHaveLength(1)
})

test(
  `B1, L1: ${BATCHES} batches at once on one restaurant neither deadlock nor interleave`,
  { timeout: upTo(300_000) },
  async () => {
    const tables = await Promise.all(Array.from({ length: 6 }, (_, i) => r.table(`${i}`)))
    const guests = await Promise.all(Array.from({ length: 6 }, (_, i) => r.walkIn(`G${i}`)))
    const turned = <T>(list: readonly T[], by: number) => list.map((_, i) => list[(i + by) % list.length]!)
    const batch = (n: number) =>
      atomic({
        guests: turned(guests, n % 6).map((id, i) => ({
          id,
          operation: 'update',
          data: { status: 'Seated', table_id: tables[(i * 5 + n) % 6], notes: `batch ${n}` },
        })),
        tables: turned(tables, (n * 5) % 6).map((id) => ({ id, operation: 'update', data: { section: `batch ${n}` } })),
      })
    const answers = await Promise.all(Array.from({ length: BATCHES }, (_, n) => batch(n)))
    expect(answers.filter(({ body }) => !body.success).map(({ body }) => body.error)).toEqual([])
    const rows = await app.database.sql<{ notes: string }>(
      `select notes from qtable.guests where restaurant_id = $1 union all select section from qtable.tables where restaurant_id = $1`,
      [r.id],
    )
    expect(new Set(rows.map(({ notes }) => notes)).size).toBe(1)
    const changes = await app.database.sql<{ told: string[] }>(
      `select array(select distinct coalesce(e->'value'->>'notes', e->'value'->>'section') from json_array_elements(entries) e) as told
     from qtable.changes where restaurant_id = $1 and command = 'run-batch' order by seq`,
      [r.id],
    )
    expect(changes).toHaveLength(BATCHES)
    for (const { told } of changes) expect(told).toHaveLength(1)
  },
)

test('B2: each that can be done is done, the rest are told why, in one change', async () => {
  const [g, t] = [await r.walkIn(), await r.table('1')]
  const { body } = await r.v2('POST', '/each', {
    operations: [
      { command: 'update-guest', input: { guestId: g, notes: 'one' } },
      { command: 'update-guest', input: { guestId: newId(), notes: 'two' } },
      { command: 'add-table', input: { number: '1', capacity: 2, x: 0, y: 0 } },
      { command: 'seat-guest', input: { guestId: g, tableId: t } },
    ],
  })
  expect(body.result.results.map((each: { ok: boolean; code?: string }) => each.code ?? each.ok)).toEqual([
    true,
    'guest-not-found',
    'table-number-taken',
    true,
  ])
  const [row] = await app.database.sql<{ entries: { kind: string; event: string }[] }>(
    `select entries from qtable.changes where restaurant_id = $1 and seq = $2`,
    [r.id, body.seq],
  )
  expect(row!.entries.map(({ kind, event }) => `${kind} ${event}`)).toEqual(['guest batched', 'table assigned'])
})
