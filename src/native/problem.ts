import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { MalformedJson } from '../platform/http/body.ts'
import { UnreadableBody } from '../platform/http/body-text.ts'
import { AppError } from '../platform/errors.ts'
import { sendJson } from '../platform/http/json-reply.ts'
import { conflictShape } from './explain-conflict.ts'

/**
 * A refusal in the native API's format: RFC 9457, with the stable code of SPEC.md and the details (the current
 * entity, where there is one).
 */
export const problemShape = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    requestId: z.string(),
    ...conflictShape,
  })
  .meta({ id: 'Problem' })

/** Answers any thrown error. A bug is logged, and its answer has no details. */
export function answerProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { code, status, message, details } = refusalOf(error) ?? bugIn(error, request)
  request.trail.code = code === 'internal' ? 'bug' : code
  if (request.trail.repeated) void reply.header('idempotency-replayed', 'true')
  if (status === 503) void reply.header('retry-after', '1')
  if (status === 429) void reply.header('retry-after', Number(details['retryAfterSeconds'] ?? 1))
  if (status === 401) void reply.header('www-authenticate', 'Bearer')
  // The standard's members come last, so no detail can replace them.
  const body = { ...details, type: `urn:qtable:${code}`, title: message, status, code, requestId: request.id }
  return sendJson(reply.code(status), 'application/problem+json', JSON.stringify(body))
}

/** Answers an address of this door without a route. */
export const answerNoRoute = (request: FastifyRequest, reply: FastifyReply): FastifyReply =>
  answerProblem(new AppError('no-such-route', 404, 'There is no such address'), request, reply)

function refusalOf(error: unknown): AppError | null {
  if (error instanceof AppError) return error
  if (error instanceof MalformedJson) return new AppError('malformed-json', 400, 'The body is not valid JSON')
  if (error instanceof UnreadableBody) return new AppError('malformed-json', 400, error.message)
  const { statusCode, message } = error as Partial<FastifyError>
  return statusCode !== undefined && statusCode >= 400 && statusCode < 500
    ? new AppError('bad-request', statusCode, message ?? 'The request could not be read')
    : null
}

function bugIn(error: unknown, request: FastifyRequest): AppError {
  request.log.error({ err: error }, 'a request failed')
  return new AppError('internal', 500, 'Something went wrong here; the request id finds it in the log')
}
