import { createHmac } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/platform/ids.ts'
import { limits } from '../../src/platform/limits.ts'
import { startApp, TEST_SECRET, type Answer, type Restaurant, type TestApp } from '../kit.ts'
import {
  addressOf,
  colleague,
  entityOf,
  fieldsOf,
  goodAddress,
  goodBody,
  idFieldsOf,
  operations,
  pathOf,
  plain,
  present,
  queryOf,
  queryText,
  Raw,
  tells,
  TELLS,
  titleOf,
  withIds,
  withValue,
  type Field,
  type Ids,
  type Operation,
  type Schema,
} from './operations.ts'
import { badValues, badValuesOf, DEEP, expectRefusal, expectRefusalOrTold } from './refusals.ts'
import { openEars, openWitness, TOLD_OF, type Ears, type Witness } from './witness.ts'

/** Whatever is wrong with a request: a 4xx in the door's shape, nothing stored, nothing announced. One table for every field of every operation. */

let app: TestApp
let witness: Witness
let restaurant: Restaurant
let ears: Ears
let ids: Ids
let cases = 0

beforeAll(async () => {
  app = await startApp()
  witness = await openWitness(app)
  restaurant = await app.restaurant()
  ids = {
    restaurant: restaurant.id,
    guest: await restaurant.walkIn(),
    table: await restaurant.table('1', 8),
    reservation: (await restaurant.call('POST', '/reservations', { guest_name: 'Ada', party_size: 2 })).body.id,
    staff: await colleague(restaurant),
    epoch: (await restaurant.v2('GET', '/snapshot')).body.epoch,
  }
  ears = await openEars(app, restaurant)
})
afterAll(async () => {
  process.stdout.write(`bad input: ${cases} requests\n`)
  await witness.close()
  await app.close()
})

interface Sent {
  readonly body?: unknown
  readonly text?: string
  readonly headers?: Record<string, string>
  /** Parameters of the query in place of the good ones; one that is undefined is left out. */
  readonly query?: Record<string, string | undefined>
  readonly params?: Record<string, string>
  readonly token?: string
}

function send(op: Operation, { body, text, headers, query, params, token = restaurant.token }: Sent): Promise<Answer> {
  cases++
  const sent = text ?? (body === undefined ? undefined : Raw.write(body))
  const authorization = op.isPublic ? {} : { authorization: `Bearer ${token}` }
  const address = addressOf(op, { ...pathOf(op, ids), ...params }, queryText({ ...queryOf(op, ids), ...query }))
  return app.call(op.method, address, sent, { ...authorization, ...headers })
}

/** Runs some requests, each of which must be refused and leave everything as it was; in the end nothing must have been announced. */
async function allRefused(
  op: Operation,
  all: readonly (readonly [label: string, sent: Sent])[],
  look: (answer: Answer, label: string) => void = () => undefined,
): Promise<void> {
  await ears.attend()
  const before = await witness.everything()
  for (const [label, sent] of all) {
    const answer = await send(op, sent)
    expectRefusal(op, answer, label)
    look(answer, label)
  }
  expect(await witness.everything(), 'something was stored').toBe(before)
  await ears.heardNothing()
}

/**
 * The same of requests that a list may answer with 200 and what it could not do. Nothing of it is stored either. What the list itself leaves is the
 * contract's: an empty change in the log, told as an empty list; an atomic batch is refused as a whole and leaves only what its transaction id was answered.
 */
async function allRefusedOrTold(
  op: Operation,
  all: readonly (readonly [label: string, sent: Sent])[],
  look: (answer: Answer, label: string) => void = () => undefined,
): Promise<void> {
  if (!TELLS.includes(op.name)) return allRefused(op, all, look)
  await ears.attend()
  const before = await witness.everything(TOLD_OF)
  const log = await witness.seqOf(restaurant.id)
  let told = 0
  for (const [label, sent] of all) {
    const answer = await send(op, sent)
    expectRefusalOrTold(op, answer, label)
    if (tells(op, answer)) told++
    look(answer, label)
  }
  expect(await witness.everything(TOLD_OF), 'something was stored').toBe(before)
  const left = await witness.changesAfter(restaurant.id, log)
  const empty = { command: 'run-each', touched: 0 }
  expect(left).toEqual(op.name === 'atomicBatch' ? [] : Array.from({ length: told }, () => empty))
  await ears.heardNothing('empty lists')
}

