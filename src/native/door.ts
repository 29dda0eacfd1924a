import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { bearerOf } from '../platform/http/bearer.ts'
import { bodyBehindToken } from '../platform/http/body.ts'
import { AppError } from '../platform/errors.ts'
import { sendJson } from '../platform/http/json-reply.ts'
import { limits } from '../platform/limits.ts'
import { readInput, type ChangeDeps, type Command, type Context, type StaffActor } from '../changes/command/command.ts'
import { execute } from '../changes/command/execute.ts'
import { inputOf } from '../changes/input.ts'
import { tracked } from '../changes/tracked.ts'
import type { Query } from '../changes/query.ts'
import type { LiveFloors } from '../changes/floor/live-floors.ts'
import type { AccessRefusal, Reach } from '../staff/access/access.ts'
import type { Identities } from '../staff/access/identify.ts'
import type { Proven } from '../staff/staff.ts'
import { answerQuery } from './answer-query.ts'
import type { ReadAnswer } from '../changes/answers/etag.ts'
import { explainConflict } from './explain-conflict.ts'
import type { FloorRead } from './floor-reads.ts'
import { answerProblem } from './problem.ts'
import { inputInBody, inputInQuery, inputOfDelete, numbersIn } from './request-input.ts'

/** The prefix of the native API. */
export const NATIVE = '/v2/restaurants/:restaurantId'

/** What the native API needs. */
export interface NativeDeps extends ChangeDeps {
  readonly identities: Identities
  readonly floors: LiveFloors
}

/** The commands, queries and reads behind /v2. */
export interface NativeApi {
  readonly commands: readonly Command[]
  readonly queries: readonly Query[]
  readonly floorReads: readonly FloorRead[]
}

/** Mounts every command, query and read of the lists. Nothing here is specific to one of them. */
export function mountNative(
  server: FastifyInstance,
  deps: NativeDeps,
  { commands, queries, floorReads }: NativeApi,
): void {
  const explaining = { ...deps, explain: explainConflict }
  for (const c of commands) {
    const numbers = numbersIn(c.input)
    const said = c.method === 'DELETE' ? (request: FastifyRequest) => inputOfDelete(request, numbers) : inputInBody
    server.route({
      method: c.method,
      url: `${NATIVE}${c.path}`,
      errorHandler: (error, request, reply) => void answerProblem(error, request, reply),
      ...bodyBehindToken(refusalOf(deps.identities)),
      handler: async (request, reply) => {
        const context = await contextOf(deps, request, 'write')
        const tracking = tracked(explaining, request.trail, reply.raw)
        const input = readInput(c, context, said(request))
        const { result, seq, epoch, repeated } = await execute(tracking, c, context, input)
        if (repeated) void reply.header('idempotency-replayed', 'true')
        return send(reply, { result, seq, epoch })
      },
    })
  }
  for (const read of floorReads) mountFloorRead(server, deps, read)
  for (const q of queries) {
    server.route({
      method: 'GET',
      url: `${NATIVE}${q.path}`,
      errorHandler: (error, request, reply) => void answerProblem(error, request, reply),
      handler: async (request, reply) => {
        const context = await contextOf(deps, request, 'read')
        const raw = inputInQuery(request)
        return sendRead(
          reply,
          await answerQuery(tracked(deps, request.trail, reply.raw), q, context, { raw, ...conditionsOf(request) }),
        )
      },
    })
  }
}

function mountFloorRead(server: FastifyInstance, deps: NativeDeps, read: FloorRead): void {
  server.route({
    method: 'GET',
    url: `${NATIVE}${read.path}`,
    errorHandler: (error, request, reply) => void answerProblem(error, request, reply),
    handler: async (request, reply) => {
      const { restaurantId } = await contextOf(deps, request, 'read')
      const input = inputOf(read, inputInQuery(request))
      return sendRead(
        reply,
        await read.handle({
          deps: tracked(deps, request.trail, reply.raw),
          restaurantId,
          input,
          ...conditionsOf(request),
        }),
      )
    },
  })
}

