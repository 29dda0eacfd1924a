import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type Answer, type Restaurant, type TestApp } from '../../../test/kit.ts'
import { within } from '../../../test/patience.ts'
import { clockOf, plusMillis, systemClock, type Instant } from '../../platform/clock.ts'
import { limits } from '../../platform/limits.ts'
import { createLog } from '../../platform/observability/log.ts'

/** What a guest reaches through their link, and what nobody does. */

const real = systemClock()
let ahead = 0
const clock = clockOf((): Instant => plusMillis(real.now(), ahead))
const MINUTE = 60_000
const logged: string[] = []

let app: TestApp
let [r, other]: [Restaurant, Restaurant] = [null!, null!]
beforeAll(async () => {
  app = await startApp({}, { clock, log: createLog('trace', { write: (line) => void logged.push(line) }) })
  ;[r, other] = [await app.restaurant('Cedar'), await app.restaurant('Maple')]
})
afterAll(() => app.close())

const SECRET = 'secret-'
/** A party with everything that only staff may see. */
async function party(of: Restaurant, firstName: string, more: object = {}): Promise<string> {
  const marked = {
    lastName: `${SECRET}last`,
    phone: '+49 30 5550100',
    notes: `${SECRET}notes`,
    specialRequests: `${SECRET}wish`,
  }
  const made = await of.v2('POST', '/guests', { firstName, partySize: 2, ...marked, ...more })
  expect(made.status, made.text).toBe(200)
  return made.body.result.id
}
const linkOf = async (of: Restaurant, guestId: string, input: object = {}, headers = {}): Promise<string> => {
  const made = await of.v2('POST', `/guest-links/${guestId}`, input, headers)
  expect(made.status, made.text).toBe(200)
  return made.body.result.token
}
/** Nothing of what only staff may see leaves by this door. */
async function ask(method: string, token: string, path = '', body?: object): Promise<Answer> {
  const answer = await app.call(method, `/v2/guest/${token}${path}`, body)
  expect(answer.text).not.toMatch(/secret-|5550100|Stranger/)
  const headers = ['cache-control', 'referrer-policy', 'x-robots-tag'].map((name) => answer.headers.get(name))
  expect(headers, answer.text).toEqual(['no-store', 'no-referrer', 'noindex'])
  return answer
}
const nothing = async (token: string): Promise<void> => {
  for (const [method, path] of [
    ['GET', ''],
    ['GET', '/events'],
    ['POST', '/on-my-way'],
    ['POST', '/more-time'],
    ['POST', '/cancel'],
  ] as const)
    expect((await ask(method, token, path)).body, `${method} ${path}`).toMatchObject({
      status: 404,
      code: 'link-not-found',
    })
}

test('J2: a guest sees the own party and of others counts; what it says is in the log under its name', async () => {
  await party(r, 'Stranger')
  const kim = await party(r, 'Kim', { partySize: 4 })
  const token = await linkOf(r, kim)
  await r.v2('POST', `/guests/${kim}/quote`, { from: 25, to: 35, reason: 'a four-top frees about 19:40' })
  const waits = (await ask('GET', token)).body.result
  expect(waits).toMatchObject({
    restaurant: { name: 'Cedar', locale: 'en' },
    firstName: 'Kim',
    partySize: 4,
    state: 'waiting',
    ahead: { parties: 1, covers: 2, bySize: { '1-2': 1 } },
    quote: { from: 25, to: 35, reason: 'a four-top frees about 19:40' },
    holdUntil: null,
  })
  expect(await ask('POST', token, '/more-time')).toMatchObject({ status: 409, body: { code: 'guest-not-called' } })
  const called = (await r.v2('POST', `/guests/${kim}/notify`, { graceMinutes: 10 })).body.result
  expect((await ask('GET', token)).body.result).toMatchObject({
    state: 'called',
    holdUntil: called.graceUntil,
    ahead: null,
  })
  const coming = await ask('POST', token, '/on-my-way')
  expect(coming.body.result.onMyWayAt).not.toBe(null)
  const more = (await ask('POST', token, '/more-time', { minutes: 5 })).body.result
  expect(more.holdUntil).toBe(plusMillis(called.graceUntil, 5 * MINUTE))
  expect(await ask('POST', token, '/more-time', { minutes: 60 })).toMatchObject({ body: { code: 'no-more-time' } })
  expect(await ask('POST', token, '/more-time', { guestId: kim })).toMatchObject({ status: 422 })
  expect((await ask('POST', token, '/cancel')).body.result).toMatchObject({ state: 'over', ended: 'cancelled' })
  const { epoch, seq } = (await r.v2('GET', '/snapshot')).body
  const { changes } = (await r.v2('GET', `/changes?epoch=${epoch}&since=${seq - 3}`)).body
  const by = { actorId: kim, actorKind: 'guest', device: 'link' }
  expect(changes).toMatchObject(
    ['guest-on-my-way', 'give-more-time', 'cancel-guest'].map((command) => ({ command, ...by })),
  )
})

test('J2, J3: no other text opens anything, and a token of one restaurant nothing of another', async () => {
  const [mine, theirs] = [await linkOf(r, await party(r, 'Ada')), await linkOf(other, await party(other, 'Bo'))]
  expect((await ask('GET', mine)).body.result.restaurant.name).toBe('Cedar')
  expect((await ask('GET', theirs)).body.result.restaurant.name).toBe('Maple')
  const [a, b] = [Buffer.from(mine, 'base64url'), Buffer.from(theirs, 'base64url')]
  const joined = (place: Buffer, secret: Buffer) => Buffer.concat([place.subarray(0, 16), secret]).toString('base64url')
  const last = Buffer.from(a)
  last[31]! ^= 1
  await nothing(joined(a, b.subarray(16)))
  await nothing(joined(b, a.subarray(16)))
  await nothing(last.toString('base64url'))
  for (const token of [
    joined(a, randomBytes(16)),
    mine.slice(1),
    `${mine}A`,
    randomBytes(32).toString('base64url'),
    'x',
    '%00',
  ])
    expect((await ask('GET', token)).status, token).toBe(404)
})

