import { z } from 'zod'
import type { Command } from '../changes/command/command.ts'
import { nouns } from '../floor/nouns.ts'
import type { Query } from '../changes/query.ts'
import { idField } from '../platform/fields.ts'
import type { Route } from '../ios/route.ts'
import type { NativeRoute } from '../native/route.ts'
import { NATIVE } from '../native/door.ts'
import type { FloorRead } from '../native/floor-reads.ts'
import { problemShape } from '../native/problem.ts'
import { jsonSchema, type Json } from './json-schema.ts'

/** The OpenAPI 3.1 document, made from the schemas that parse requests. */

/** The operations that the document describes. */
export interface Api {
  readonly routes: readonly Route[]
  readonly nativeRoutes: readonly NativeRoute[]
  readonly commands: readonly Command[]
  readonly queries: readonly Query[]
  readonly floorReads: readonly FloorRead[]
}

const detailShape = z.object({ detail: z.string() }).meta({ id: 'Detail' })
const notFoundShape = z
  .object({ success: z.literal(false), message: z.literal('Resource not found') })
  .meta({ id: 'NotFound' })
const invalidShape = z
  .object({
    detail: z.array(
      z.object({
        type: z.string(),
        loc: z.array(z.union([z.string(), z.int()])),
        msg: z.string(),
        input: z.unknown(),
        ctx: z.looseObject({}).optional(),
        url: z.string().optional(),
      }),
    ),
  })
  .meta({ id: 'Invalid' })

