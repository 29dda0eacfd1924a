import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Restaurant } from '../kit.ts'
import { openHouse, UNKNOWN, type House } from './house.ts'

/** Requests that no app sends, answered as FastAPI 0.104, pydantic 2.13 and uvicorn were seen to answer them. */

let house: House
let r: Restaurant
let tableId: string
beforeAll(async () => {
  house = await openHouse()
  r = await house.enter()
  tableId = await r.table('1')
})
afterAll(() => house.app.close())

interface Sent {
  readonly body?: string | Buffer
  readonly type?: string | undefined
  readonly token?: string | null
}

/** Sends bytes as they are, with this content type or none. */
async function send(method: string, path: string, { body, type, token = r.token }: Sent = {}) {
  const response = await fetch(house.app.base + path, {
    method,
    redirect: 'manual',
    headers: {
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(type !== undefined && { 'content-type': type }),
    },
    ...(body !== undefined && { body: Buffer.from(body) }),
  })
  const text = await response.text()
  return { status: response.status, text, headers: response.headers }
}

const JSON_TYPE = 'application/json'
const walkIn = (name = 'Ada') => JSON.stringify({ first_name: name, party_size: 2 })
const addGuest = (body: string | Buffer, type: string | undefined = JSON_TYPE, token: string | null = r.token) =>
  send('POST', `/restaurants/${r.id}/guests`, { body, type, token })
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const detailOf = (text: string) => (JSON.parse(text) as { detail: { type: string; loc: unknown[] }[] }).detail
const UNREADABLE = '{"detail":"There was an error parsing the body"}'

describe('bodies that are not UTF-8', () => {
  const around = (bytes: Buffer) =>
    Buffer.concat([Buffer.from('{"party_size":2,"first_name":"'), bytes, Buffer.from('"}')])

  test.each([
    ['a lone byte', 'ff'],
    ['half a character', 'c3'],
    ['Latin-1', '4d fc 6c 6c 65 72'],
    ['a surrogate', 'ed a0 80'],
    ['too long a form', 'c0 80'],
  ])('C13, P12: %s is 400 at both doors, and nothing is stored', async (_, bytes) => {
    const before = await house.get(`/restaurants/${r.id}/guests`)
    const body = around(hex(bytes))
    for (const type of [JSON_TYPE, 'application/json; charset=latin-1', 'text/plain', undefined])
      for (const token of [r.token, null]) {
        const { status, text } = await addGuest(body, type, token)
        expect([status, text]).toEqual([400, UNREADABLE])
      }
    const native = await send('POST', `/v2/restaurants/${r.id}/guests`, { body, type: JSON_TYPE })
    expect([native.status, (JSON.parse(native.text) as { code: string }).code]).toEqual([400, 'malformed-json'])
    expect((await house.get(`/restaurants/${r.id}/guests`)).text).toBe(before.text)
  })

  const utf32 = (text: string, write: 'writeUInt32LE' | 'writeUInt32BE') => {
    const codes = Array.from(text, (letter) => letter.codePointAt(0)!)
    const bytes = Buffer.alloc(4 * codes.length)
    for (const [i, code] of codes.entries()) bytes[write](code, 4 * i)
    return bytes
  }
  const little = (text: string) => Buffer.from(text, 'utf16le')
  const big = (text: string) => little(text).swap16()
  test.each<[string, (text: string) => Buffer]>([
    ['UTF-8 with a mark', (text) => Buffer.from(`\ufeff${text}`)],
    ['UTF-16 with a mark', (text) => little(`\ufeff${text}`)],
    ['UTF-16, big end first, with a mark', (text) => big(`\ufeff${text}`)],
    ['UTF-16', little],
    ['UTF-16, big end first', big],
    ['UTF-32 with a mark', (text) => utf32(`\ufeff${text}`, 'writeUInt32LE')],
    ['UTF-32', (text) => utf32(text, 'writeUInt32LE')],
    ['UTF-32, big end first', (text) => utf32(text, 'writeUInt32BE')],
  ])('C13: %s is read as JSON', async (_, encode) => {
    const { status, text } = await addGuest(encode(walkIn('Zoë 王 🍣')))
    expect([status, (JSON.parse(text) as { firstName: string }).firstName]).toEqual([200, 'Zoë 王 🍣'])
    expect((await addGuest(encode(`${walkIn()}]`))).status).toBe(422)
    expect((await addGuest(Buffer.concat([encode(walkIn()), hex('d8')]))).text).toBe(UNREADABLE)
  })
})

test.each([
  '',
  'application/json;',
  'application/json; charset',
  'APPLICATION/JSON',
  'application/+json',
  'application/x y+json',
  'application/ld+json;profile="x"',
])('C13: the content type %j is JSON', async (type) => {
  expect((await addGuest(walkIn(), type)).status).toBe(200)
})

test.each([
  'json',
  'text',
  'application',
  'application/',
  '/json',
  ';',
  'application/json/x',
  'application/json, x',
  '*/*',
])('C13: the content type %j is text, which is no guest', async (type) => {
  const { status, text } = await addGuest(walkIn(), type)
  expect([status, detailOf(text)]).toMatchObject([
    422,
    [{ type: 'model_attributes_type', loc: ['body'], input: walkIn() }],
  ])
})