test('J2: no table, log line or stored answer has the token; a repeat gets it all the same', async () => {
  const guestId = await party(r, 'Ada')
  const key = { 'idempotency-key': 'a link' }
  const token = await linkOf(r, guestId, {}, key)
  expect(await linkOf(r, guestId, {}, key)).toBe(token)
  expect(await linkOf(r, guestId)).toBe(token)
  expect((await ask('GET', token)).status).toBe(200)
  await app.call('GET', `/v2/guest/${token}/nowhere`)
  await app.call('GET', `/v2//guest/${token}`)
  const tables = await app.database.sql<{ name: string }>(
    `select c.relname as name from pg_class c where c.relnamespace = 'qtable'::regnamespace and c.relkind in ('r', 'p')`,
  )
  const secret = Buffer.from(token, 'base64url').toString('hex').slice(32)
  for (const { name } of tables)
    for (const text of [token, secret])
      expect(
        await app.database.sql(`select 1 from qtable.${name} t where t::text like $1`, [`%${text}%`]),
        name,
      ).toEqual([])
  expect(logged.filter((line) => line.includes('/v2/guest/-')).length).toBeGreaterThan(2)
  expect(logged.filter((line) => line.includes(token))).toEqual([])
})

test('J4: requests are limited by link and by address, and say when to come back', async () => {
  ahead += 2 * MINUTE
  const token = await linkOf(r, await party(r, 'Ada'))
  for (let n = 0; n < limits.actionsPerLink; n++) expect((await ask('POST', token, '/on-my-way')).status).toBe(200)
  const refused = await ask('POST', token, '/on-my-way')
  expect([refused.status, refused.body.code]).toEqual([429, 'too-many-attempts'])
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect((await ask('GET', token)).status).toBe(200)
  const rest = limits.linkRequestsPerAddress - limits.actionsPerLink - 2
  for (let n = 0; n < rest; n++) expect((await ask('GET', 'guess')).status).toBe(404)
  expect((await ask('GET', 'guess')).status).toBe(429)
  ahead += MINUTE
  expect((await ask('GET', token)).status).toBe(200)
})

/** What a page hears until it is enough or its connection ends. */
async function follow(token: string): Promise<{ until(part: string): Promise<string>; close(): Promise<void> }> {
  const response = await fetch(`${app.base}/v2/guest/${token}/events`)
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  expect(response.headers.get('referrer-policy')).toBe('no-referrer')
  const reader = response.body!.getReader()
  let heard = ''
  return {
    async until(part) {
      while (!heard.includes(part)) {
        const { value, done } = await reader.read()
        if (done) throw new Error(`it ended: ${heard}`)
        heard += Buffer.from(value).toString()
      }
      expect(heard).not.toMatch(/secret-|5550100|Stranger/)
      return heard
    },
    close: () => reader.cancel(),
  }
}

test('J5: a page hears each change within a second, and the end of its link; their number is limited', async () => {
  ahead += 2 * MINUTE
  const guestId = await party(r, 'Ada')
  const token = await linkOf(r, guestId)
  const pages = await Promise.all(Array.from({ length: limits.eventsPerLink }, () => follow(token)))
  expect((await ask('GET', token, '/events')).status).toBe(429)
  await Promise.all(pages.map((page) => page.until('"state":"waiting"')))
  const began = performance.now()
  await r.v2('POST', `/guests/${guestId}/notify`, {})
  await pages[0]!.until('"state":"called"')
  expect(performance.now() - began).toBeLessThan(within(1_000))
  await r.v2('DELETE', `/guest-links/${guestId}`)
  await Promise.all(pages.map((page) => page.until('event: over')))
  expect(performance.now() - began).toBeLessThan(within(7_000))
  await Promise.all(pages.map((page) => page.close()))
  await expect.poll(() => app.app.guestEvents.size, { timeout: within(5_000) }).toBe(0)
})

test('J3: a link ends when it is renewed or revoked, an hour after the visit, after two days, and with the party', async () => {
  ahead += 2 * MINUTE
  const guestId = await party(r, 'Ada')
  const first = await linkOf(r, guestId)
  const second = await linkOf(r, guestId, { renew: true })
  await nothing(first)
  expect((await ask('GET', second)).status).toBe(200)
  expect((await r.v2('DELETE', `/guest-links/${guestId}`)).body.result).toEqual({ revoked: true })
  expect((await r.v2('DELETE', `/guest-links/${guestId}`)).body.result).toEqual({ revoked: false })
  await nothing(second)
  const third = await linkOf(r, guestId)
  await r.v2('POST', `/guests/${guestId}/status`, { status: 'cancelled' })
  const unended = await linkOf(r, await party(r, 'Bo'))
  const gone = await party(r, 'Cy')
  const ofGone = await linkOf(r, gone)
  await r.v2('DELETE', `/guests/${gone}`)
  await nothing(ofGone)
  ahead += 59 * MINUTE
  expect((await ask('GET', third)).body.result).toMatchObject({ state: 'over', ended: 'cancelled' })
  ahead += MINUTE
  await nothing(third)
  ahead += 46 * 60 * MINUTE
  expect((await ask('GET', unended)).status).toBe(200)
  ahead += 60 * MINUTE
  await nothing(unended)
})
