import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLog } from '../../src/platform/observability/log.ts'
import { Planner } from '../../src/platform/observability/slow-statements.ts'
import { openDatabase, startApp, type Restaurant, type TestApp, type TestDatabase } from '../kit.ts'

/** What a request leaves behind: its line in the log, its headers, the log of slow statements. */

const lines: Record<string, unknown>[] = []
const log = createLog('info', { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) })

let database: TestDatabase
let app: TestApp
let r: Restaurant
beforeAll(async () => {
  database = await openDatabase()
  app = await startApp({ SLOW_STATEMENT_MILLIS: '150' }, { database, log, planner: new Planner(database.url) })
  r = await app.restaurant()
})
afterAll(async () => {
  await app.close()
  await database.close()
})

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PHONE = '+1 555 0199'
const requestLine = async (id: string) => {
  const find = () => lines.find((line) => line['reqId'] === id && line['msg'] === 'request')
  while (!find()) await new Promise((resolve) => setImmediate(resolve))
  return find()!
}

test('M4: a line says whose request it was, of which trace, and what change it made', async () => {
  const body = { firstName: 'Ada', partySize: 2, phone: PHONE, notes: 'ada@example.com' }
  const headers = { 'x-request-id': 'from-the-stand-1', traceparent: `00-${TRACE}-b7ad6b7169203331-01` }
  const { body: answer } = await r.v2('POST', '/guests', body, headers)
  expect(await requestLine('from-the-stand-1')).toMatchObject({
    method: 'POST',
    status: 200,
    traceId: TRACE,
    restaurantId: r.id,
    seq: answer.seq,
    statements: expect.any(Number),
  })
  const old = await app.call(
    'POST',
    `/restaurants/${r.id}/guests`,
    { first_name: 'Bo', party_size: 2, phone: PHONE },
    { authorization: `Bearer ${r.token}`, 'x-request-id': 'from-an-ipad-1' },
  )
  expect(old.status).toBe(200)
  expect(await requestLine('from-an-ipad-1')).toMatchObject({ restaurantId: r.id, seq: answer.seq + 1 })
  expect(Object.keys(await requestLine('from-an-ipad-1'))).not.toContain('traceId')
})

test('M4, P11: nothing personal stands in any line', async () => {
  await app.call('POST', '/auth/login', { email: r.email, password: 'Not-Mine-77' })
  await app.call('GET', `/realtime?token=${r.token}`)
  await r.call('GET', '/guests?search=Ada')
  const text = JSON.stringify(lines)
  expect(lines.length).toBeGreaterThan(5)
  for (const secret of [PHONE, '@', 'Ada', r.token, 'Not-Mine', 'search'])
    expect(text.includes(secret), secret).toBe(false)
})

test('M4: an id of a sane shape is kept and sent back, another replaced', async () => {
  const idOf = async (given?: string) =>
    (await app.call('GET', '/health', undefined, given === undefined ? {} : { 'x-request-id': given })).headers.get(
      'x-request-id',
    )
  expect(await idOf('abc.DEF_1-2:3')).toBe('abc.DEF_1-2:3')
  for (const given of [undefined, 'short', 'x'.repeat(65), 'with a space in it'])
    expect(await idOf(given)).toMatch(/^[0-9a-f-]{36}$/)
  const refused = await r.v2('POST', '/guests', {}, { 'x-request-id': 'refused-1234' })
  expect([refused.headers.get('x-request-id'), refused.body.requestId]).toEqual(['refused-1234', 'refused-1234'])
  expect(await requestLine('refused-1234')).toMatchObject({ status: 422, code: 'invalid-input' })
})

test('M4: Server-Timing tells the whole and the database, and browsers may read it', async () => {
  const read = await r.call('GET', '/guests')
  expect(read.headers.get('server-timing')).toMatch(/^total;dur=[\d.]+(, db;dur=[\d.]+;desc="\d+ statements")?/)
  const write = await r.v2('POST', '/guests', { firstName: 'Cy', partySize: 2 })
  const [, total, db, count] = /^total;dur=([\d.]+), db;dur=([\d.]+);desc="(\d+) statements"/.exec(
    write.headers.get('server-timing')!,
  )!
  expect(Number(total)).toBeGreaterThanOrEqual(Number(db))
  expect(Number(count)).toBeGreaterThan(3)
  const cross = await app.call('GET', '/health', undefined, { origin: 'https://stand.example' })
  expect(cross.headers.get('access-control-expose-headers')).toContain('Server-Timing')
  expect(cross.headers.get('timing-allow-origin')).toBe('*')
})

test('M6: a slow statement is logged by its name, with its plan and without a value', async () => {
  const from = lines.length
  const guest = await r.walkIn('Slow', 2)
  const locked = database.sql(
    `do $$ begin
       update qtable.guests set notes = notes where id = '${guest}';
       perform pg_sleep(0.8);
     end $$`,
  )
  const isLocked = async () =>
    (await database.sql(`select 1 from pg_stat_activity where query like '%pg_sleep(0.8)%' and wait_event = 'PgSleep'`))
      .length > 0
  while (!(await isLocked()));
  await r.v2('PATCH', `/guests/${guest}`, { phone: PHONE })
  await locked
  const slow = () => lines.slice(from).find(({ msg }) => msg === 'a statement was slow')
  const plan = () => lines.slice(from).find(({ msg }) => String(msg).startsWith('the plan of a slow statement'))
  while (!plan()) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(slow()).toMatchObject({ statement: expect.any(String), ms: expect.any(Number), level: 40 })
  expect(plan(), JSON.stringify(plan())).toMatchObject({ msg: 'the plan of a slow statement' })
  expect(JSON.stringify(plan())).toMatch(/\$1/)
  expect(JSON.stringify(lines.slice(from))).not.toContain(PHONE)
})
