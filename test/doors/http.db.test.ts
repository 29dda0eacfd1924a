import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { routes } from '../../src/app.ts'
import { newId } from '../../src/platform/ids.ts'
import { startApp, type Answer, type Restaurant, type TestApp } from '../kit.ts'
import { oneOfEach, makeReady } from './one-of-each.ts'
import { colleague, goodAddress, goodBody, isDone, knowingBody, operations } from './operations.ts'
import { expectRefusal } from './refusals.ts'

/** What HTTP itself looks like at both doors: addresses, methods, redirections, headers, bytes. */

let app: TestApp
let restaurant: Restaurant
beforeAll(async () => {
  app = await startApp()
  restaurant = await app.restaurant('Zeder & Söhne')
})
afterAll(() => app.close())

const ask = (method: string, path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  app.call(method, path, undefined, headers)
const mine = () => ({ authorization: `Bearer ${restaurant.token}` })

/** A route's path with ids that name nothing: neither methods nor redirections ask who calls. */
const example = (path: string) => path.replace(/:\w+/g, () => newId())
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

describe('C2: addresses and methods', () => {
  const unknown = [
    '/nope',
    '/restaurants',
    '/restaurants/x',
    '/restaurants/x/updates',
    '/auth',
    '/auth/login/x',
    '/v1',
    '/nope/',
  ]
  for (const path of [
    ...unknown,
    '/restaurants/x/guests/y/z',
    '/restaurants/x/tables/y/clear/z',
    '/ROOT',
    '/docs/assets/nope',
  ]) {
    test(`C2: ${path} is the one 404`, async () => {
      for (const method of METHODS) {
        const answer = await ask(method, path)
        expect(answer.status, method).toBe(404)
        expect(answer.headers.get('content-type')).toBe('application/json')
        expect(answer.text).toBe(method === 'HEAD' ? '' : '{"success":false,"message":"Resource not found"}')
      }
    })
  }

  test('N2, C2: what is not below /v2 is said as a problem', async () => {
    for (const path of ['/v2/nope', '/v2/restaurants/x', `/v2/restaurants/${restaurant.id}/nope`, '/v2/']) {
      for (const method of METHODS.filter((each) => each !== 'HEAD')) {
        const answer = await ask(method, path, mine())
        expectRefusal({ door: 'v2' }, answer, `${method} ${path}`)
        expect([answer.status, answer.body.code]).toEqual([404, 'no-such-route'])
      }
    }
  })

  const paths = [...new Set(routes.map(({ path }) => path))]
  for (const path of paths) {
    test(`C2: ${path}: a wrong method is 405 and names the first matching route's`, async () => {
      const address = example(path)
      const pattern = (of: string) => new RegExp(`^${of.replace(/:\w+/g, '[^/]+')}$`)
      const matching = routes.filter((r) => pattern(r.path).test(address))
      const wrong = METHODS.filter((method) => !matching.some((r) => r.method === method))
      expect(wrong).toEqual(expect.arrayContaining(['HEAD', 'PATCH', 'OPTIONS']))
      for (const method of wrong) {
        const answer = await ask(method, address)
        expect([answer.status, answer.headers.get('allow')], method).toEqual([405, matching[0]!.method])
        expect(answer.text).toBe(method === 'HEAD' ? '' : '{"detail":"Method Not Allowed"}')
      }
    })
  }

  test('C2: the methods that the contract names', async () => {
    const of = async (method: string, path: string) => {
      return (await ask(method, `/restaurants/${newId()}${path}`)).headers.get('allow')
    }
    expect(await of('PATCH', `/tables/${newId()}`)).toBe('PUT')
    expect(await of('GET', `/tables/${newId()}`)).toBe('PUT')
    expect(await of('PATCH', `/guests/${newId()}`)).toBe('GET')
    expect(await of('GET', '/tables/bulk')).toBe('POST')
  })

  for (const route of routes.filter(({ path }) => path !== '/')) {
    test(`C2: ${route.method} ${route.path} with a slash too many is 307`, async () => {
      const address = example(route.path)
      for (const [slashes, query] of [
        ['/', ''],
        ['/', '?a=1&b=%2F'],
        ['//', ''],
      ]) {
        const answer = await ask(route.method, `${address}${slashes}${query}`)
        expect([answer.status, answer.headers.get('location'), answer.text]).toEqual([
          307,
          `${app.base}${address}${query}`,
          '',
        ])
      }
    })
  }

  test('C2: a redirected call is the call', async () => {
    const body = JSON.stringify({ first_name: 'Slash', party_size: 2 })
    const headers = { ...mine(), 'content-type': 'application/json' }
    const response = await fetch(`${app.base}/restaurants/${restaurant.id}/guests/`, { method: 'POST', headers, body })
    expect([response.status, response.redirected]).toEqual([200, true])
    expect(await response.json()).toMatchObject({ firstName: 'Slash' })
  })
})

describe('C7: browsers', () => {
  const ORIGIN = 'https://floor.cedar.example'
  const cors = ({ headers }: Answer) =>
    Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-') || name === 'vary'))
  const preflight = {
    'access-control-request-method': 'PUT',
    'access-control-request-headers': 'authorization, x-device',
  }
  const granted = {
    'access-control-allow-methods': 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT',
    'access-control-max-age': '600',
    'access-control-allow-headers': 'authorization, x-device',
  }
  // What a page may read besides the body.
  const shown = {
    'access-control-expose-headers': 'ETag, Idempotency-Replayed, Retry-After, Server-Timing, X-Request-Id',
  }
  const open = { 'access-control-allow-origin': '*', ...shown }
  const addresses = () => [
    '/',
    '/health',
    '/nope',
    '/auth/me',
    `/restaurants/${newId()}/tables`,
    `/v2/restaurants/${newId()}/tables`,
    '/openapi.json',
  ]

  test('C7: any origin may call by default, without credentials, whatever the answer is', async () => {
    for (const path of addresses()) {
      const answer = await ask('GET', path, { origin: ORIGIN })
      expect(cors(answer), path).toEqual(open)
      expect(cors(await ask('GET', path)), path).toEqual({})
      expect(cors(await ask('GET', path, { origin: ORIGIN, cookie: 'a=b' })), path).toEqual(open)
    }
    expect(cors(await ask('PATCH', '/health', { origin: ORIGIN }))).toEqual(open)
    expect(cors(await ask('GET', '/health/', { origin: ORIGIN }))).toEqual(open)
    const malformed = await app.call('POST', '/auth/login', '{', { origin: ORIGIN })
    expect([malformed.status, cors(malformed)]).toEqual([422, open])
  })

  test('C7: a preflight is answered for any address, without a token', async () => {
    for (const path of addresses()) {
      const answer = await ask('OPTIONS', path, { origin: ORIGIN, ...preflight })
      expect([answer.status, answer.text], path).toEqual([200, 'OK'])
      expect(cors(answer), path).toEqual({ ...open, ...granted })
    }
    const bare = await ask('OPTIONS', '/health', { origin: ORIGIN, 'access-control-request-method': 'GET' })
    expect(bare.headers.get('access-control-allow-headers')).toBe(null)
    expect((await ask('OPTIONS', '/health', { origin: ORIGIN })).status).toBe(405)
    expect((await ask('OPTIONS', '/health', preflight)).status).toBe(405)
  })

  test('C7: with CORS_ORIGINS those origins may call, with credentials, and no others', async () => {
    const other = await startApp({ CORS_ORIGINS: `${ORIGIN}, http://localhost:5173` })
    try {
      for (const origin of [ORIGIN, 'http://localhost:5173']) {
        const allowed = {
          'access-control-allow-origin': origin,
          'access-control-allow-credentials': 'true',
          vary: 'Origin',
          ...shown,
        }
        expect(cors(await other.call('GET', '/health', undefined, { origin }))).toEqual(allowed)
        const answer = await other.call('OPTIONS', '/nope', undefined, { origin, ...preflight })
        expect([answer.status, cors(answer)]).toEqual([200, { ...allowed, ...granted }])
      }
      for (const origin of [
        'https://evil.example',
        `${ORIGIN}.evil.example`,
        'http://floor.cedar.example',
        'null',
        '*',
      ]) {
        for (const headers of [{ origin }, { origin, ...preflight }]) {
          const method = 'access-control-request-method' in headers ? 'OPTIONS' : 'GET'
          const answer = await other.call(method, '/health', undefined, headers)
          expect(cors(answer)['access-control-allow-origin'], origin).toBeUndefined()
          expect(cors(answer)['access-control-allow-credentials'], origin).toBeUndefined()
        }
      }
    } finally {
      await other.close()
    }
  })
})

describe('C5: the bytes of bodies', () => {
  const TEXT = 'Zoë "Łukasz" 席 🍷 \u2028 </script> é'

  function expectCompact({ headers, text, status }: Answer, type = 'application/json'): void {
    expect(headers.get('content-type'), `${status} ${text}`).toBe(type)
    expect(text).toBe(JSON.stringify(JSON.parse(text)))
  }

  test('C5: are compact UTF-8 without a charset in the type, at both doors, success or not', async () => {
    const party = await restaurant.call('POST', '/guests', { first_name: TEXT, party_size: 2, notes: TEXT })
    // A client that takes codings gets one.
    const plain = { authorization: `Bearer ${restaurant.token}`, 'accept-encoding': 'identity' }
    const native = await restaurant.v2('POST', '/guests', { firstName: TEXT, partySize: 2, notes: TEXT })
    for (const answer of [
      party,
      native,
      await ask('GET', `/restaurants/${restaurant.id}/guests`, plain),
      await restaurant.v2('GET', '/guests'),
    ]) {
      expect(answer.status).toBe(200)
      expectCompact(answer)
      expect(answer.text).toContain(JSON.stringify(TEXT))
      expect(answer.text).not.toMatch(/\\u(?!2028)/)
      expect(Number(answer.headers.get('content-length'))).toBe(Buffer.byteLength(answer.text))
    }
    expectCompact(await restaurant.call('POST', '/guests', { first_name: 5, party_size: TEXT }))
    expectCompact(await restaurant.call('GET', '/guests/x'))
    expectCompact(await restaurant.v2('POST', '/guests', { firstName: 5 }), 'application/problem+json')
    expectCompact(await ask('GET', '/nope'))
    expectCompact(await ask('GET', '/openapi.json'))
  })

  test('C5: every route answers 200 with application/json and nothing else', async () => {
    const staff = await colleague(restaurant)
    const { epoch } = (await restaurant.v2('GET', '/snapshot')).body
    for (const op of operations) {
      const ids = {
        epoch,
        ...(await oneOfEach(restaurant)),
        restaurant: restaurant.id,
        staff,
      }
      if (op.name === 'move-guest') await restaurant.v2('PATCH', `/guests/${ids.guest}`, { tableId: ids.table })
      await makeReady(op.name, restaurant, ids)
      const body = op.body && ((await knowingBody(op, restaurant)) ?? goodBody(op, ids))
      const answer = await app.call(op.method, goodAddress(op, ids), body, op.isPublic ? {} : mine())
      expect(answer.status, `${op.name} ${answer.text}`).toBe(200)
      expect(isDone(op, answer), `${op.name} ${answer.text}`).toBe(true)
      expectCompact(answer)
    }
  })
})

describe('P12: addresses that cannot be read', () => {
  const long = 'x'.repeat(501)
  for (const path of ['/restaurants/%zz/tables', '/%', `/restaurants/${long}/guests`])
    test(`P12: ${path.slice(0, 30)} at the iPad's door`, async () => {
      expectRefusal({ door: 'ios' }, await ask('GET', path, mine()), path)
    })
  for (const path of ['/v2/restaurants/%zz/tables', `/v2/restaurants/${long}/tables`])
    test(`P12: ${path.slice(0, 30)} at the native door`, async () => {
      expectRefusal({ door: 'v2' }, await ask('GET', path, mine()), path)
    })
})
