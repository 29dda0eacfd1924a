import Fastify, { type FastifyInstance, type InjectOptions } from 'fastify'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { openDatabase, type TestDatabase } from '../../test/kit.ts'
import { openParts, type House, type Parts } from '../../test/parts.ts'
import { readBodies } from '../platform/http/body.ts'
import { newId } from '../platform/ids.ts'
import { limits } from '../platform/limits.ts'
import { Trail } from '../platform/observability/request-trail.ts'
import { command, type Context } from '../changes/command/command.ts'
import { query } from '../changes/query.ts'
import { Identities } from '../staff/access/identify.ts'
import { addTable } from '../tables/add-table.ts'
import { listTables } from '../tables/list-tables.ts'
import { removeTable } from '../tables/remove-table.ts'
import { mountNative } from './door.ts'
import { changes, snapshot } from './floor-reads.ts'
import { mountNativeRoute, nativeRoute } from './route.ts'
import { me } from './sign-ins.ts'
import { upTo } from '../../test/patience.ts'

/** The native door with a few commands and reads behind it: what it asks of a request, and what it says. */

vi.setConfig({ testTimeout: upTo(5_000) })

let database: TestDatabase
let parts: Parts
let server: FastifyInstance
let house: House
let trail: Trail
let acted: Context | null

/** Says who acted, and from what. */
const whoActs = command({
  name: 'who-acts',
  summary: '',
  method: 'POST',
  path: '/who',
  role: 'host',
  inBatch: false,
  budget: [0, 0],
  input: z.strictObject({ text: z.string().optional() }),
  answer: z.object({}),
  prepare: async (_, context) => void (acted = context),
  run: async () => ({}),
})
const whatTime = query({
  name: 'what-time',
  summary: '',
  path: '/time/:zone',
  role: 'manager',
  budget: [0, 0],
  input: z.strictObject({ zone: z.string() }),
  answer: z.object({}),
  run: async (_, { zone }) => ({ zone }),
})
const echo = nativeRoute({
  name: 'echo',
  summary: '',
  method: 'POST',
  path: '/v2/echo',
  access: 'public',
  input: z.strictObject({ text: z.string() }),
  answer: z.object({}),
  refusals: [],
  handle: async ({ input, identity, origin }) => ({ ...input, identity, address: origin().address }),
})

beforeAll(async () => {
  database = await openDatabase(5)
  parts = openParts(database.db)
  server = Fastify({ bodyLimit: limits.openBodyBytes })
  server.decorateRequest('trail')
  server.addHook('onRequest', (request, _, done) => {
    request.trail = trail = new Trail(null, request.method, request.headers)
    done()
  })
  readBodies(server)
  const identities = new Identities(database.db, parts.tokens)
  mountNative(
    server,
    { ...parts, identities },
    { commands: [addTable, removeTable, whoActs], queries: [listTables, whatTime], floorReads: [snapshot, changes] },
  )
  for (const route of [me, echo]) mountNativeRoute(server, { ...parts, identities }, route)
})
afterAll(async () => {
  await server.close()
  parts.close()
  await database.close()
})
beforeEach(async () => {
  house = await parts.house()
  acted = null
})

async function send(options: InjectOptions, token: string | null = house.token) {
  const headers = { ...(token !== null && { authorization: `Bearer ${token}` }), ...options.headers }
  const answer = await server.inject({ ...options, headers })
  const body = answer.body === '' ? null : (JSON.parse(answer.body) as Record<string, unknown>)
  return { status: answer.statusCode, headers: answer.headers, body: body as Record<string, any> | null } // oxlint-disable-line typescript/no-explicit-any
}
const path = (rest: string, of = house) => `/v2/restaurants/${of.id}${rest}`
const get = (rest: string, headers: Record<string, string> = {}) => send({ method: 'GET', url: path(rest), headers })
const post = (rest: string, payload: object, headers: Record<string, string> = {}) =>
  send({ method: 'POST', url: path(rest), payload, headers })
const table = (number = '1') => ({ number, capacity: 4, x: 0, y: 0 })
const codeOf = ({ status, body }: { status: number; body: Record<string, unknown> | null }) => [status, body!['code']]
const epochOf = async () => (await get('/snapshot')).body!['epoch'] as string

test('N1, L5: a command answers with its result and its place in the log; a repeat says that it is one', async () => {
  const key = { 'idempotency-key': newId() }
  const first = await post('/tables', table(), key)
  expect([first.status, first.headers['content-type']]).toEqual([200, 'application/json'])
  expect(first.body).toEqual({ result: expect.objectContaining({ number: '1' }), seq: 1, epoch: await epochOf() })
  expect(first.headers['idempotency-replayed']).toBe(undefined)
  const again = await post('/tables', table(), key)
  expect([again.headers['idempotency-replayed'], again.body]).toEqual(['true', first.body])
  const taken = await post('/tables', table())
  expect(codeOf(taken)).toEqual([409, 'table-number-taken'])
  expect(taken.headers['content-type']).toBe('application/problem+json')
  const id = first.body!['result'].id as string
  const gone = (version: number) => send({ method: 'DELETE', url: path(`/tables/${id}?version=${version}`) })
  expect(await gone(2)).toMatchObject({ status: 409, body: { current: { kind: 'table', id }, changed: { seq: 1 } } })
  expect(await gone(1)).toMatchObject({ status: 200, body: { result: { removed: true }, seq: 2 } })
})