/** The document for an API. */
export function openApi({ routes, nativeRoutes, commands, queries, floorReads }: Api): Json {
  const schemas: Json = {}
  const paths: Record<string, Json> = {}
  const put = (path: string, method: string, operation: Json) => {
    const key = path.replace(/:(\w+)/g, '{$1}')
    paths[key] = { ...paths[key], [method.toLowerCase()]: operation }
  }
  for (const r of routes) put(r.path, r.method, iosOperation(r, schemas))
  for (const r of nativeRoutes) put(r.path, r.method, nativeRouteOperation(r, schemas))
  for (const c of commands) put(`${NATIVE}${c.path}`, c.method, nativeOperation(c, schemas, c.method !== 'DELETE'))
  for (const q of queries) put(`${NATIVE}${q.path}`, 'GET', nativeOperation(q, schemas, false))
  // Entities of the stream, also of kinds that no operation answers with.
  for (const { schema } of nouns) jsonSchema(schema, schemas, 'sent')
  for (const r of floorReads) put(`${NATIVE}${r.path}`, 'GET', floorOperation(r, schemas))
  return {
    openapi: '3.1.0',
    info: {
      title: 'QTable',
      version: '1.0.0',
      description: "The live floor of a restaurant. The iPad app's contract, and the native API below /v2.",
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    paths,
    components: { schemas, securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
  }
}

function iosOperation(r: Route, schemas: Json): Json {
  const answers: Json = { 200: answer('Done', r.answer, schemas) }
  const refuse = (status: number, shape: z.ZodType) => (answers[status] ??= answer(reason(status), shape, schemas))
  if (r.access !== 'public') {
    refuse(401, detailShape)
    refuse(403, detailShape)
  }
  // A body is read before the route decides whether it needs one.
  const mayHaveBody = r.method !== 'GET'
  if (mayHaveBody || r.query) refuse(422, invalidShape)
  if (mayHaveBody) refuse(413, detailShape)
  for (const status of r.refusals ?? []) refuse(status, status === 404 ? notFoundShape : detailShape)
  refuse(503, detailShape)
  const query = r.query ? jsonSchema(r.query, schemas, 'read') : undefined
  return {
    operationId: r.name,
    summary: r.summary,
    tags: [r.tag],
    parameters: [
      ...pathParameters(r.path),
      ...(mayHaveBody && r.access !== 'public' ? [idempotencyKey] : []),
      ...queryParameters(query),
      ...(r.shape ? [ifNoneMatch] : []),
    ],
    ...(r.body && { requestBody: body(jsonSchema(r.body, schemas, 'read')) }),
    responses: { ...answers, ...(r.shape && notModified) },
    security: r.access === 'public' ? [] : [{ bearer: [] }],
  }
}

function nativeRouteOperation(r: NativeRoute, schemas: Json): Json {
  const refusals = [...(r.method === 'POST' ? [400, 413, 422] : []), ...r.refusals, 503].sort((a, b) => a - b)
  return {
    operationId: r.name,
    summary: r.summary,
    tags: ['v2'],
    parameters: [],
    ...(r.method === 'POST' && { requestBody: body(jsonSchema(r.input, schemas, 'read')) }),
    responses: { 200: answer('Done', r.answer, schemas), ...problems(refusals, schemas) },
    security: r.access === 'public' ? [] : [{ bearer: [] }],
  }
}

function nativeOperation(c: Command | Query, schemas: Json, hasBody: boolean): Json {
  const path = `${NATIVE}${c.path}`
  const inPath = [...path.matchAll(/:(\w+)/g)].map((m) => m[1]!)
  const input = without(jsonSchema(c.input, schemas, 'read'), inPath)
  const refusals = 'method' in c ? [400, 401, 403, 404, 409, 413, 422, 503] : [401, 403, 404, 409, 422, 503]
  return {
    operationId: c.name,
    summary: c.summary,
    ...('method' in c && !hasBody && { description: inBodyToo }),
    tags: ['v2'],
    parameters: [
      ...pathParameters(path),
      ...('method' in c ? [idempotencyKey] : []),
      ...(hasBody ? [] : queryParameters(input)),
      ...('method' in c ? [] : [minSeq, ...(c.followsLog ? [ifNoneMatch] : [])]),
    ],
    ...(hasBody && { requestBody: body(input) }),
    responses: {
      200: withCsv(answer('Done', envelopeOf(c), schemas), c),
      ...('followsLog' in c && c.followsLog && notModified),
      ...problems(refusals, schemas),
    },
    security: [{ bearer: [] }],
  }
}

const inBodyToo = 'The query may be sent in a JSON body instead, as {"version": 3}. If both are sent, they must agree'

const placeShape = {
  seq: z.int().nullable().meta({ description: 'The change that the command made; null when nothing changed' }),
  epoch: idField.nullable().meta({
    description: 'The epoch of seq; null without seq, or when an older server gave the answer first',
  }),
}

/** The object around the result of an answer. */
function envelopeOf(c: Command | Query): z.ZodType {
  if ('method' in c) return z.object({ result: c.answer, ...placeShape })
  return c.pageSize
    ? z.object({ result: c.answer, next: z.string().nullable().meta({ description: 'The cursor of the next page' }) })
    : z.object({ result: c.answer })
}

/** An answer that is given as CSV too. */
function withCsv(answered: Json, c: Command | Query): Json {
  if (!('csv' in c)) return answered
  return { ...answered, content: { ...(answered['content'] as Json), 'text/csv': { schema: { type: 'string' } } } }
}

const notModified = { 304: { description: 'Nothing has changed since the answer that the client has' } }

function floorOperation(r: FloorRead, schemas: Json): Json {
  const refusals = [...new Set([401, 403, 404, 422, 503, ...r.refusals])].sort((a, b) => a - b)
  return {
    operationId: r.name,
    summary: r.summary,
    tags: ['v2'],
    parameters: [
      ...pathParameters(NATIVE),
      ...queryParameters(jsonSchema(r.input, schemas, 'read')),
      minSeq,
      ifNoneMatch,
    ],
    responses: {
      200: answer('Done', r.answer, schemas),
      ...notModified,
      ...Object.fromEntries(
        refusals.map((status) => [status, answer(reason(status), problemShape, schemas, 'application/problem+json')]),
      ),
    },
    security: [{ bearer: [] }],
  }
}

const minSeq = {
  name: 'Min-Seq',
  in: 'header',
  required: false,
  description: 'The answer is at least as new as this change. Send the seq of your last write',
  schema: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
}

const ifNoneMatch = {
  name: 'If-None-Match',
  in: 'header',
  required: false,
  description: 'The ETag of the answer that the client has',
  schema: { type: 'string' },
}
const problems = (statuses: readonly number[], schemas: Json): Json =>
  Object.fromEntries(
    statuses.map((status) => [status, answer(reason(status), problemShape, schemas, 'application/problem+json')]),
  )

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'The client makes this key and stores it before sending. A repeat gets the same answer and has no second effect',
  schema: { type: 'string', minLength: 1, maxLength: 200 },
}

const reason = (status: number): string =>
  ({
    400: 'Refused in the current state',
    401: 'Not signed in',
    403: 'Not allowed',
    404: 'Not found',
    409: 'Conflict with the current state',
    410: 'The log does not reach back that far',
    413: 'Too large',
    422: 'Not valid',
    429: 'Too many failures: try again after Retry-After seconds',
    503: 'Busy: try again after Retry-After seconds',
  })[status] ?? 'Refused'

const answer = (description: string, shape: z.ZodType, schemas: Json, type = 'application/json'): Json => ({
  description,
  content: { [type]: { schema: jsonSchema(shape, schemas, 'sent') } },
})

const body = (schema: Json): Json => ({ required: true, content: { 'application/json': { schema } } })

const pathParameters = (path: string): Json[] =>
  [...path.matchAll(/:(\w+)/g)].map((m) => ({
    name: m[1],
    in: 'path',
    required: true,
    schema: { type: 'string', format: 'uuid' },
  }))

function queryParameters(schema: Json | undefined): Json[] {
  const required = (schema?.['required'] ?? []) as string[]
  return Object.entries((schema?.['properties'] ?? {}) as Json).map(([name, of]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema: of,
  }))
}

function without(schema: Json, names: readonly string[]): Json {
  const keep = ([name]: [string, unknown]) => !names.includes(name)
  const required = ((schema['required'] ?? []) as string[]).filter((name) => !names.includes(name))
  const properties = Object.fromEntries(Object.entries((schema['properties'] ?? {}) as Json).filter(keep))
  const { required: _, ...rest } = schema
  return { ...rest, properties, ...(required.length > 0 && { required }) }
}