/** How new an answer must be, and what the client already has. */
function conditionsOf(request: FastifyRequest): { minSeq: number | null; ifNoneMatch: string | null } {
  const ifNoneMatch = request.headers['if-none-match'] ?? null
  const text = headerOf(request, 'min-seq', 16)
  if (text === undefined) return { minSeq: null, ifNoneMatch }
  const minSeq = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(minSeq))
    throw new AppError('invalid-header', 422, 'The header min-seq is a whole number below 2^53')
  return { minSeq, ifNoneMatch }
}

/** Only the client may cache a read, and it asks each time whether it is still valid. */
function sendRead(reply: FastifyReply, { etag, body, type = 'application/json' }: ReadAnswer): FastifyReply {
  void reply.header('cache-control', 'private, no-cache')
  if (etag !== null) void reply.header('etag', etag)
  return body === null ? reply.code(304).send() : reply.type(type).send(Buffer.from(body))
}

/** Answers with JSON, without a charset in the type. */
export const send = (reply: FastifyReply, body: object): FastifyReply =>
  sendJson(reply, 'application/json', JSON.stringify(body))

/**
 * The caller, if access is granted. Throws `AppError` not-signed-in (401), restaurant-not-found (404),
 * restaurant-inactive (403).
 */
export async function identityOf(
  identities: Identities,
  request: FastifyRequest,
  reach: Reach,
  knows: 'people' | 'devices' = 'people',
): Promise<Proven> {
  const bearer = bearerOf(request.headers.authorization)
  const verdict = await identities.admit(bearer.kind === 'token' ? bearer.token : '', reach, knows)
  request.trail.restaurantId = verdict.restaurantId
  if (verdict.admitted) return verdict.admitted
  throw refusals[verdict.why]()
}

const notSignedIn = () =>
  new AppError('not-signed-in', 401, 'Send the header "Authorization: Bearer <token>" with a valid token')
// A foreign restaurant is answered like one that does not exist.
const refusals: Readonly<Record<AccessRefusal, () => AppError>> = {
  unknown: notSignedIn,
  inactive: notSignedIn,
  elsewhere: () => new AppError('restaurant-not-found', 404, 'There is no such restaurant'),
  suspended: () => new AppError('restaurant-inactive', 403, 'This restaurant is suspended'),
}

/** The fault of a request's token by itself, or null. */
const refusalOf = (identities: Identities) => (request: FastifyRequest) => {
  const bearer = bearerOf(request.headers.authorization)
  return bearer.kind === 'token' && identities.isSigned(bearer.token) ? null : notSignedIn()
}

/** The context of a request: person, restaurant and device. What is written is written by a person. */
async function contextOf(deps: NativeDeps, request: FastifyRequest, does: 'read' | 'write'): Promise<Context> {
  const { restaurantId } = request.params as { restaurantId: string }
  const identity = await identityOf(deps.identities, request, () => restaurantId, 'devices')
  const mutationId = headerOf(request, 'idempotency-key', limits.mutationIdCharacters)
  const device = identity.deviceName ?? headerOf(request, 'x-device', limits.deviceCharacters)
  return {
    restaurantId,
    actor: await actorOf(deps, identity, request, does),
    ...(mutationId !== undefined && { mutationId }),
    ...(device !== undefined && { device }),
  }
}

/**
 * Who acts: the person of the token; on a shared device, the person who proved their PIN there. A device alone may read
 * what a host may. Throws `AppError` person-needed (403). Spec: A23.
 */
async function actorOf(
  { identities }: NativeDeps,
  identity: Proven,
  request: FastifyRequest,
  does: 'read' | 'write',
): Promise<StaffActor> {
  const { staffId, role, deviceName } = identity
  if (deviceName === null) return { staffId, role }
  const grant = headerOf(request, 'x-person', limits.grantCharacters)
  if (grant === undefined && does === 'read') return { staffId, role }
  const person = grant === undefined ? null : await identities.personOn(identity, grant)
  if (person) return person
  throw new AppError('person-needed', 403, 'Somebody has to enter their PIN on this device')
}

function headerOf(request: FastifyRequest, name: string, max: number): string | undefined {
  const value = request.headers[name]
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value === '' || value.length > max)
    throw new AppError('invalid-header', 422, `The header ${name} has 1 to ${max} characters`)
  return value
}