const withBody = operations.filter((op) => op.body)
const secured = operations.filter((op) => !op.isPublic)
const plainText = (op: Operation): string => Raw.write(goodBody(op, ids))

describe('P12, C6, L6: every field of every body, each wrong in every way', () => {
  for (const op of withBody) {
    test(`P12, C6, L6: ${titleOf(op)}`, async () => {
      const fields = fieldsOf(op.body!)
      expect(fields.length).toBeGreaterThan(0)
      const all = fields.flatMap((field) =>
        badValuesOf(op, field).map(
          ([label, value]) =>
            [
              `${field.place.join('.')}: ${label}`,
              { body: withValue(op.body!, goodBody(op, ids), field.place, value) },
            ] as const,
        ),
      )
      await allRefused(op, all, ({ status, body }, label) => {
        if (op.door === 'v2') return
        if (label.includes('brackets')) return
        expect(status, label).toBe(422)
        // The fault is found where it is: at the field itself, or within it.
        const place = label.split(': ')[0]!
        expect(
          body.detail.some(({ loc }: { loc: unknown[] }) => loc.slice(1).join('.').startsWith(place)),
          `${label}: ${JSON.stringify(body).slice(0, 300)}`,
        ).toBe(true)
      })
    })
  }
})

describe('P12, B2, L6: fields of the data in lists, which the document leaves open', () => {
  for (const op of withBody.filter(({ body, wholeBody }) => body !== wholeBody)) {
    test(`P12, B2, L6: ${titleOf(op)}`, async () => {
      const fields = fieldsOf(op.wholeBody!).filter(({ place }) => place.includes('data') && place.at(-1) !== 'data')
      expect(fields.length).toBeGreaterThan(10)
      const filled = (field: Field, value: unknown) =>
        withValue(
          op.wholeBody!,
          withIds(op, withValue(op.wholeBody!, plain(op.wholeBody!), field.place, null), ids),
          field.place,
          value,
        )
      const all = fields.flatMap((field) =>
        badValues(field.schema).map(
          ([label, value]) => [`${field.place.join('.')}: ${label}`, { body: filled(field, value) }] as const,
        ),
      )
      // Faults in what the contract calls "an object" are told, not refused; brackets are no JSON to anyone.
      await allRefusedOrTold(op, all, ({ status }, label) => {
        expect(status, label).toBe(label.includes('brackets') ? 422 : 200)
      })
    })

    test(`P12, B2: keys that objects have by themselves: ${titleOf(op)}`, async () => {
      const evil = '{"__proto__":{"x":1},"constructor":1,"toString":{},"hasOwnProperty":null,"":1,"polluted":1}'
      const kind = op.name === 'syncBatch' ? '=guest' : '=update'
      const list = op.name === 'syncBatch' ? 'updates' : 'guests'
      const body = withIds(
        op,
        withValue(op.wholeBody!, plain(op.wholeBody!), [list, 0, kind, 'data'], new Raw(evil)),
        ids,
      )
      const answer = await send(op, { body })
      expect([answer.status, answer.body.success], answer.text).toEqual([200, true])
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    })
  }
})

describe('P12, L6: ids in bodies that name nothing', () => {
  for (const op of withBody) {
    // An id that a client makes names nothing by its nature.
    const named = idFieldsOf(op).filter(({ kind }) => kind !== 'new')
    if (named.length === 0) continue
    test(`P12, L6: ids of ${titleOf(op)}`, async () => {
      const odd = [newId(), newId().toUpperCase(), 'nope', '00000000-0000-0000-0000-000000000000', '1', ' ', '../x']
      const all = named.flatMap((field) =>
        odd.map((id) => [`${field.place.join('.')}: ${id}`, { body: goodBody(op, ids, field, id) }] as const),
      )
      // The contract's lists tell of each id, whatever text it is; they are not refused for it.
      await allRefusedOrTold(op, all, ({ status }, label) => {
        if (op.door === 'ios' && TELLS.includes(op.name)) expect(status, label).toBe(200)
      })
    })
  }
})

