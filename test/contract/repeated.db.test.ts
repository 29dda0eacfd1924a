import { request as ask, type IncomingHttpHeaders } from 'node:http'
import { text as textOf } from 'node:stream/consumers'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { limits } from '../../src/platform/limits.ts'
import { createLog } from '../../src/platform/observability/log.ts'
import { startApp, type Restaurant, type TestApp } from '../kit.ts'
import { upTo } from '../patience.ts'

/** Reads that were asked before are answered without the server's router and hooks: with the same answer in every respect, or not at all. */

let app: TestApp
let house: Restaurant
let other: Restaurant
const log: string[] = []

beforeAll(async () => {
  app = await startApp(
    { OPS_TOKEN: 'a token for the tests, long enough' },
    { isSole: true, log: createLog('info', { write: (line) => void log.push(line) }) },
  )
  ;[house, other] = [await app.restaurant('Cedar'), await app.restaurant('Fig')]
  for (const each of [house, other]) {
    await each.table('1')
    // Enough for an answer that is worth compressing.
    for (let n = 0; n < 12; n++) await each.walkIn(`Guest ${n}`)
  }
})
afterAll(() => app.close())

interface Raw {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

async function raw(
  path: string,
  headers: Record<string, string>,
  method = 'GET',
  body?: string,
  base = app.base,
): Promise<Raw> {
  const sent = ask(base + path, { method, headers: { connection: 'close', ...headers } })
  sent.end(body)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return { status: answer.statusCode!, headers: answer.headers, body: await textOf(answer.setEncoding('latin1')) }
}

const taken = () => app.app.repeated.figures.taken

/** What an answer says, without what differs from one to the next: when it was made, and what it was called. */
function essence({ status, headers: { date, 'x-request-id': id, 'server-timing': timing, ...headers }, body }: Raw) {
  expect(date).toBeDefined()
  expect(id).toMatch(/^[\w.:-]{8,}$/)
  expect(timing).toMatch(/^total;dur=[\d.]+/)
  return { status, headers, cache: /cache;desc=(\S+)/.exec(String(timing))?.[1], body }
}

const paths = (r: Restaurant) => [
  `/restaurants/${r.id}/tables`,
  `/restaurants/${r.id}/guests`,
  `/restaurants/${r.id}/guests?limit=3`,
  `/restaurants/${r.id}/dashboard-data`,
  `/restaurants/${r.id}/dashboard-data?minimal=true`,
  `/api/sync/full?restaurant_id=${r.id}`,
]

let cold = 0
/** The same address in a spelling that was never asked for. */
const unasked = (path: string) => `${path}${path.includes('?') ? '&' : '?'}cold=${++cold}`

/** Asks for an address that was not asked before, the way that knows who asks for a while, and for one that was. */
async function both(path: string, headers: Record<string, string>, method = 'GET', body?: string) {
  const before = taken()
  const ordinary = await raw(unasked(path), headers, method, body)
  expect(taken()).toBe(before)
  const warm = await raw(path, headers, method, body)
  const wasTaken = taken() - before
  return { warm: essence(warm), ordinary: essence(ordinary), wasTaken, tag: warm.headers.etag }
}

test('K7: an address that was asked before is answered as one that was not', async () => {
  for (const path of paths(house)) {
    const authorization = `Bearer ${house.token}`
    const first = await raw(path, { authorization })
    const { warm, ordinary, wasTaken, tag } = await both(path, { authorization })
    expect(wasTaken, path).toBe(1)
    expect(warm, path).toEqual({ ...ordinary, cache: 'hit' })
    expect(first.body).toBe(warm.body)
    for (const known of [tag!, `"x", ${tag!}`, tag!.replace('W/', ''), '"x"', '*', '']) {
      const again = await both(path, { authorization, 'if-none-match': known })
      expect([again.wasTaken, again.warm], `${path} ${known}`).toEqual([1, again.ordinary])
    }
    for (const accepted of ['gzip', 'br', 'gzip, br;q=0.5', 'identity', 'br;q=0', '*']) {
      await both(path, { authorization, 'accept-encoding': accepted })
      const again = await both(path, { authorization, 'accept-encoding': accepted })
      expect([again.wasTaken, again.warm], `${path} ${accepted}`).toEqual([1, again.ordinary])
    }
  }
})

test('K7: whatever is out of the ordinary in a request goes the ordinary way', async () => {
  const [path] = paths(house) as [string]
  const authorization = `Bearer ${house.token}`
  await raw(path, { authorization })
  const unusual: [Record<string, string>, string?, string?][] = [
    [{}],
    [{ authorization: 'Bearer' }],
    [{ authorization: `Basic ${house.token}` }],
    [{ authorization: `Bearer ${house.token}x` }],
    [{ authorization: `Bearer ${house.token.slice(0, -4)}AAAA` }],
    [{ authorization: `Bearer ${other.token}` }],
    [{ authorization, origin: 'http://pages.example' }],
    [{ authorization, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }],
    [{ authorization, 'content-type': 'application/json', 'content-length': '2' }, 'GET', '{}'],
    [{ authorization, 'content-type': 'application/json', 'content-length': '2' }, 'GET', '{"'],
    [{ authorization, 'transfer-encoding': 'chunked' }, 'GET', 'what is this'],
    [{ authorization }, 'HEAD'],
    [{ authorization }, 'DELETE'],
    [{ authorization }, 'POST', ''],
  ]
  for (const [headers, method, body] of unusual) {
    const { warm, ordinary, wasTaken } = await both(path, headers, method, body)
    expect(wasTaken, JSON.stringify([headers, method])).toBe(0)
    expect(warm, JSON.stringify([headers, method])).toEqual(ordinary)
  }
  // Another's token names its own restaurant only.
  expect((await raw(path, { authorization: `Bearer ${other.token}` })).status).toBe(403)
  expect((await raw(path, {})).status).toBe(403)
})

test('K7: a change is in the answer at once, and who may no longer read is told so as soon as on the ordinary way', async () => {
  const path = `/restaurants/${house.id}/guests`
  const who = { email: 'host@cedar.example', password: 'Tall-Cedar-71', firstName: 'Hal', lastName: 'Ho', role: 'host' }
  const added = await house.v2('POST', '/staff', who)
  expect(added.status, added.text).toBe(200)
  const login = await app.call('POST', '/auth/login', { email: who.email, password: who.password })
  const authorization = `Bearer ${String(login.body.access_token)}`
  await raw(path, { authorization })
  for (let n = 0; n < 5; n++) {
    const id = await house.walkIn(`New ${n}`)
    const body = (await raw(path, { authorization })).body
    expect(body).toContain(id)
    const before = taken()
    expect((await raw(path, { authorization })).body).toBe(body)
    expect(taken() - before).toBe(1)
  }
  const staffId = String(added.body.result.id)
  const ended = await house.v2('PATCH', `/staff/${staffId}`, { isActive: false })
  expect(ended.status, ended.text).toBe(200)
  // As long as on the ordinary way, and no longer.
  await expect
    .poll(async () => (await raw(path, { authorization })).status, { timeout: upTo(limits.identityMillis + 1_000) })
    .toBe(401)
  const before = taken()
  expect((await raw(path, { authorization })).status).toBe(401)
  expect(taken()).toBe(before)
})

test('K7, M4, M5: repeated reads are in the log and in the figures as others are', async () => {
  const path = `/restaurants/${house.id}/tables`
  const authorization = `Bearer ${house.token}`
  const count = async () => {
    const { text } = await app.call('GET', '/metrics', undefined, {
      authorization: 'Bearer a token for the tests, long enough',
    })
    const of = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0)
    return [
      of(/^http_server_request_duration_seconds_count\{[^}]*"GET"[^}]*:restaurantId\/tables"[^}]*200[^}]*\} (\d+)/m),
      of(/^http_server_request_duration_seconds_count\{[^}]*"GET"[^}]*:restaurantId\/tables"[^}]*304[^}]*\} (\d+)/m),
      of(/^qtable_cache_requests_total\{[^}]*tablesList"[^}]*"hit"[^}]*\} (\d+)/m),
      of(/^qtable_cache_requests_total\{[^}]*tablesList"[^}]*"not-modified"[^}]*\} (\d+)/m),
      of(/^http_server_active_requests(?:\{\})? (\d+)/m),
    ]
  }
  const first = await raw(path, { authorization })
  const before = await count()
  const started = taken()
  for (let n = 0; n < 7; n++) await raw(path, { authorization, 'x-request-id': 'a-request-of-mine' })
  for (let n = 0; n < 5; n++) await raw(path, { authorization, 'if-none-match': first.headers.etag! })
  expect(taken() - started).toBe(12)
  expect((await count()).map((figure, n) => figure - before[n]!)).toEqual([7, 5, 7, 5, 0])
  const lines = log.map((line) => JSON.parse(line) as Record<string, unknown>)
  const mine = lines.filter((line) => line['path'] === path && line['method'] === 'GET')
  const named = mine.filter((line) => line['reqId'] === 'a-request-of-mine')
  expect(named).toHaveLength(7)
  // The first of all went the ordinary way.
  expect(Object.keys(named[0]!)).toEqual(Object.keys(mine[0]!))
  expect(named[0]).toMatchObject({ method: 'GET', status: 200, restaurantId: house.id, msg: 'request' })
})

test('K7, K1: one of several processes asks where the log ends and then answers past the router, as new as what another has told', async () => {
  const several = await startApp({}, { database: app.database })
  const path = `/restaurants/${house.id}/guests`
  const figures = () => several.app.repeated.figures.taken
  const authorization = `Bearer ${house.token}`
  const there = (at: string) => raw(at, { authorization }, 'GET', undefined, several.base)
  await there(path)
  for (let n = 0; n < 5; n++) {
    const id = await house.walkIn(`Other ${n}`)
    expect((await there(path)).body).toContain(id)
    const before = [figures(), several.app.heads.figures.asked]
    const warm = await there(path)
    expect([figures(), several.app.heads.figures.asked]).toEqual([before[0]! + 1, before[1]! + 1])
    expect(essence(warm)).toEqual(essence(await there(unasked(path))))
    const known = await raw(
      path,
      { authorization, 'if-none-match': warm.headers.etag! },
      'GET',
      undefined,
      several.base,
    )
    expect([known.status, known.body]).toEqual([304, ''])
    expect(figures()).toBe(before[0]! + 2)
  }
  await several.close()
})

test('K7: a server that stops says so on every answer', async () => {
  const path = `/restaurants/${house.id}/tables`
  const authorization = `Bearer ${house.token}`
  await raw(path, { authorization })
  const before = taken()
  app.app.repeated.close()
  expect((await raw(path, { authorization })).status).toBe(200)
  expect(taken()).toBe(before)
})
