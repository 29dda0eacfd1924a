import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type Answer, type Restaurant, type TestApp } from '../../test/kit.ts'
import { limits } from '../platform/limits.ts'
import { newId } from '../platform/ids.ts'

let app: TestApp
let r: Restaurant
beforeAll(async () => {
  app = await startApp()
  r = await app.restaurant()
  await app.database.sql(`update qtable.staff set first_name = 'Mo', last_name = 'Berg' where id = $1`, [r.staffId])
})
afterAll(() => app.close())

let numbers = 0
const table = (capacity = 4) => r.table(`${++numbers}`, capacity)
const reservation = async (): Promise<string> =>
  (await r.v2('POST', '/reservations', { guestName: 'Di', partySize: 2 })).body.result.id

/** Does a change as a device would, with a name and a key of its own; gives what a conflict must say of it. */
async function change(method: string, path: string, body: object, command: string): Promise<Record<string, unknown>> {
  const [key, device] = [newId(), `iPad ${++numbers}`]
  const answer = await r.v2(method, path, body, { 'idempotency-key': key, 'x-device': device })
  expect(answer.status, answer.text).toBe(200)
  const { seq } = answer.body
  const [{ at }] = (await app.database.sql<{ at: string }>(
    `select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at from qtable.changes
     where restaurant_id = $1 and seq = $2`,
    [r.id, seq],
  )) as [{ at: string }]
  return { by: { staffId: r.staffId, name: 'Mo Berg' }, at, command, device, mutationId: key, seq }
}

const find = async (kind: string, id: string): Promise<{ version: number }> =>
  (await r.v2('GET', `/${kind}s`)).body.result.find((each: { id: string }) => each.id === id)

async function expectConflict(answer: Answer, code: string, kind: string, id: string, changed: unknown): Promise<void> {
  expect([answer.status, answer.body.code], answer.text).toEqual([409, code])
  const value = await find(kind, id)
  expect(answer.body[kind]).toEqual(value)
  expect(answer.body.current).toEqual({ kind, id, version: value.version, value })
  expect(answer.body.changed).toEqual(changed)
}

test('N7: a conflict of each kind of entity says who made it what it is, though others changed others since', async () => {
  const [free, taken] = [await table(), await table()]
  const [ada, bob] = [await r.walkIn('Ada'), await r.walkIn('Bob')]
  const booked = await reservation()
  const notes = await change('PATCH', `/guests/${ada}`, { notes: 'x' }, 'update-guest')
  const moved = await change('PATCH', `/tables/${free}`, { section: 'bar' }, 'update-table')
  const asked = await change('PATCH', `/reservations/${booked}`, { notes: 'y' }, 'update-reservation')
  const seated = await change('POST', `/guests/${bob}/seat`, { tableId: taken }, 'seat-guest')
  await r.walkIn('Later')
  const stale = { version: 1, notes: 'z' }
  await expectConflict(await r.v2('PATCH', `/guests/${ada}`, stale), 'version-conflict', 'guest', ada, notes)
  const old = { version: 1, section: 'hall' }
  await expectConflict(await r.v2('PATCH', `/tables/${free}`, old), 'version-conflict', 'table', free, moved)
  const late = await r.v2('PATCH', `/reservations/${booked}`, stale)
  await expectConflict(late, 'version-conflict', 'reservation', booked, asked)
  const seat = await r.v2('POST', `/guests/${ada}/seat`, { tableId: taken })
  await expectConflict(seat, 'table-not-free', 'table', taken, seated)
  await expectConflict(await r.v2('DELETE', `/tables/${taken}`), 'table-occupied', 'table', taken, seated)
  const again = await r.v2('POST', `/guests/${bob}/seat`, { tableId: free })
  await expectConflict(again, 'guest-not-waiting', 'guest', bob, seated)
  const whole = await r.v2('POST', '/batch', {
    operations: [{ command: 'seat-guest', input: { guestId: ada, tableId: taken } }],
  })
  await expectConflict(whole, 'table-not-free', 'table', taken, seated)
  expect(whole.body.index).toBe(0)
})

test('N7: each part of a list that is refused says so too', async () => {
  const [taken, ada, bob] = [await table(), await r.walkIn('Ada'), await r.walkIn('Bob')]
  const changed = await change('POST', `/guests/${bob}/seat`, { tableId: taken }, 'seat-guest')
  const operations = [
    { command: 'update-guest', input: { guestId: ada, notes: 'x' } },
    { command: 'seat-guest', input: { guestId: ada, tableId: taken } },
  ]
  const [done, refused] = (await r.v2('POST', '/each', { operations })).body.result.results
  expect(done.ok).toBe(true)
  expect(refused).toMatchObject({ code: 'table-not-free', details: { changed, current: { kind: 'table', id: taken } } })
})

