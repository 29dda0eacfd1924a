import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { AppError } from '../platform/errors.ts'

/**
 * The input of a request, for the schema of its command or query. Nothing is ignored silently: a query parameter
 * without use, and a value that is sent twice and differs, are refused by name. Schemas are strict, so they refuse
 * unknown fields. Spec: N9.
 */

interface Problem {
  readonly path: readonly string[]
  readonly message: string
}

/** The numeric fields of an input: a query has them as text. */
export const numbersIn = (input: z.ZodType): ReadonlySet<string> =>
  new Set(
    Object.entries(z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' }).properties ?? {})
      .filter(([, of]) => typeof of === 'object' && (of.type === 'integer' || of.type === 'number'))
      .map(([name]) => name),
  )

/** The input of a command with a body: its body and its path. */
export function inputInBody(request: FastifyRequest): object {
  refuseQuery(request)
  const body = objectIn(request.body)
  const params = paramsOf(request)
  refuse(differing(body, params))
  return { ...body, ...params }
}

/** The input of a DELETE: its path and its query, or a body instead of the query. `numbers`: the numeric fields. */
export function inputOfDelete(request: FastifyRequest, numbers: ReadonlySet<string>): object {
  const params = paramsOf(request)
  const query = Object.fromEntries(
    Object.entries(request.query as object).map(([name, text]: [string, unknown]) => [
      name,
      numbers.has(name) && typeof text === 'string' && /^\d{1,16}$/.test(text) ? Number(text) : text,
    ]),
  )
  const body = objectIn(request.body)
  refuse([...useless(Object.keys(query).filter((name) => name in params)), ...differing(body, { ...query, ...params })])
  return { ...body, ...query, ...params }
}

/** The input of a read: its query and its path. */
export function inputInQuery(request: FastifyRequest): object {
  const params = paramsOf(request)
  const query = request.query as object
  refuse(useless(Object.keys(query).filter((name) => name in params)))
  return { ...query, ...params }
}

/** Refuses a query where none is used. Throws `AppError` invalid-input (422). */
export const refuseQuery = ({ query }: FastifyRequest): void => refuse(useless(Object.keys(query as object)))

/** The object in a body; a missing body is an empty object. Throws `AppError` invalid-input (422). */
export function objectIn(body: unknown): object {
  if (body === undefined || body === null) return {}
  if (typeof body !== 'object' || Array.isArray(body))
    throw new AppError('invalid-input', 422, 'The body must be a JSON object', { problems: [] })
  return body
}

function paramsOf(request: FastifyRequest): Record<string, string> {
  const { restaurantId: _, ...params } = request.params as Record<string, string>
  return params
}

const useless = (names: readonly string[]): Problem[] =>
  names.map((name) => ({ path: [name], message: 'no such query parameter here' }))

const differing = (body: object, elsewhere: Readonly<Record<string, unknown>>): Problem[] =>
  Object.entries(body)
    .filter(([name, value]) => Object.hasOwn(elsewhere, name) && elsewhere[name] !== value)
    .map(([name]) => ({ path: [name], message: 'the body and the address say different things' }))

function refuse(problems: readonly Problem[]): void {
  if (problems.length > 0)
    throw new AppError('invalid-input', 422, 'The request has parameters that would be ignored', { problems })
}