test.each([
  ['{', JSON_TYPE],
  ['[]', 'json'],
  [hex('ff'), JSON_TYPE],
  ['', 'text'],
])('C13: what no route reads is not looked at: %j', async (body, type) => {
  const mine = `/restaurants/${r.id}`
  const answers = await Promise.all([
    send('PUT', `${mine}/tables/${tableId}/clear`, { body, type }),
    send('PUT', `${mine}/tables/${tableId}/clear`, { body, type, token: null }),
    send('DELETE', `${mine}/guests/${UNKNOWN}`, { body, type }),
    send('POST', '/nope', { body, type }),
    send('PATCH', `${mine}/guests`, { body, type }),
    send('POST', `${mine}/guests/`, { body, type }),
    send('PUT', '/v2/nope', { body, type }),
  ])
  expect(answers.map(({ status }) => status)).toEqual([200, 403, 404, 404, 405, 307, 404])
})

test('C13: a preflight for a method that there is not is refused', async () => {
  const preflight = (method: string) =>
    fetch(`${house.app.base}/restaurants/${r.id}/guests`, {
      method: 'OPTIONS',
      headers: { origin: 'https://a.example', 'access-control-request-method': method },
    })
  for (const method of ['GET', 'PATCH']) expect((await preflight(method)).status).toBe(200)
  for (const method of ['TRACE', 'FOO', 'get', '']) {
    const refused = await preflight(method)
    expect([refused.status, await refused.text()]).toEqual([400, 'Disallowed CORS method'])
    expect(refused.headers.get('access-control-allow-methods')).toContain('DELETE, GET')
  }
})

test('C2, C13: the pages of the documentation take GET and HEAD, and a slash too many', async () => {
  for (const path of ['/docs', '/docs/oauth2-redirect', '/redoc', '/openapi.json']) {
    expect((await send('GET', path)).status).toBe(200)
    expect(await send('HEAD', path)).toMatchObject({ status: 200, text: '' })
    const posted = await send('POST', path)
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    const slashed = await send('GET', `${path}/`)
    expect([slashed.status, slashed.headers.get('location')]).toEqual([307, house.app.base + path])
  }
  expect((await send('GET', '/docs/assets/oauth2-redirect.js')).text).toContain('window.opener')
})

test('C2, C13: an escaped address is the one that it stands for', async () => {
  const list = `/restaurants/${r.id}/guests`
  const statusOf = async (method: string, path: string) => (await send(method, path)).status
  const plain = (await send('GET', list)).text
  for (const same of [list.replace('g', '%67'), list.replace('/guests', '%2Fguests'), `/%72${list.slice(2)}?x=%zz`])
    expect((await send('GET', same)).text).toBe(plain)
  const slashed = await send('GET', `${list}%2f?x=1`)
  expect([slashed.status, slashed.headers.get('location')]).toEqual([307, `${house.app.base}${list}?x=1`])
  for (const none of [`${list}%3F`, `${list}%zz`, `${list}%`, `${list}%00`, `${list}%25`, `${list}/%FF`, `${list}/%zz`])
    expect(await statusOf('GET', none), none).toBe(404)
  for (const other of [list.replace('g', '%67'), `${list}/%C3%BC`, `${list}%2Fx`])
    expect(await statusOf('PATCH', other), other).toBe(405)
  expect(await statusOf('GET', '/docs/assets/..%2f..%2fpackage.json')).toBe(403)
})

test('C6, C13: all that is missing is told, the query first', async () => {
  const missing = async (method: string, path: string, body?: string) => {
    const { status, text } = await send(method, path, { ...(body !== undefined && { body, type: JSON_TYPE }) })
    return [status, ...detailOf(text).map(({ type, loc }) => `${type} ${loc.join('.')}`)]
  }
  const id = 'missing query.restaurant_id'
  expect(await missing('GET', '/api/sync/full')).toEqual([422, id, id])
  expect(await missing('GET', '/api/sync/delta')).toEqual([422, id, id, 'missing query.since'])
  expect(await missing('GET', '/api/sync/delta?limit=x')).toEqual([
    422,
    id,
    id,
    'missing query.since',
    'int_parsing query.limit',
  ])
  expect(await missing('POST', '/api/sync/batch', '{}')).toEqual([
    422,
    id,
    id,
    'missing body.updates',
    'missing body.timestamp',
  ])
  expect(await missing('POST', '/api/sync/batch')).toEqual([422, id, id, 'missing body'])
  expect((await send('GET', '/api/sync/delta', { token: null })).status).toBe(403)
})

test('C13, V6: an empty filter of reservations lets all through, and a day may have one digit', async () => {
  const made = await r.call('POST', '/reservations', {
    guest_name: 'Ada',
    party_size: 2,
    reservation_time: '2031-05-01T19:00:00Z',
  })
  const list = async (query: string) => (await r.call('GET', `/reservations?${query}`)).body
  for (const query of ['status_filter=', 'date_filter=', 'status_filter=&date_filter=', 'date_filter=2031-5-1'])
    expect(await list(query), query).toEqual([made.body])
  expect(await list('date_filter=2031-5-2')).toEqual([])
  for (const day of ['2031-13-1', '2031-0-1', '2031-2-30', '31-5-1', '2031-5-1x', '2031-5', '0000-1-1'])
    expect(await list(`date_filter=${day}`), day).toEqual({ detail: 'Invalid date format. Use YYYY-MM-DD' })
})

test('C13: a walk-in that names a table is refused, however it is named', async () => {
  for (const table_id of ['', tableId, 'x']) {
    const { status, body } = await r.call('POST', '/guests', { first_name: 'Ada', party_size: 2, table_id })
    expect([status, body.detail]).toEqual([400, 'Walk-in guests cannot have these fields set: table_id'])
  }
  expect((await r.call('POST', '/guests', { first_name: 'Ada', party_size: 2, table_id: null })).status).toBe(200)
})