test('N9: a query where a command has none is refused by name', async () => {
  expect(await post('/tables?force=true', table())).toMatchObject({
    status: 422,
    body: { problems: [{ path: ['force'] }] },
  })
  expect(await get('/tables?x=1')).toMatchObject({ status: 422, body: { problems: [{ path: ['x'] }] } })
  expect(await get('/snapshot?x=1')).toMatchObject({ status: 422, body: { problems: [{ path: ['x'] }] } })
})

test('A3, A16, N3: who may not is told why, in this order, and the request is noted under whose token it is', async () => {
  const other = await parts.house()
  const bad = { method: 'POST', url: path('/tables'), payload: {} } as const
  for (const token of [null, 'nonsense'])
    expect(codeOf(await send(bad, token)), String(token)).toEqual([401, 'not-signed-in'])
  expect(trail.restaurantId).toBe(null)
  expect(codeOf(await send({ ...bad, headers: { authorization: `Basic ${house.token}` } }))).toEqual([
    401,
    'not-signed-in',
  ])
  expect(codeOf(await send(bad, other.token))).toEqual([404, 'restaurant-not-found'])
  expect(trail.restaurantId).toBe(other.id)
  expect(codeOf(await send(bad))).toEqual([422, 'invalid-input'])
  expect(trail.restaurantId).toBe(house.id)
  for (const url of ['/tables', '/time/x', '/snapshot'])
    expect(codeOf(await send({ method: 'GET', url: path(url, other) })), url).toEqual([404, 'restaurant-not-found'])
  const closed = await parts.house()
  await database.sql('update qtable.restaurants set is_active = false where restaurant_id = $1', [closed.id])
  const there = { ...bad, url: path('/tables', closed) }
  expect(codeOf(await send(there, closed.token))).toEqual([403, 'restaurant-inactive'])
  const late = await parts.house()
  await database.sql('update qtable.staff set is_active = false where id = $1', [late.staffId])
  expect(codeOf(await send({ ...bad, url: path('/tables', late) }, late.token))).toEqual([401, 'not-signed-in'])
  const host = await parts.house()
  await database.sql(`update qtable.staff set role = 'host' where id = $1`, [host.staffId])
  expect(codeOf(await send({ method: 'GET', url: path('/time/x', host) }, host.token))).toEqual([403, 'not-allowed'])
})

test('L5, N7: the key and the device of a request go with its command, and are of bounded length', async () => {
  await post('/who', {})
  expect(acted).toEqual({ restaurantId: house.id, actor: { staffId: house.staffId, role: 'owner' } })
  const most = {
    'idempotency-key': 'k'.repeat(limits.mutationIdCharacters),
    'x-device': 'd'.repeat(limits.deviceCharacters),
  }
  await post('/who', {}, most)
  expect(acted).toMatchObject({ mutationId: most['idempotency-key'], device: most['x-device'] })
  acted = null
  for (const [name, value] of Object.entries(most))
    for (const wrong of ['', `${value}x`])
      expect(codeOf(await post('/who', {}, { [name]: wrong })), `${name} ${wrong}`).toEqual([422, 'invalid-header'])
  expect(acted).toBe(null)
})

test('P22: a large body is read with a good token only', async () => {
  const large = { text: 'x'.repeat(limits.openBodyBytes) }
  expect((await post('/who', large)).status).toBe(200)
  expect(acted).not.toBe(null)
  const payload = JSON.stringify(large)
  const headers = { 'content-type': 'application/json', 'content-length': `${payload.length}` }
  const options = { method: 'POST', url: path('/who'), payload, headers } as const
  for (const token of [null, 'nonsense', parts.tokens.sign({ sub: house.staffId, exp: 1 })])
    expect(codeOf(await send(options, token))).toEqual([401, 'not-signed-in'])
  const basic = { ...headers, authorization: `Basic ${house.token}` }
  expect(codeOf(await send({ ...options, headers: basic }))).toEqual([401, 'not-signed-in'])
})

