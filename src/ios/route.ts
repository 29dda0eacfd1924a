import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { bearerOf } from '../platform/http/bearer.ts'
import { bodyBehindToken } from '../platform/http/body.ts'
import { sendJson } from '../platform/http/json-reply.ts'
import { limits } from '../platform/limits.ts'
import type { Clock } from '../platform/clock.ts'
import { originOf, type Origin } from '../platform/http/origin.ts'
import type { Tokens } from '../platform/tokens.ts'
import type { Answers, Shape } from '../changes/answers/answers.ts'
import type { ChangeDeps, Context } from '../changes/command/command.ts'
import { clientHas } from '../changes/answers/etag.ts'
import { tracked } from '../changes/tracked.ts'
import type { AccessRefusal, Reach } from '../staff/access/access.ts'
import type { Identities } from '../staff/access/identify.ts'
import type { SignInAttempts } from '../staff/sign-ins/sign-in-attempts.ts'
import type { Identity } from '../staff/staff.ts'
import { codingOf } from './coding.ts'
import {
  accessDenied,
  answerOf,
  badToken,
  detail,
  invalid,
  notAuthenticated,
  otherScheme,
  type ContractError,
} from './errors.ts'
import { missing, parseModel, valueError, ValidationError, type ValidationItem } from './pydantic/pydantic.ts'
import type { RepeatedReads } from './kept-answers/repeated-reads.ts'

/** What the contract's handlers work with. */
export interface IosDeps extends ChangeDeps {
  readonly clock: Clock
  readonly tokens: Tokens
  readonly attempts: SignInAttempts
  readonly identities: Identities
  readonly answers: Answers
  readonly repeated: RepeatedReads
  readonly tokenMinutes: number
  readonly historyDays: number
  /** Days that the floor in memory goes back. */
  readonly floorDays: number
}

/** What shapes work with. */
export type ShapeDeps = Pick<IosDeps, 'db' | 'clock' | 'historyDays' | 'floorDays'>

/** One request, read and let in. */
export interface Call<Body, Query> {
  readonly deps: IosDeps
  readonly body: Body
  /** The body as it was sent. */
  readonly sent: unknown
  readonly query: Query
  readonly params: Readonly<Record<string, string>>
  /** Who calls, and for which restaurant. Public routes have neither. */
  readonly identity: Identity
  readonly context: Context
  readonly origin: () => Origin
}

/**
 * One endpoint of the contract: everything that is said of it anywhere. `access`: `public`, `identity` (a valid token of an active user, who is told of
 * nobody but themselves), `own` (and the user's restaurant is active), `restaurant` (and it is the one in the path), `query` (and it is the one in the query's `restaurant_id`).
 */
export interface Route<Body extends z.ZodType = z.ZodType, Query extends z.ZodType = z.ZodType> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly name: string
  readonly summary: string
  readonly tag: string
  readonly access: 'public' | 'identity' | 'own' | 'restaurant' | 'query'
  readonly body?: Body
  readonly query?: Query
  readonly answer: z.ZodType
  /** Statuses that it may refuse with, beside those that its kind of access and its body bring. */
  readonly refusals?: readonly number[]
  /** For a read that follows from the floor: what it answers with, the same for all who ask the same. Null where it must be asked for each time, by `handle`. */
  shape?(deps: ShapeDeps, query: z.output<Query>): Shape | null
  /** Answers. Only a read that always has a shape has none. */
  handle?(call: Call<z.output<Body>, z.output<Query>>): Promise<unknown>
}

/** Declares an endpoint. */
export const route = <Body extends z.ZodType, Query extends z.ZodType>(r: Route<Body, Query>): Route<Body, Query> => r

/**
 * Puts an endpoint into the server. The order of checks is the contract's: the body's syntax (read by the content parser), the token, the
 * restaurant, the fields, then the handler.
 */
export function mount(server: FastifyInstance, deps: IosDeps, r: Route): void {
  const shapeOf = r.shape ? shapesOf(deps, r) : () => null
  server.route({
    method: r.method,
    url: r.path,
    errorHandler: (error, request, reply) => void answerError(error, request, reply),
    ...(r.access !== 'public' && r.method !== 'GET' && bodyBehindToken(refusalOf(deps.identities))),
    config: { takesNoBody: r.body === undefined },
    handler: async (request, reply) => {
      const identity = r.access === 'public' ? nobody : await admit(deps, r, request)
      const shape = shapeOf(request)
      if (shape) return sendAnswer(deps, r, identity.restaurantId, shape, request, reply)
      const { body, query } = inputOf(r, request)
      const params = request.params as Record<string, string>
      const answer = await r.handle!({
        deps: tracked(deps, request.trail, reply.raw),
        body,
        sent: request.body,
        query,
        params,
        identity,
        context: contextOf(identity, request),
        origin: () => originOf(request, reply),
      })
      if (request.trail.repeated) void reply.header('idempotency-replayed', 'true')
      return send(reply, 200, answer)
    },
  })
}

const nobody = {} as Identity

/** The shapes of a read by its query string: each is read and checked once, because nearly all requests ask with the same few. */
function shapesOf(deps: IosDeps, r: Route): (request: FastifyRequest) => Shape | null {
  const known = new Map<string, Shape | null>()
  return ({ url, query }) => {
    const start = url.indexOf('?')
    const search = start < 0 ? '' : url.slice(start)
    const found = known.get(search)
    if (found !== undefined) return found
    const shape = r.shape!(deps, r.query ? parseModel(r.query, query, 'query') : undefined)
    if (search.length <= limits.rememberedQueryCharacters) {
      if (known.size >= limits.rememberedQueries) known.clear()
      known.set(search, shape)
    }
    return shape
  }
}

