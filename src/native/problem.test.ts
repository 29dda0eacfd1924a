import Fastify, { type FastifyBaseLogger } from 'fastify'
import { afterAll, expect, test, vi } from 'vitest'
import { readBodies } from '../platform/http/body.ts'
import { AppError } from '../platform/errors.ts'
import { createLog } from '../platform/observability/log.ts'
import { Trail } from '../platform/observability/request-trail.ts'
import { answerProblem, problemShape } from './problem.ts'
import { upTo } from '../../test/patience.ts'

/** How whatever was thrown is answered at /v2. */

vi.setConfig({ testTimeout: upTo(5_000) })

const logged: { err: { message: string } }[] = []
const log: FastifyBaseLogger = createLog('error', { write: (line) => void logged.push(JSON.parse(line)) })
const server = Fastify({ loggerInstance: log, genReqId: () => 'request-7', bodyLimit: 50 })
afterAll(() => server.close())

let thrown: unknown
let trail: Trail
server.decorateRequest('trail')
server.addHook('onRequest', (request, _, done) => {
  request.trail = trail = new Trail(null, request.method, request.headers)
  request.trail.repeated = request.headers['x-repeated'] !== undefined
  done()
})
readBodies(server)
server.route({
  method: ['GET', 'POST'],
  url: '/',
  errorHandler: (error, request, reply) => void answerProblem(error, request, reply),
  handler: () => {
    throw thrown
  },
})

async function answer(error: unknown, headers: Record<string, string> = {}) {
  thrown = error
  const { statusCode, headers: sent, body } = await server.inject({ url: '/', headers })
  return { status: statusCode, headers: sent, body: JSON.parse(body) as Record<string, unknown> }
}

test('N2: a refusal is a problem with its code, its details and the id of the request, which no detail takes the place of', async () => {
  const details = { guest: { id: 'g' }, code: 'mine', status: 1, type: 'x', title: 'y', requestId: 'z' }
  const { status, headers, body } = await answer(new AppError('version-conflict', 409, 'It has moved on', details))
  expect([status, headers['content-type']]).toEqual([409, 'application/problem+json'])
  expect(body).toEqual({
    guest: { id: 'g' },
    type: 'urn:qtable:version-conflict',
    title: 'It has moved on',
    status: 409,
    code: 'version-conflict',
    requestId: 'request-7',
  })
  expect(trail.code).toBe('version-conflict')
  for (const name of ['retry-after', 'www-authenticate', 'idempotency-replayed']) expect(headers[name]).toBe(undefined)
})

test('N2, P14, A14, L5: each status brings the header that goes with it, and no other', async () => {
  const of = async (error: AppError, more = {}) => {
    const { headers } = await answer(error, more)
    return [headers['retry-after'], headers['www-authenticate'], headers['idempotency-replayed']]
  }
  expect(await of(new AppError('busy', 503, 'later'))).toEqual(['1', undefined, undefined])
  expect(await of(new AppError('busy', 503, 'later', { retryAfterSeconds: 9 }))).toEqual(['1', undefined, undefined])
  const wait = (details: Record<string, unknown>) => new AppError('too-many-attempts', 429, 'wait', details)
  expect(await of(wait({ retryAfterSeconds: 77 }))).toEqual(['77', undefined, undefined])
  expect(await of(wait({}))).toEqual(['1', undefined, undefined])
  expect(await of(new AppError('not-signed-in', 401, 'no'))).toEqual([undefined, 'Bearer', undefined])
  expect(await of(new AppError('not-allowed', 403, 'no'), { 'x-repeated': '1' })).toEqual([
    undefined,
    undefined,
    'true',
  ])
})

test('P12: a body that cannot be read is the client’s fault, whatever is wrong with it', async () => {
  const post = async (payload: string | Buffer, type = 'application/json') => {
    const { statusCode, body } = await server.inject({
      method: 'POST',
      url: '/',
      payload,
      headers: { 'content-type': type },
    })
    const { code, status, title } = JSON.parse(body) as Record<string, unknown>
    expect(status).toBe(statusCode)
    return [statusCode, code, title]
  }
  thrown = new AppError('not-allowed', 403, 'it was read')
  expect(await post('{}')).toEqual([403, 'not-allowed', 'it was read'])
  expect(await post('{"a":')).toEqual([400, 'malformed-json', 'The body is not valid JSON'])
  expect((await post(Buffer.from([0x22, 0xff, 0x22]))).slice(0, 2)).toEqual([400, 'malformed-json'])
  expect((await post(`"${'x'.repeat(60)}"`)).slice(0, 2)).toEqual([413, 'bad-request'])
  expect(logged).toEqual([])
})

test('N2, P12: what a library refuses keeps its status; everything else is a bug, is logged and says nothing of itself', async () => {
  const failing = (statusCode: number | undefined, message = 'from a library') =>
    Object.assign(new Error(message), statusCode === undefined ? {} : { statusCode })
  for (const status of [400, 404, 499]) {
    const { body } = await answer(failing(status))
    expect(body).toMatchObject({ code: 'bad-request', status, title: 'from a library' })
    expect(trail.code).toBe('bad-request')
  }
  expect(logged).toEqual([])
  for (const error of [failing(399), failing(500), failing(503), failing(undefined)]) {
    const { status, body } = await answer(error)
    expect([status, body['code'], body['requestId']]).toEqual([500, 'internal', 'request-7'])
    expect(JSON.stringify(body)).not.toContain('library')
    expect(trail.code).toBe('bug')
    expect(logged.pop()!.err.message).toBe('from a library')
  }
})

test('C8, N2: a problem has what its schema says, and may have more', () => {
  const problem = { type: 't', title: 't', status: 409, code: 'c', requestId: 'r' }
  expect(problemShape.safeParse({ ...problem, guest: {}, changed: null }).success).toBe(true)
  for (const name of Object.keys(problem))
    expect(problemShape.safeParse({ ...problem, [name]: undefined }).success, name).toBe(false)
  expect(problemShape.safeParse({ ...problem, changed: {} }).success).toBe(false)
  // What the documents call it.
  expect(problemShape.meta()).toEqual({ id: 'Problem' })
})
