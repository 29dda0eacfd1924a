import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/platform/ids.ts'
import { limits } from '../../src/platform/limits.ts'
import { TEST_SECRET } from '../kit.ts'
import { goodAddress, goodBody, operations, titleOf, type Operation } from './operations.ts'
import { Raw } from './raw.ts'
import { expectRefusal } from './refusals.ts'
import { openTrial, type Trial } from './trial.ts'

/** Whoever has no good token, or is not active, is let in nowhere. */

let trial: Trial
beforeAll(async () => {
  trial = await openTrial()
})
afterAll(() => trial.close())

const secured = operations.filter((op) => !op.isPublic)

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
  const claims = { sub: trial.restaurant.staffId, restaurant_id: trial.restaurant.id, exp: soon() }
  const [head, payload, mac] = trial.restaurant.token.split('.') as [string, string, string]
  const bearer = (label: string, token: string) => [label, `Bearer ${token}`, 401] as const
  return [
    ['missing', undefined, 403],
    ['empty', '', 403],
    ['Bearer and nothing', 'Bearer', 403],
    ['Bearer and blanks', 'Bearer   ', 403],
    ['Basic', `Basic ${Buffer.from('a:b').toString('base64')}`, 403],
    ['another scheme', `Token ${trial.restaurant.token}`, 403],
    bearer('malformed', 'nope'),
    bearer('two dots', '..'),
    bearer('two parts', `${head}.${payload}`),
    bearer('four parts', `${trial.restaurant.token}.x`),
    bearer('two tokens', `${trial.restaurant.token} ${trial.restaurant.token}`),
    bearer('long', 'x'.repeat(8000)),
    bearer('a bit of the signature changed', `${head}.${payload}.${mac.startsWith('A') ? 'B' : 'A'}${mac.slice(1)}`),
    bearer('no signature', `${head}.${payload}.`),
    bearer('padded signature', `${trial.restaurant.token}=`),
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
    bearer('a restaurant as user', tokenOf(HEAD, { ...claims, sub: trial.restaurant.id })),
    bearer('claims are a list', tokenOf(HEAD, [claims])),
    bearer('claims are no JSON', tokenOf(HEAD, '{"sub":')),
  ]
}

describe('P9, P12, L6: authorization', () => {
  test('P9: a token made here with the right key and claims is let in, so that the others are refused for what is wrong with them', async () => {
    const token = tokenOf(HEAD, { sub: trial.restaurant.staffId, exp: soon() })
    expect((await trial.app.call('GET', '/auth/me', undefined, { authorization: `bEaReR ${token}` })).status).toBe(200)
  })

  for (const op of secured) {
    test(`P9, P12: ${titleOf(op)}`, async () => {
      await trial.ears.attend()
      const before = await trial.witness.everything()
      for (const [label, authorization, status] of badAuthorizations()) {
        const body = op.body && Raw.write(goodBody(op, trial.ids))
        const headers = authorization === undefined ? {} : { authorization }
        const answer = await trial.app.call(op.method, goodAddress(op, trial.ids), body, headers)
        expectRefusal(op, answer, label)
        expect(answer.status, label).toBe(op.door === 'v2' ? 401 : status)
        if (op.door === 'ios') {
          expect(answer.headers.get('www-authenticate'), label).toBe(status === 401 ? 'Bearer' : null)
          const text =
            label === 'Basic' || label === 'another scheme' ? 'Invalid authentication credentials' : 'Not authenticated'
          expect(answer.body.detail, label).toBe(status === 401 ? 'Could not validate credentials' : text)
        }
      }
      expect(await trial.witness.everything()).toBe(before)
      await trial.ears.heardNothing()
    })
  }

  test('P9, P12: an inactive user and an inactive restaurant', async () => {
    const other = await trial.app.restaurant('Suspended')
    const at = (op: Operation) => ({
      params: { restaurantId: other.id },
      ...(op.access === 'query' && { query: { restaurant_id: other.id } }),
      token: other.token,
      ...(op.body && { body: goodBody(op, trial.ids) }),
    })
    const expectAll = async (native: readonly [number, string], ios: readonly [number, string], me: number) => {
      const before = await trial.witness.everything()
      for (const op of secured) {
        const answer = await trial.send(op, at(op))
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
      expect(await trial.witness.everything()).toBe(before)
    }
    // What is known of a user is remembered for a while.
    const set = async (sql: string) => {
      await trial.app.database.sql(`update qtable.${sql} where restaurant_id = $1`, [other.id])
      await new Promise((resolve) => setTimeout(resolve, limits.identityMillis + 50))
    }
    expect((await other.call('GET', '/tables')).status).toBe(200)
    await set('restaurants set is_active = false')
    await expectAll([403, 'restaurant-inactive'], [403, 'Restaurant account is inactive'], 200)
    const login = await trial.app.call('POST', '/auth/login', { email: other.email, password: 'Tall-Cedar-71' })
    expect([login.status, login.body]).toEqual([401, { detail: 'Restaurant account is inactive' }])
    await set('staff set is_active = false')
    await expectAll([401, 'not-signed-in'], [401, 'Inactive user'], 401)
    await set('restaurants set is_active = true')
    await expectAll([401, 'not-signed-in'], [401, 'Inactive user'], 401)
    const again = await trial.app.call('POST', '/auth/login', { email: other.email, password: 'Tall-Cedar-71' })
    expect([again.status, again.body]).toEqual([401, { detail: 'Account is inactive' }])
    await set('staff set is_active = true')
    expect((await other.call('GET', '/tables')).status).toBe(200)
  })
})