/** Sends what a shape answers, or 304 to whoever has it. A client may keep it, and asks each time whether it still counts. */
async function sendAnswer(
  { answers, repeated }: IosDeps,
  { name, path, access }: Route,
  restaurantId: string,
  shape: Shape,
  { headers, trail, url, raw }: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const accepted = headers['accept-encoding']
  const asked = accepted === undefined ? 'identity' : codingOf(accepted)
  const answer = await answers.get(restaurantId, shape, asked, repeated.toldTo(raw))
  const { etag, body, coding, found } = answer
  const isKnown = headers['if-none-match'] !== undefined && clientHas(headers['if-none-match'], etag)
  trail.cached(name, isKnown ? 'not-modified' : found)
  if (access === 'restaurant' || access === 'query') repeated.note(url, { restaurantId, route: path, name, shape })
  // Beside what CORS may have put there.
  const vary = reply.getHeader('vary')
  void reply
    .header('etag', etag)
    .header('cache-control', 'private, no-cache')
    .header('vary', vary === undefined ? 'accept-encoding' : `${String(vary)}, accept-encoding`)
  if (isKnown) return reply.code(304).send()
  if (coding !== 'identity') void reply.header('content-encoding', coding)
  return reply.header('content-type', 'application/json').send(body)
}

/** The token of a request. Throws what the contract says where there is none. */
function tokenIn(request: FastifyRequest): string {
  const bearer = bearerOf(request.headers.authorization)
  if (bearer.kind === 'missing') throw notAuthenticated()
  if (bearer.kind === 'other-scheme') throw otherScheme()
  return bearer.token
}

/** What is wrong with the token of a request by itself, or null: the same as {@link admit} throws. */
const refusalOf = (identities: Identities) => (request: FastifyRequest) => {
  try {
    return identities.isSigned(tokenIn(request)) ? null : badToken()
  } catch (error) {
    return error as ContractError
  }
}

/** Who calls, if they may. Throws what the contract says. */
async function admit(deps: IosDeps, r: Route, request: FastifyRequest): Promise<Identity> {
  const verdict = await deps.identities.admit(tokenIn(request), reachOf(r, request))
  request.trail.restaurantId = verdict.restaurantId
  if (!verdict.admitted) throw refusals[verdict.why]()
  return verdict.admitted
}

const refusals: Readonly<Record<AccessRefusal, () => ContractError>> = {
  unknown: badToken,
  inactive: () => detail(401, 'Inactive user'),
  elsewhere: accessDenied,
  suspended: () => detail(403, 'Restaurant account is inactive'),
}

function reachOf(r: Route, request: FastifyRequest): Reach {
  if (r.access === 'identity') return 'self'
  return r.access === 'own' ? 'own' : () => named(r, request)
}

/** What a request says, read. Throws every fault of it, the query's first. */
function inputOf(r: Route, request: FastifyRequest, before: readonly ValidationItem[] = []) {
  const faults = [...before]
  const read = (schema: z.ZodType | undefined, value: unknown, root: 'query' | 'body'): unknown => {
    try {
      return schema && parseModel(schema, value, root)
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error
      return void faults.push(...error.detail)
    }
  }
  const query = read(r.query, request.query, 'query')
  const body = read(r.body, request.body, 'body')
  if (faults.length > 0) throw new ValidationError(faults)
  return { query, body }
}

/** The restaurant that a request names. One that leaves it out of the query is told so twice, as it always was, and of all else that is missing. */
function named(r: Route, request: FastifyRequest): unknown {
  if (r.access === 'restaurant') return (request.params as Record<string, string>)['restaurantId']
  const { restaurant_id: id } = request.query as Record<string, string | string[] | undefined>
  if (id === undefined) inputOf(r, request, [missing(['query', 'restaurant_id'])])
  return Array.isArray(id) ? id.at(-1) : id
}

function contextOf(identity: Identity, request: FastifyRequest): Context {
  // Reading is no mutation.
  const mutationId = request.method === 'GET' ? undefined : request.headers['idempotency-key']
  const device = request.headers['x-device']
  return {
    restaurantId: identity.restaurantId,
    actor: { staffId: identity.staffId, role: identity.role },
    tellsUnchanged: true,
    ...(typeof mutationId === 'string' && { mutationId: bounded(mutationId, limits.mutationIdCharacters) }),
    ...(typeof device === 'string' && { device: device.slice(0, limits.deviceCharacters) }),
  }
}

function bounded(text: string, max: number): string {
  if (text.length > max || text === '')
    throw invalid([valueError(['header', 'idempotency-key'], `the key has 1 to ${max} characters`, text)])
  return text
}

/** Sends JSON as the contract has it: compact, no charset in the type. */
export function send(
  reply: FastifyReply,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): FastifyReply {
  return sendJson(reply.code(status).headers(headers), 'application/json', JSON.stringify(body))
}

/** Answers whatever was thrown; a bug is logged and answered with nothing of it. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const answer: ContractError | null = answerOf(error, request.body)
  request.trail.refused(answer ? error : null)
  if (request.trail.repeated) void reply.header('idempotency-replayed', 'true')
  if (answer) return send(reply, answer.status, answer.body, answer.headers)
  request.log.error({ err: error }, 'a request failed')
  return send(reply, 500, { success: false, message: 'Internal server error' })
}