const MALFORMED = ['{', '}', '{"a":}', '{"a":1,}', "{'a':1}", 'nope', '"', '[', '{"a" 1}', '{"a":01}', '{"a":NaN}']
const malformed = [...MALFORMED, '\ufeff{}', '{"a":"\u0001"}', '{} {}', '{"a":"\\x"}', '['.repeat(200_000)]

describe('P12, C6, L6: whole bodies', () => {
  for (const op of withBody) {
    const isList = present(op.body!).type === 'array'

    test(`P12, C6: malformed JSON: ${titleOf(op)}`, async () => {
      const all = malformed.map((text) => [`malformed ${text.slice(0, 20)}`, { text }] as const)
      await allRefused(op, all, ({ status, body }) => {
        if (op.door === 'v2') return expect([status, body.code]).toEqual([400, 'malformed-json'])
        expect(status).toBe(422)
        expect(body.detail).toMatchObject([{ type: 'json_invalid', msg: 'JSON decode error', input: {} }])
      })
    })

    test(`P12: other values, other types, too much: ${titleOf(op)}`, async () => {
      const values: readonly unknown[] = [
        'text',
        5,
        true,
        new Raw('1e400'),
        new Raw('"\\ud800"'),
        isList ? {} : [],
        isList ? { 0: {} } : [goodBody(op, ids)],
      ]
      const types = [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        'application/xml',
        'application/jsonx',
        'text/json',
        'garbage',
        ';;;',
      ]
      const wide = new Raw(`[${Array(200_000).fill('0').join(',')}]`)
      await allRefused(op, [
        ...values.map((body) => [`a body ${JSON.stringify(body)}`, { body }] as const),
        ...types.map((type) => [`type ${type}`, { text: plainText(op), headers: { 'content-type': type } }] as const),
        ['a hundred thousand brackets', { body: isList ? [DEEP] : DEEP }],
        [
          'brackets in a field that nobody knows',
          { text: isList ? `[{"x":${Raw.write(DEEP)}},5]` : `{"x":${Raw.write(DEEP)}}` },
        ],
        ['two hundred thousand zeros', { body: wide }],
        ['over a megabyte', { text: JSON.stringify('x'.repeat(limits.bodyBytes)) }],
      ])
    })

    test(`P12: nothing, or null: ${titleOf(op)}`, async () => {
      // A PATCH of nothing is a change of nothing; whatever has required fields, and everything of the iPad's, wants a body.
      const mayBeEmpty = op.door === 'v2' && !present(op.body!).required
      const all = [
        ['no body', {}],
        ['null', { text: 'null' }],
        ['empty', { text: '' }],
      ] as const
      if (!mayBeEmpty) return allRefused(op, all)
      for (const [label, sent] of all) expect((await send(op, sent)).status, label).toBe(200)
    })

    test(`P12: keys that objects have by themselves: ${titleOf(op)}`, async () => {
      const keys = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '']
      const evil = keys.map((key) => `${JSON.stringify(key)}:{"force":true,"status":"x","polluted":1}`).join(',')
      const text = isList ? `[{${evil}}]` : `{${evil}}`
      const answer = await send(op, { text })
      expect(answer.status, answer.text).toBeLessThan(500)
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
      // They are no fields: what is required is still missing.
      if (present(op.body!).required) expect(answer.status).toBe(422)
    })
  }

  for (const op of withBody) {
    test(`P12: ten megabytes are refused and the server goes on: ${titleOf(op)}`, async () => {
      const before = await witness.everything()
      for (const chunked of [false, true]) {
        const status = await sendMegabytes(op, 10, chunked)
        expect(status).toBe(413)
      }
      expect(await witness.everything()).toBe(before)
    })
  }

  test('P12: minus zero is zero', async () => {
    const text = (x: string) => `{"table_number":"${x}","capacity":-0,"position":{"x":-0,"y":-0.0}}`
    const made = await restaurant.call('POST', '/tables', text('minus'))
    expect(made.text).toContain('"capacity":0,')
    expect(made.text).toContain('"position":{"x":0,"y":0}')
    const party = await restaurant.call('POST', '/guests', '{"first_name":"Zero","party_size":-0}')
    expect(party.status).toBe(422)
    const native = await restaurant.v2('POST', '/tables', '{"number":"minus v2","capacity":-0,"x":-0,"y":-0.0}')
    expect(native.text).toContain('"capacity":0,"x":0,"y":0,')
  })
})