test('N7, L5: a repeat says the same as the first answer, whatever happened since', async () => {
  const [taken, ada, bob] = [await table(), await r.walkIn('Ada'), await r.walkIn('Bob')]
  const changed = await change('POST', `/guests/${bob}/seat`, { tableId: taken }, 'seat-guest')
  const seat = () => r.v2('POST', `/guests/${ada}/seat`, { tableId: taken }, { 'idempotency-key': `seat ${ada}` })
  const first = await seat()
  await expectConflict(first, 'table-not-free', 'table', taken, changed)
  await r.v2('PATCH', `/tables/${taken}`, { section: 'bar' })
  await r.v2('POST', `/tables/${taken}/clear`)
  await app.database.sql(`update qtable.staff set first_name = 'Jo' where id = $1`, [r.staffId])
  for (let n = 0; n < 3; n++) {
    const repeat = await seat()
    const plain = ({ text, body }: Answer) => text.replace(body.requestId, '')
    expect([repeat.status, plain(repeat)]).toEqual([409, plain(first)])
  }
  await app.database.sql(`update qtable.staff set first_name = 'Mo' where id = $1`, [r.staffId])
})

test('N7: without a name it is the e-mail; of what the log does not know nothing is said', async () => {
  const other = await app.restaurant()
  const stale = { version: 9, notes: 'z' }
  const ada = await other.walkIn('Ada')
  const refused = await other.v2('PATCH', `/guests/${ada}`, stale)
  expect(refused.body.changed.by).toEqual({ staffId: other.staffId, name: null })
  await app.database.sql('update qtable.changes set actor_id = null where restaurant_id = $1', [other.id])
  expect((await other.v2('PATCH', `/guests/${ada}`, stale)).body.changed).toMatchObject({ by: null, device: null })
  await app.database.sql('delete from qtable.changes where restaurant_id = $1', [other.id])
  expect((await other.v2('PATCH', `/guests/${ada}`, stale)).body).toMatchObject({
    status: 409,
    current: { id: ada, version: 1 },
    changed: null,
  })
})

test('N7: however much is in the log, a bounded part of it is looked through', async () => {
  const other = await app.restaurant()
  const ada = await other.walkIn('Ada')
  await app.database.sql(
    `with gone as (delete from qtable.changes where restaurant_id = $1 returning *),
       head as (update qtable.heads set seq = seq + 5000 where restaurant_id = $1)
     insert into qtable.changes (restaurant_id, seq, epoch, at, command, entries)
     select restaurant_id, n, epoch, at + n * interval '1 second', 'test',
       case when n = ${limits.changesSearched + 1} then entries else '[]' end from gone, generate_series(1, 5000) n`,
    [other.id],
  )
  const answer = () => other.v2('PATCH', `/guests/${ada}`, { version: 9 })
  expect((await answer()).body.changed).toBe(null)
  await app.database.sql('delete from qtable.changes where restaurant_id = $1 and seq = 1', [other.id])
  expect((await answer()).body.changed).toMatchObject({ command: 'test', seq: limits.changesSearched + 1 })
})

test('N7: what names no entity has neither; the iPad’s door reads none of it', async () => {
  const number = `${++numbers}`
  await r.table(number)
  const taken = await r.v2('POST', '/tables', { number, capacity: 2, x: 0, y: 0 })
  expect(taken).toMatchObject({ status: 409, body: { code: 'table-number-taken' } })
  expect(Object.keys(taken.body)).not.toEqual(expect.arrayContaining(['changed']))
  const [full, bob] = [await table(), await r.walkIn('Bob')]
  await r.v2('POST', `/guests/${bob}/seat`, { tableId: full })
  const headers = { authorization: `Bearer ${r.token}`, 'idempotency-key': newId() }
  const refused = await app.call('DELETE', `/restaurants/${r.id}/tables/${full}`, undefined, headers)
  expect([refused.status, Object.keys(refused.body)]).toEqual([400, ['detail']])
  const [stored] = await app.database.sql<{ outcome: { details: object } }>(
    'select outcome from qtable.mutations where mutation_id = $1',
    [headers['idempotency-key']],
  )
  expect(Object.keys(stored!.outcome.details)).toEqual(['table'])
})

test('N8: a mutation id counts within its restaurant only', async () => {
  const [one, two] = [await app.restaurant(), await app.restaurant()]
  const headers = { 'idempotency-key': newId() }
  const body = { firstName: 'Ada', partySize: 2 }
  const [first, second] = [
    await one.v2('POST', '/guests', body, headers),
    await two.v2('POST', '/guests', { ...body, firstName: 'Bo' }, headers),
  ]
  expect([second.status, second.headers.get('idempotency-replayed')]).toEqual([200, null])
  expect(second.body.result.id).not.toBe(first.body.result.id)
  expect((await one.v2('POST', '/guests', body, headers)).body).toEqual(first.body)
  expect((await two.v2('POST', '/guests', body, headers)).body.code).toBe('mutation-id-reused')
})