test('N4, N5: a read has its ETag and is the client’s alone to keep; what it has is not sent again', async () => {
  await parts.addTable(house)
  const epoch = await epochOf()
  for (const url of ['/tables', '/snapshot', `/changes?epoch=${epoch}&since=0`]) {
    const first = await get(url)
    expect([first.status, first.headers['content-type']], url).toEqual([200, 'application/json'])
    expect(first.headers['cache-control']).toBe('private, no-cache')
    const etag = first.headers['etag'] as string
    const same = await get(url, { 'if-none-match': etag, 'min-seq': '1' })
    expect([same.status, same.body, same.headers['etag']], url).toEqual([304, null, etag])
    expect((await get(url, { 'if-none-match': '"other"' })).body).toEqual(first.body)
    for (const more of [{}, { 'if-none-match': etag }] as Record<string, string>[]) {
      const ahead = await get(url, { 'min-seq': '2', ...more })
      expect([...codeOf(ahead), ahead.body!['head']], url).toEqual([409, 'ahead-of-log', 1])
    }
    for (const wrong of ['', '-1', '1.5', 'x1', '1x', '9007199254740992', '10000000000000000'])
      expect(codeOf(await get(url, { 'min-seq': wrong })), wrong).toEqual([422, 'invalid-header'])
    expect((await get(url, { 'min-seq': '0000000000000001' })).status).toBe(200)
    expect(codeOf(await get(url, { 'min-seq': '00000000000000001' }))).toEqual([422, 'invalid-header'])
  }
  const plain = await get('/time/utc', { 'if-none-match': '*' })
  expect([plain.body, plain.headers['etag']]).toEqual([{ result: { zone: 'utc' } }, undefined])
  expect(parts.floors.figures.floors).toBe(parts.floors.figures.idle)
})

test('N4: an ETag is of the full hour, as the answer is; whoever has none costs no floor in memory', async () => {
  const { headers } = await get('/tables')
  expect(parts.floors.has(house.id)).toBe(false)
  const { live, release } = await parts.floors.hold(house.id)
  const { epoch, seq } = live.floor.standing
  release()
  expect(headers['etag']).toBe(`W/"${epoch}.${seq}.${parts.clock.now().slice(0, 13)}"`)
  // What does not follow from the log has no ETag, and is answered whatever is sent.
  expect((await get('/time/utc', { 'if-none-match': String(headers['etag']) })).status).toBe(200)
})

test('N5: a read waits for a change that this process has not heard of', async () => {
  const etag = (await get('/tables')).headers['etag'] as string
  const asked = async (url: string) => {
    await database.sql(
      `with head as (update qtable.heads set seq = seq + 1, last_at = now() where restaurant_id = $1 returning *)
       insert into qtable.changes (restaurant_id, seq, epoch, at, command, entries)
       select restaurant_id, seq, epoch, last_at, 'test', '[]' from head`,
      [house.id],
    )
    const [{ seq }] = (await database.sql('select seq from qtable.heads where restaurant_id = $1', [house.id])) as [
      { seq: string },
    ]
    const { status, headers } = await get(url, { 'if-none-match': etag, 'min-seq': seq })
    return [status, String(headers['etag']).includes(`.${seq}.`)]
  }
  expect(await asked('/tables')).toEqual([200, true])
  expect(await asked('/snapshot')).toEqual([200, true])
})

test('F6, L9: the changes after one are told in order, so many at once, or why the client must begin anew', async () => {
  for (let n = 0; n < 3; n++) await parts.addTable(house)
  const epoch = await epochOf()
  const { body, headers } = await get(`/changes?epoch=${epoch}&since=1`)
  expect([body!['epoch'], body!['head'], headers['etag']]).toEqual([epoch, 3, `W/"${epoch}.3"`])
  expect(body!['changes'].map(({ seq }: { seq: number }) => seq)).toEqual([2, 3])
  const one = await get(`/changes?epoch=${epoch}&since=0&limit=1`)
  expect(one.body!['changes'].map(({ seq }: { seq: number }) => seq)).toEqual([1])
  const anew = await get(`/changes?epoch=${epoch}&since=4`)
  expect(anew.body).toMatchObject({ status: 410, code: 'resync-required', reason: 'ahead', epoch, head: 3, floor: 0 })
  expect(anew.body).not.toHaveProperty('kind')
  for (const wrong of ['limit=0', `limit=${limits.changesPerRead + 1}`, 'since=-1', 'since=1.5', 'at=x'])
    expect((await get(`/changes?epoch=${epoch}&since=0&${wrong}`)).status, wrong).toBe(422)
  expect((await get(`/changes?epoch=${epoch}&since=0&limit=${limits.changesPerRead}`)).status).toBe(200)
})

test('A16: an endpoint of no restaurant needs a token or none, and its answers are not to be kept', async () => {
  const told = await send({ method: 'GET', url: '/v2/me' })
  expect([told.status, told.headers['cache-control']]).toEqual([200, 'no-store'])
  expect(told.body).toMatchObject({ staffId: house.staffId, restaurantId: house.id })
  for (const name of ['signInId', 'generation', 'isActive']) expect(told.body).not.toHaveProperty(name)
  expect(codeOf(await send({ method: 'GET', url: '/v2/me' }, null))).toEqual([401, 'not-signed-in'])
  const open = await send({ method: 'POST', url: '/v2/echo', payload: { text: 'x' } }, null)
  expect(open.body).toEqual({ text: 'x', identity: {}, address: '127.0.0.1' })
  for (const [url, payload] of [
    ['/v2/echo?x=1', { text: 'x' }],
    ['/v2/echo', { text: 5 }],
    ['/v2/echo', []],
  ] as const)
    expect(codeOf(await send({ method: 'POST', url, payload }, null))).toEqual([422, 'invalid-input'])
  expect(codeOf(await send({ method: 'GET', url: '/v2/me?x=1' }))).toEqual([422, 'invalid-input'])
})
