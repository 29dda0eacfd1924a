import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../../src/platform/ids.ts'
import { putVisits, satDaysAgo } from '../visits.ts'
import { changingBody, oneOfEach, makeReady } from './one-of-each.ts'
import { startApp, type Answer, type Restaurant, type TestApp } from '../kit.ts'
import {
  addressOf,
  colleague,
  goodAddress,
  goodBody,
  isDone,
  knowingBody,
  operations,
  pathOf,
  queryOf,
  queryText,
  titleOf,
  type Ids,
  type Operation,
} from './operations.ts'

/** Every operation that the document lists the header Idempotency-Key for does what it says. */

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

const keyed = operations.filter(({ parameters }) => parameters.some(({ name }) => name === 'Idempotency-Key'))

/** A restaurant with one of each, nobody seated. */
async function open(): Promise<{ restaurant: Restaurant; ids: Ids }> {
  const restaurant = await app.restaurant()
  const ids = {
    restaurant: restaurant.id,
    ...(await oneOfEach(restaurant)),
    staff: await colleague(restaurant),
    new: newId(),
  }
  return { restaurant, ids }
}

/** Bodies that do something, of operations whose plainest body does nothing. */
function telling(op: Operation, { guest, table }: Ids): unknown {
  const part = { command: 'update-guest', input: { guestId: guest, notes: 'x' } }
  switch (op.name) {
    case 'run-batch':
    case 'run-each':
      return { operations: [part] }
    case 'atomicBatch':
      return { transaction_id: '', timestamp: '', guests: [{ id: guest, operation: 'update', data: { notes: 'x' } }] }
    case 'syncBatch':
      return {
        timestamp: '2026-11-23T18:00:00Z',
        updates: [{ entity_type: 'guest', entity_id: guest, operation: 'update', data: { notes: 'x' } }],
      }
    case 'batchUpdate':
      return { guests: [{ id: guest, notes: 'x' }] }
    case 'tablesBulk':
      return [{ table_number: 'plan', capacity: 2 }]
    case 'arrange-tables':
      return { tables: [{ number: 'plan' }] }
    case 'seat-guest':
      return { tableId: table }
    case 'update-guest':
    case 'guestsUpdate':
    case 'update-reservation':
    case 'reservationsUpdate':
      return { notes: 'x' }
    case 'update-table':
    case 'tablesUpdate':
      return { capacity: 5 }
    case 'update-staff':
      return op.body && { firstName: 'Ada' }
    default:
      return changingBody(op)
  }
}

const changesOf = async (id: string): Promise<number> =>
  Number(
    (
      await app.database.sql<{ count: string }>('select count(*) from qtable.changes where restaurant_id = $1', [id])
    )[0]!.count,
  )

/** Times of the answer itself, and its id, are its own; all else is given again. */
const same = ({ status, body }: Answer): unknown => [
  status,
  JSON.stringify(body, (key, value: unknown) =>
    ['requestId', 'processed_at', 'timestamp'].includes(key) ? undefined : value,
  ),
]

for (const op of keyed)
  test(`C8, L5: a key makes one effect of two requests, and the repeat says so: ${titleOf(op)}`, async () => {
    const { restaurant, ids } = await open()
    if (op.name === 'move-guest') {
      const seated = { tableId: await restaurant.table('2', 8) }
      expect((await restaurant.v2('POST', `/guests/${ids.guest}/seat`, seated)).status).toBe(200)
    }
    // A day that is over, for turn times to be made of.
    if (op.name === 'refresh-turns') await putVisits(app.database, restaurant.id, [satDaysAgo(3)])
    await makeReady(op.name, restaurant, ids)
    if (op.name === 'set-guest-status') await restaurant.v2('PATCH', `/guests/${ids.guest}`, { status: 'confirmed' })
    const body = telling(op, ids) ?? (await knowingBody(op, restaurant)) ?? (op.body && goodBody(op, ids))
    const send = (key: string, sent = body): Promise<Answer> =>
      app.call(op.method, goodAddress(op, ids), sent, {
        authorization: `Bearer ${restaurant.token}`,
        'idempotency-key': key,
      })
    const key = newId()
    const before = await changesOf(restaurant.id)
    const first = await send(key)
    expect(isDone(op, first), first.text).toBe(true)
    const after = await changesOf(restaurant.id)
    expect(first.headers.get('idempotency-replayed')).toBe(null)
    const second = await send(key)
    expect(same(second)).toEqual(same(first))
    expect(second.headers.get('idempotency-replayed')).toBe('true')
    expect(await changesOf(restaurant.id), 'the repeat had an effect').toBe(after)
    // Sign-ins, people, messages, devices and links stand in no log, and here nothing is due.
    if (!/sign-ins|\/people|\/message|\/devices|\/guest-links|\/expire-due/.test(op.path))
      expect(after, 'the request had no effect').toBe(before + 1)
    // Had the key no meaning, another request under it would be done.
    const other = keyed.find(({ name }) => name === (op.name === 'add-table' ? 'add-guest' : 'add-table'))!
    const reused = await app.call('POST', goodAddress(other, ids), goodBody(other, { ...ids, new: newId() }), {
      authorization: `Bearer ${restaurant.token}`,
      'idempotency-key': key,
    })
    expect([reused.status, reused.body.code]).toEqual([422, 'mutation-id-reused'])
  })