/**
 * Sends more than is taken, and reads what the server says of it. The server answers and closes in the middle of it, so the answer of one who just goes
 * on writing may be lost; whoever looks for an answer between the writes gets it.
 */
async function sendMegabytes(op: Operation, megabytes: number, chunked: boolean): Promise<number> {
  cases++
  try {
    return await sendBlindly(op, megabytes, chunked, 0)
  } catch (error) {
    expect(['EPIPE', 'ECONNRESET']).toContain((error as NodeJS.ErrnoException).code)
    return sendBlindly(op, megabytes, chunked, 2_000)
  }
}

function sendBlindly(op: Operation, megabytes: number, chunked: boolean, pauseMillis: number): Promise<number> {
  const chunk = Buffer.alloc(1024 * 1024, 0x20)
  return new Promise((resolve, reject) => {
    const request = httpRequest(app.base + goodAddress(op, ids), {
      method: op.method,
      agent: false,
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${restaurant.token}`,
        ...(!chunked && { 'content-length': String(megabytes * chunk.length) }),
      },
    })
    let answered = false
    request.on('response', (response) => {
      answered = true
      response.resume()
      resolve(response.statusCode ?? 0)
      request.destroy()
    })
    request.on('error', (error) => (answered ? undefined : reject(error)))
    let left = megabytes
    const more = () => {
      if (answered) return
      if (left-- === 0) request.end()
      else if (pauseMillis > 0) request.write(chunk, () => setTimeout(more, pauseMillis))
      else if (request.write(chunk)) more()
      else request.once('drain', more)
    }
    more()
  })
}

describe('P12, L6: paths and queries', () => {
  for (const op of operations.filter(({ parameters }) => parameters.some((p) => p.in === 'path'))) {
    test(`P12: ids that are none: ${titleOf(op)}`, async () => {
      const odd = [
        'nope',
        '%00',
        '1',
        newId().toUpperCase(),
        'x'.repeat(400),
        '%F0%9F%8D%B7',
        '..%2F..',
        "'%20or%201=1",
        '__proto__',
        'null',
      ]
      const names = op.parameters.filter((p) => p.in === 'path').map((p) => p.name)
      const body = op.body && goodBody(op, ids)
      const all = names.flatMap((name) =>
        odd.map((id) => [`${name} ${id}`, { params: { [name]: id }, ...(op.body && { body }) }] as const),
      )
      await allRefused(op, all, ({ status }, label) => {
        if (op.door === 'ios') expect(status, label).toBe(label.startsWith('restaurantId') ? 403 : 404)
      })
    })
  }

  for (const op of operations.filter(({ parameters }) => parameters.some((p) => p.in === 'query'))) {
    test(`P12: queries: ${titleOf(op)}`, async () => {
      const body = op.body && { body: goodBody(op, ids) }
      const all = op.parameters
        .filter((p) => p.in === 'query')
        .flatMap(({ name, schema, required }) => [
          ...badInQuery(op, name, schema).map(
            ([label, value]) => [`${name}: ${label}`, { ...body, query: { [name]: value } }] as const,
          ),
          ...(required ? [[`${name}: missing`, { ...body, query: { [name]: undefined } }] as const] : []),
        ])
      expect(all.length).toBeGreaterThan(3)
      await allRefused(op, all)
    })
  }
})

/** Times and days of the iPad's queries: only texts to the document. */
const MEANT: Readonly<Record<string, Schema>> = {
  since: { type: 'string', format: 'date-time' },
  date_filter: { type: 'string', format: 'date' },
}

/** Texts that a query must not have. */
function badInQuery(op: Operation, name: string, schema: Schema): (readonly [string, string])[] {
  const bad = [present(schema), MEANT[name]].flatMap((of) => (of ? badValues(of) : []))
  const isRestaurant = entityOf(name, op) === 'restaurant'
  const foreign = isRestaurant ? ['nope', '', newId(), restaurant.id.toUpperCase(), `${restaurant.id} `] : []
  return [
    ...bad
      .filter(([, value]) => typeof value === 'string' || (typeof value === 'number' && schema.type !== 'string'))
      // Nothing is zero to a number that a query coerces.
      .filter(([, value]) => value !== '' || op.door === 'ios')
      .map(([label, value]) => [label, String(value)] as const),
    ...foreign.map((id) => [`another restaurant ${id}`, id] as const),
  ]
}

const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A token of any header, claims, key and hash. */
function tokenOf(header: unknown, claims: unknown, { key = TEST_SECRET, hash = 'sha256' } = {}): string {
  const signed = `${part(header)}.${part(claims)}`
  return `${signed}.${createHmac(hash, key).update(signed).digest('base64url')}`
}

const HEAD = { alg: 'HS256', typ: 'JWT' }
const soon = () => Math.floor(Date.now() / 1000) + 600

/** Authorization headers that let nobody in: what the iPad's contract answers to each. */
function badAuthorizations(): (readonly [string, string | undefined, 401 | 403])[] {
  const claims = { sub: restaurant.staffId, restaurant_id: restaurant.id, exp: soon() }
  const [head, payload, mac] = restaurant.token.split('.') as [string, string, string]
  const bearer = (label: string, token: string) => [label, `Bearer ${token}`, 401] as const
  return [
    ['missing', undefined, 403],
    ['empty', '', 403],
    ['Bearer and nothing', 'Bearer', 403],
    ['Bearer and blanks', 'Bearer   ', 403],
    ['Basic', `Basic ${Buffer.from('a:b').toString('base64')}`, 403],
    ['another scheme', `Token ${restaurant.token}`, 403],
    bearer('malformed', 'nope'),
    bearer('two dots', '..'),
    bearer('two parts', `${head}.${payload}`),
    bearer('four parts', `${restaurant.token}.x`),
    bearer('two tokens', `${restaurant.token} ${restaurant.token}`),
    bearer('long', 'x'.repeat(8000)),
    bearer('a bit of the signature changed', `${head}.${payload}.${mac.startsWith('A') ? 'B' : 'A'}${mac.slice(1)}`),
    bearer('no signature', `${head}.${payload}.`),
    bearer('padded signature', `${restaurant.token}=`),
    bearer('other claims', `${head}.${part({ ...claims, exp: soon() + 9999 })}.${mac}`),
    bearer('another key', tokenOf(HEAD, claims, { key: 'another key' })),
    bearer('an empty key', tokenOf(HEAD, claims, { key: '' })),
    bearer('expired', tokenOf(HEAD, { ...claims, exp: soon() - 601 })),
    bearer('alg none, unsigned', `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.`),
    bearer('alg none, signed', tokenOf({ alg: 'none', typ: 'JWT' }, claims)),
    bearer('alg nOnE', tokenOf({ alg: 'nOnE' }, claims)),
    bearer('HS512', tokenOf({ alg: 'HS512', typ: 'JWT' }, claims, { hash: 'sha512' })),
    bearer('HS512 in name', tokenOf({ alg: 'HS512', typ: 'JWT' }, claims)),
    bearer('RS256 in name', tokenOf({ alg: 'RS256', typ: 'JWT' }, claims)),
    bearer('no alg', tokenOf({ typ: 'JWT' }, claims)),
    bearer('header is no object', tokenOf('"HS256"', claims)),
    bearer('no exp', tokenOf(HEAD, { sub: claims.sub })),
    bearer('exp null', tokenOf(HEAD, { ...claims, exp: null })),
    bearer('exp text', tokenOf(HEAD, { ...claims, exp: String(soon()) })),
    bearer('no sub', tokenOf(HEAD, { exp: claims.exp })),
    bearer('sub empty', tokenOf(HEAD, { ...claims, sub: '' })),
    bearer('sub a number', tokenOf(HEAD, { ...claims, sub: 5 })),
    bearer('sub no id', tokenOf(HEAD, { ...claims, sub: "x' or '1'='1" })),
    bearer('sub with NUL', tokenOf(HEAD, { ...claims, sub: 'a\0b' })),
    bearer('an unknown user', tokenOf(HEAD, { ...claims, sub: newId() })),
    bearer('a restaurant as user', tokenOf(HEAD, { ...claims, sub: restaurant.id })),
    bearer('claims are a list', tokenOf(HEAD, [claims])),
    bearer('claims are no JSON', tokenOf(HEAD, '{"sub":')),
  ]
}

describe('P9, P12, L6: authorization', () => {
  test('P9: a token made here with the right key and claims is let in, so that the others are refused for what is wrong with them', async () => {
    const token = tokenOf(HEAD, { sub: restaurant.staffId, exp: soon() })
    expect((await app.call('GET', '/auth/me', undefined, { authorization: `bEaReR ${token}` })).status).toBe(200)
  })

  for (const op of secured) {
    test(`P9, P12: ${titleOf(op)}`, async () => {
      await ears.attend()
      const before = await witness.everything()
      for (const [label, authorization, status] of badAuthorizations()) {
        const body = op.body && Raw.write(goodBody(op, ids))
        cases++
        const headers = authorization === undefined ? {} : { authorization }
        const answer = await app.call(op.method, goodAddress(op, ids), body, headers)
        expectRefusal(op, answer, label)
        expect(answer.status, label).toBe(op.door === 'v2' ? 401 : status)
        if (op.door === 'ios') {
          expect(answer.headers.get('www-authenticate'), label).toBe(status === 401 ? 'Bearer' : null)
          const text =
            label === 'Basic' || label === 'another scheme' ? 'Invalid authentication credentials' : 'Not authenticated'
          expect(answer.body.detail, label).toBe(status === 401 ? 'Could not validate credentials' : text)
        }
      }
      expect(await witness.everything()).toBe(before)
      await ears.heardNothing()
    })
  }

  test('P9, P12: an inactive user and an inactive restaurant', async () => {
    const other = await app.restaurant('Suspended')
    const at = (op: Operation) => ({
      params: { restaurantId: other.id },
      ...(op.access === 'query' && { query: { restaurant_id: other.id } }),
      token: other.token,
      ...(op.body && { body: goodBody(op, ids) }),
    })
    const expectAll = async (native: readonly [number, string], ios: readonly [number, string], me: number) => {
      const before = await witness.everything()
      for (const op of secured) {
        const answer = await send(op, at(op))
        // These ask who calls, not where.
        if (op.access === 'identity' && me === 200) {
          expect(['me', 'dashboardData', 'get-me']).toContain(op.name)
          expect(answer.status).toBe(200)
          continue
        }
        expectRefusal(op, answer, titleOf(op))
        const said = op.door === 'v2' ? [answer.status, answer.body.code] : [answer.status, answer.body.detail]
        expect(said, titleOf(op)).toEqual(op.door === 'v2' ? native : ios)
        expect(answer.headers.get('www-authenticate')).toBe(op.door === 'v2' && answer.status === 401 ? 'Bearer' : null)
      }
      expect(await witness.everything()).toBe(before)
    }
    // What is known of a user is remembered for a while.
    const set = async (sql: string) => {
      await app.database.sql(`update qtable.${sql} where restaurant_id = $1`, [other.id])
      await new Promise((resolve) => setTimeout(resolve, limits.identityMillis + 50))
    }
    expect((await other.call('GET', '/tables')).status).toBe(200)
    await set('restaurants set is_active = false')
    await expectAll([403, 'restaurant-inactive'], [403, 'Restaurant account is inactive'], 200)
    const login = await app.call('POST', '/auth/login', { email: other.email, password: 'Tall-Cedar-71' })
    expect([login.status, login.body]).toEqual([401, { detail: 'Restaurant account is inactive' }])
    await set('staff set is_active = false')
    await expectAll([401, 'not-signed-in'], [401, 'Inactive user'], 401)
    await set('restaurants set is_active = true')
    await expectAll([401, 'not-signed-in'], [401, 'Inactive user'], 401)
    const again = await app.call('POST', '/auth/login', { email: other.email, password: 'Tall-Cedar-71' })
    expect([again.status, again.body]).toEqual([401, { detail: 'Account is inactive' }])
    await set('staff set is_active = true')
    expect((await other.call('GET', '/tables')).status).toBe(200)
  })
})

describe('A3: the order of checks', () => {
  for (const op of withBody.filter(({ isPublic }) => !isPublic)) {
    test(`A3: ${titleOf(op)}`, async () => {
      const namesRestaurant = op.access === 'restaurant' || op.access === 'query'
      const invalidBody = JSON.stringify(present(op.body!).type === 'array' ? [5] : badFirst(op))
      const good = { authorization: `Bearer ${restaurant.token}` }
      const ask = async (body: string, headers: Record<string, string>, of: Partial<Ids> = {}) =>
        (await app.call(op.method, goodAddress(op, { ...ids, ...of }), body, headers)).status
      const elsewhere = { restaurant: newId() }
      const [syntax, tokenless, foreign] = op.door === 'v2' ? [400, 401, 404] : [422, 403, 403]
      expect(await ask('{', {}, elsewhere), 'syntax before token').toBe(syntax)
      expect(await ask(invalidBody, {}, elsewhere), 'token before restaurant').toBe(tokenless)
      expect(await ask(invalidBody, { authorization: 'Bearer nope' }), 'token before fields').toBe(401)
      if (namesRestaurant) expect(await ask(invalidBody, good, elsewhere), 'restaurant before fields').toBe(foreign)
      const nobody = { guest: newId(), table: newId(), reservation: newId(), staff: newId() }
      expect(await ask(invalidBody, good, nobody), 'fields before handler').toBe(422)
    })
  }

  for (const op of operations.filter(({ access }) => access === 'query')) {
    test(`A3: restaurant_id of ${titleOf(op)}`, async () => {
      const body = op.body && Raw.write(goodBody(op, ids))
      const ask = (query: string, headers: Record<string, string>, text = body) =>
        app.call(op.method, addressOf(op, {}, query), text, headers)
      const good = { authorization: `Bearer ${restaurant.token}` }
      const rest = op.name === 'syncDelta' ? '&since=2026-01-01T00:00:00Z' : ''
      // As recorded: one that is missing is told twice, whatever else is wrong, once the token is good.
      const item = { type: 'missing', loc: ['query', 'restaurant_id'], msg: 'Field required', input: null }
      for (const query of ['', 'limit=x', 'Restaurant_ID=x']) {
        for (const text of [body, ...(body ? ['{}', 'null'] : [])]) {
          const missing = await ask(query, good, text)
          expect(missing.status).toBe(422)
          expect(missing.body.detail).toMatchObject([item, item])
          expect(missing.body.detail[0]).toEqual(missing.body.detail[1])
        }
        expect((await ask(query, {})).status).toBe(403)
        expect((await ask(query, { authorization: 'Bearer nope' })).status).toBe(401)
        if (body) expect((await ask(query, good, '{')).body.detail).toMatchObject([{ type: 'json_invalid' }])
      }
      for (const id of ['', 'nope', newId(), restaurant.id.toUpperCase()]) {
        const foreign = await ask(`restaurant_id=${id}&limit=x`, good)
        expect([foreign.status, foreign.body]).toEqual([403, { detail: 'Access denied to this restaurant' }])
      }
      // Of two the last one counts: for the check as for the answer.
      const [mine, other] = [`restaurant_id=${restaurant.id}`, `restaurant_id=${newId()}`]
      expect((await ask(`${mine}&${other}${rest}`, good)).status).toBe(403)
      expect((await ask(`${other}&${mine}${rest}`, good)).status).toBe(200)
    })
  }
})

/** The good body with its first field made wrong. */
function badFirst(op: Operation): unknown {
  const { place } = fieldsOf(op.body!)[0]!
  return withValue(op.body!, goodBody(op, ids), place, { wrong: true })
}

test('P12: a header that cannot be taken is refused by both doors in their own shape', async () => {
  for (const op of operations.filter(({ method, isPublic }) => method !== 'GET' && !isPublic)) {
    const body = op.body && { body: goodBody(op, ids) }
    await allRefused(op, [['a long Idempotency-Key', { ...body, headers: { 'idempotency-key': 'x'.repeat(201) } }]])
  }
})

test('P12, N5: a Min-Seq that is none is refused by every read, and an If-None-Match may be anything', async () => {
  const reads = operations.filter(({ parameters }) => parameters.some(({ name }) => name === 'Min-Seq'))
  expect(reads.map(({ name }) => name)).toEqual(
    operations
      .filter(({ door, method, path }) => door === 'v2' && method === 'GET' && path.includes('{restaurantId}'))
      .map(({ name }) => name),
  )
  const wrong = [
    '',
    'x',
    '-1',
    '1.5',
    '1e3',
    '0x1',
    '+1',
    '1, 2',
    '9007199254740992',
    '9'.repeat(17),
    '9'.repeat(5_000),
  ]
  for (const op of reads) {
    const all = wrong.map((value) => [`Min-Seq ${value}`, { headers: { 'min-seq': value } }] as const)
    await allRefused(op, all, ({ status, body }) => expect([status, body.code]).toEqual([422, 'invalid-header']))
    for (const value of ['', '*', 'x', 'W/', '"', ',,,', '"\u00e4"', '"a", W/"b"', 'x'.repeat(5_000)]) {
      const answer = await send(op, { headers: { 'if-none-match': value } })
      expect(answer.status, `${titleOf(op)} ${value} ${answer.text}`).toBe(200)
    }
  }
})

test('P12, C8: to a GET of the contract an Idempotency-Key is a header like any other', async () => {
  for (const op of operations.filter(({ method, door }) => method === 'GET' && door === 'ios')) {
    const answer = await send(op, { headers: { 'idempotency-key': 'x'.repeat(201) } })
    expect(answer.status, `${titleOf(op)} ${answer.text}`).toBe(200)
  }
})

test('P12, B2: a batch may fill both of its lists, and one more is refused', async () => {
  const half = Array.from({ length: limits.listItems / 2 + 1 }, () => ({}))
  const guests = half.map(() => ({ id: ids.guest }))
  const tables = half.map(() => ({ id: ids.table }))
  const both = await restaurant.call('POST', '/batch-update', { guests, tables })
  expect([both.status, both.body.success, both.body.updated_guests?.length]).toEqual([200, true, guests.length])
  const many = Array.from({ length: limits.listItems + 1 }, () => ({ id: ids.guest }))
  const refused = await restaurant.call('POST', '/batch-update', { guests: many })
  expectRefusal({ door: 'ios' }, refused, 'one more')
  expect(refused.body.detail).toMatchObject([{ type: 'too_long', loc: ['body', 'guests'] }])
})

test('P12, B2: a long name of a sync batch is cut between characters', async () => {
  const op = operations.find(({ name }) => name === 'syncBatch')!
  const name = `x${'🍷'.repeat(120)} y${'🍷'.repeat(70)}`
  const update = { entity_type: 'guest', entity_id: ids.guest, data: { name } }
  const answer = await send(op, { body: { updates: [update], timestamp: '' } })
  expect([answer.status, answer.body.success], answer.text).toEqual([200, true])
  const guest = await restaurant.call('GET', `/guests/${ids.guest}`)
  expect(guest.body).toMatchObject({ firstName: `x${'🍷'.repeat(99)}`, lastName: `y${'🍷'.repeat(70)}` })
})
