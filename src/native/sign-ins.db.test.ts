import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { openDatabase, TEST_PASSWORD, type TestDatabase } from '../../test/kit.ts'
import { openParts, type House, type Parts } from '../../test/parts.ts'
import { readBodies } from '../platform/http/body.ts'
import { limits } from '../platform/limits.ts'
import { Trail } from '../platform/observability/request-trail.ts'
import { Identities } from '../staff/access/identify.ts'
import { mountNativeRoute } from './route.ts'
import { me, refresh, signIn, signOut } from './sign-ins.ts'
import { upTo } from '../../test/patience.ts'

/** The endpoints of signing in: what they take, and that what they answer is what they say they do. */

vi.setConfig({ testTimeout: upTo(5_000) })

let database: TestDatabase
let parts: Parts
let server: FastifyInstance
let house: House
beforeAll(async () => {
  database = await openDatabase(5)
  parts = openParts(database.db)
  server = Fastify()
  server.decorateRequest('trail')
  server.addHook('onRequest', (request, _, done) => {
    request.trail = new Trail(null, request.method, request.headers)
    done()
  })
  readBodies(server)
  const identities = new Identities(database.db, parts.tokens)
  for (const route of [signIn, refresh, signOut, me]) mountNativeRoute(server, { ...parts, identities }, route)
})
afterAll(async () => {
  await server.close()
  parts.close()
  await database.close()
})
beforeEach(async () => {
  house = await parts.house()
})

// oxlint-disable-next-line typescript/no-explicit-any
async function send(method: 'GET' | 'POST', url: string, payload?: object, token?: string): Promise<[number, any]> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const answer = await server.inject({ method, url, headers, ...(payload && { payload }) })
  return [answer.statusCode, answer.json()]
}
const credentials = (more: object = {}) => ({ email: house.email, password: TEST_PASSWORD, ...more })

test('A5, A8, C8: who signs in, refreshes, asks who they are and signs out is answered what is declared', async () => {
  const [status, first] = await send('POST', '/v2/sign-in', credentials({ device: 'Host stand' }))
  expect([status, signIn.answer.parse(first)]).toEqual([200, first])
  const [stored] = await database.sql('select device from qtable.sign_ins where restaurant_id = $1', [house.id])
  expect(stored).toEqual({ device: 'Host stand' })
  const [, second] = await send('POST', '/v2/refresh', { refreshToken: first.refreshToken })
  expect(refresh.answer.parse(second)).toEqual(second)
  expect(second).toMatchObject({ staffId: house.staffId, restaurantId: house.id, role: 'owner' })
  const [, told] = await send('GET', '/v2/me', undefined, second.accessToken)
  expect([me.answer.parse(told), me.method, me.access]).toEqual([told, 'GET', 'identity'])
  expect(told).toEqual({
    staffId: house.staffId,
    email: house.email,
    firstName: null,
    lastName: null,
    role: 'owner',
    restaurantId: house.id,
    restaurantName: 'Cedar',
    restaurantIsActive: true,
  })
  expect(await send('POST', '/v2/sign-out', { refreshToken: second.refreshToken })).toEqual([200, { ended: true }])
  expect(await send('POST', '/v2/sign-out', { refreshToken: second.refreshToken })).toEqual([200, { ended: false }])
  const [refused, problem] = await send('POST', '/v2/refresh', { refreshToken: second.refreshToken })
  expect([refused, problem.code]).toEqual([401, 'refresh-refused'])
  const [, plain] = await send('POST', '/v2/sign-in', credentials())
  expect(plain.staffId).toBe(house.staffId)
})

test('P12, N9: what is too long, missing or unknown is refused by name', async () => {
  const token = 'x'.repeat(limits.refreshTokenCharacters)
  const named = async (url: string, payload: object) => {
    const [status, { problems }] = await send('POST', url, payload)
    return [status, problems?.map(({ path }: { path: string[] }) => path.join('.'))]
  }
  for (const [more, name] of [
    [{ email: 'x'.repeat(256) }, 'email'],
    [{ email: undefined }, 'email'],
    [{ password: undefined }, 'password'],
    [{ password: 'x'.repeat(limits.passwordCharacters + 1) }, 'password'],
    [{ device: 'x'.repeat(limits.deviceCharacters + 1) }, 'device'],
    [{ device: null }, 'device'],
    [{ more: 1 }, 'more'],
  ] as const)
    expect(await named('/v2/sign-in', credentials(more)), name).toEqual([422, [name]])
  for (const url of ['/v2/refresh', '/v2/sign-out']) {
    for (const refreshToken of ['', `${token}x`, undefined, 5])
      expect(await named(url, { refreshToken })).toEqual([422, ['refreshToken']])
    expect(await named(url, { refreshToken: token, more: 1 })).toEqual([422, ['more']])
    expect((await send('POST', url, { refreshToken: token }))[0]).toBe(url === '/v2/refresh' ? 401 : 200)
  }
})