test('C8, L5, N2: a refusal under a key is given again too, though it would be done by now, and says so', async () => {
  const { restaurant, ids } = await open()
  const [t, other] = [ids.table, await restaurant.walkIn('Bo')]
  await restaurant.v2('POST', `/guests/${other}/seat`, { tableId: t })
  const headers = { 'idempotency-key': newId() }
  const first = await restaurant.v2('POST', `/guests/${ids.guest}/seat`, { tableId: t }, headers)
  expect([first.status, first.headers.get('idempotency-replayed')]).toEqual([409, null])
  await restaurant.v2('POST', `/tables/${t}/clear`)
  const second = await restaurant.v2('POST', `/guests/${ids.guest}/seat`, { tableId: t }, headers)
  expect(second.headers.get('idempotency-replayed')).toBe('true')
  expect(same(second)).toEqual(same(first))
})

test('L5, B1: an atomic batch has two names, its key and its transaction id: a repeat under either is one, another batch under either is refused', async () => {
  const { restaurant, ids } = await open()
  const op = operations.find(({ name }) => name === 'atomicBatch')!
  const send = (transaction: string, key: string | null, notes = 'x'): Promise<Answer> =>
    app.call(
      'POST',
      addressOf(op, pathOf(op, ids), queryText(queryOf(op, ids))),
      {
        transaction_id: transaction,
        timestamp: '',
        guests: [{ id: ids.guest, operation: 'update', data: { notes } }],
      },
      { authorization: `Bearer ${restaurant.token}`, ...(key !== null && { 'idempotency-key': key }) },
    )
  const isRepeat = (answer: Answer) => [
    answer.status,
    answer.body.success,
    answer.headers.get('idempotency-replayed') === 'true',
  ]
  expect(isRepeat(await send('t1', 'k1'))).toEqual([200, true, false])
  const changes = await changesOf(restaurant.id)
  expect(isRepeat(await send('t1', 'k1'))).toEqual([200, true, true])
  expect(isRepeat(await send('t1', 'k2'))).toEqual([200, true, true])
  expect(isRepeat(await send('t1', null))).toEqual([200, true, true])
  for (const reused of [await send('t2', 'k1'), await send('', 'k1'), await send('t1', 'k1', 'y')])
    expect([reused.status, reused.body.detail?.[0].loc]).toEqual([422, ['header', 'idempotency-key']])
  expect((await send('t1', null, 'y')).body).toMatchObject({ success: false, rolled_back: true })
  expect(await changesOf(restaurant.id)).toBe(changes)
  // The change carries the key, as that of every call does.
  const [row] = await app.database.sql<{ mutation_id: string }>(
    'select mutation_id from qtable.changes where restaurant_id = $1 order by seq desc limit 1',
    [restaurant.id],
  )
  expect(row!.mutation_id).toBe('k1')
  // Two at once under one transaction id, each with a key of its own, are one as well.
  const both = await Promise.all([send('t3', 'k3'), send('t3', 'k4')])
  expect(both.filter((answer) => isRepeat(answer)[2])).toHaveLength(1)
  expect(await changesOf(restaurant.id)).toBe(changes + 1)
})

test('L5: an answer says which epoch its number counts in, a repeat the one that it was then', async () => {
  const { restaurant } = await open()
  const { epoch } = (await restaurant.v2('GET', '/snapshot')).body
  const headers = { 'idempotency-key': newId() }
  const add = () => restaurant.v2('POST', '/guests', { firstName: 'Ada', partySize: 2 }, headers)
  const { body } = await add()
  expect(body).toMatchObject({ epoch, seq: await changesOf(restaurant.id) })
  await app.database.sql('update qtable.heads set epoch = gen_random_uuid() where restaurant_id = $1', [restaurant.id])
  expect((await add()).body).toEqual(body)
})
