import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { startApp, type Restaurant, type TestApp } from '../../../test/kit.ts'
import { systemClock } from '../../platform/clock.ts'
import { limits } from '../../platform/limits.ts'
import { command, LostRace } from './command.ts'
import { execute } from './execute.ts'

let app: TestApp
let r: Restaurant
beforeAll(async () => {
  app = await startApp()
  r = await app.restaurant()
})
afterAll(() => app.close())

const count = async (table: string) =>
  Number(
    (
      await app.database.sql<{ n: string }>(`select count(*) as n from qtable.${table} where restaurant_id = $1`, [
        r.id,
      ])
    )[0]!.n,
  )
const join = (key: string, body: object = { firstName: 'Ada', partySize: 2 }) =>
  r.v2('POST', '/guests', body, { 'idempotency-key': key })

test('L5: a mutation sent five times at once has one effect, and every answer is the same', async () => {
  const guests = await count('guests')
  for (let i = 0; i < 20; i++) {
    const answers = await Promise.all(Array.from({ length: 5 }, () => join(`at once ${i}`)))
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === 'true')).toHaveLength(4)
  }
  expect(await count('guests')).toBe(guests + 20)
})

test('L5: a repeat much later is answered from the log, whatever happened since', async () => {
  const first = await join('later')
  const id: string = first.body.result.id
  await r.v2('DELETE', `/guests/${id}`)
  const repeat = await join('later')
  expect(repeat.text).toBe(first.text)
  expect(repeat.body.seq).toBe(first.body.seq)
})

test('L5: a refusal is remembered, and does not block the next', async () => {
  const [table, a, b] = [await r.table('L5'), await r.walkIn('A'), await r.walkIn('B')]
  await r.v2('POST', `/guests/${a}/seat`, { tableId: table })
  const seat = () => r.v2('POST', `/guests/${b}/seat`, { tableId: table }, { 'idempotency-key': 'refused' })
  const first = await seat()
  expect(first).toMatchObject({ status: 409, body: { code: 'table-not-free' } })
  await r.v2('POST', `/tables/${table}/clear`)
  const { requestId: _, ...repeat } = (await seat()).body
  expect(first.body).toMatchObject(repeat)
  expect((await r.v2('POST', `/guests/${b}/seat`, { tableId: table }, { 'idempotency-key': 'next' })).status).toBe(200)
})

test('L5: the same id with another request is refused', async () => {
  await join('mine')
  const other = await join('mine', { firstName: 'Bob', partySize: 3 })
  expect(other).toMatchObject({ status: 422, body: { code: 'mutation-id-reused' } })
  const elsewhere = await app.restaurant()
  const same = await elsewhere.v2('POST', '/guests', { firstName: 'Bob', partySize: 3 }, { 'idempotency-key': 'mine' })
  expect(same.status).toBe(200)
})

test('L5: the same id with another command is refused, though its input is the same', async () => {
  const table = await r.table('two commands')
  const headers = { 'idempotency-key': 'clear, then remove' }
  expect((await r.v2('POST', `/tables/${table}/clear`, undefined, headers)).status).toBe(200)
  const other = await r.v2('DELETE', `/tables/${table}`, undefined, headers)
  expect(other).toMatchObject({ status: 422, body: { code: 'mutation-id-reused' } })
  expect((await r.v2('DELETE', `/tables/${table}`)).body.result).toEqual({ removed: true })
})

test('L6: a refused command leaves no row, no change and no message', async () => {
  const device = await r.device()
  const table = await r.table('L6')
  await r.v2('POST', `/guests/${await r.walkIn()}/seat`, { tableId: table })
  await device.until((heard) => heard.at(-1)?.['action'] === 'assigned')
  const before = [await count('changes'), await count('guests'), await count('tombstones')]
  const heard = device.messages.length
  const loser = await r.walkIn('Loser')
  const refusals = await Promise.all([
    r.v2('POST', `/guests/${loser}/seat`, { tableId: table }),
    r.v2('DELETE', `/tables/${table}`),
    r.v2('POST', '/tables', { number: 'L6', capacity: 2, x: 0, y: 0 }),
    r.v2('PATCH', `/guests/${loser}`, { status: 'finished', tableId: table }),
    r.v2('POST', '/guests', { firstName: '', partySize: 0 }),
  ])
  expect(refusals.map(({ status }) => status)).toEqual([409, 409, 409, 422, 422])
  expect([await count('changes'), await count('guests'), await count('tombstones')]).toEqual([
    before[0]! + 1,
    before[1]! + 1,
    before[2],
  ])
  await device.until((messages) => messages.length > heard)
  expect(device.messages.slice(heard).map((m) => m['type'])).toEqual(['guest_created'])
})

test('L6: a command that loses every race for its rows is told to come back', async () => {
  let runs = 0
  const loser = command({
    name: 'lose',
    summary: 'Loses',
    method: 'POST',
    path: '/lose',
    role: 'host',
    inBatch: false,
    budget: [0, 0],
    input: z.object({}),
    answer: z.null(),
    run: async () => {
      runs++
      throw new LostRace('always')
    },
  })
  const deps = { db: app.database.db, clock: systemClock(), newId: () => '', publish: () => undefined }
  const context = { restaurantId: r.id, actor: { staffId: r.id, role: 'host' } } as const
  await expect(execute(deps, loser, context, {})).rejects.toMatchObject({ code: 'busy', status: 503 })
  expect(runs).toBe(limits.transactionAttempts)
})

test('L7: what is deleted leaves a tombstone', async () => {
  const [guest, table] = [await r.walkIn(), await r.table('L7')]
  await r.call('DELETE', `/guests/${guest}`)
  await r.call('DELETE', `/tables/${table}`)
  const rows = await app.database.sql('select kind from qtable.tombstones where id = any ($1::uuid[]) order by kind', [
    [guest, table],
  ])
  expect(rows).toEqual([{ kind: 'guest' }, { kind: 'table' }])
})

test('P14: more at once than the pool has connections wait their turn; all are answered', async () => {
  const answers = await Promise.all(Array.from({ length: 200 }, () => r.call('GET', '/guests')))
  expect(answers.every(({ status }) => status === 200)).toBe(true)
})
