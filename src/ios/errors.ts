import type { FastifyError } from 'fastify'
import { MalformedJson } from '../platform/http/body.ts'
import { UnreadableBody } from '../platform/http/body-text.ts'
import { AppError } from '../platform/errors.ts'
import { isId } from '../platform/ids.ts'
import { jsonSyntaxError, valueError, ValidationError, type ValidationItem } from './pydantic/pydantic.ts'

/** An error answer, in one of the contract's shapes. */
export class ContractError extends Error {
  readonly status: number
  readonly body: object
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, body: object, headers: Record<string, string> = {}) {
    super(`answered ${status}`)
    this.status = status
    this.body = body
    this.headers = headers
  }
}

/** `{"detail": text}` */
export const detail = (status: number, text: string, headers?: Record<string, string>): ContractError =>
  new ContractError(status, { detail: text }, headers)

/** Every 404 has this one body. */
export const notFound = (): ContractError => new ContractError(404, { success: false, message: 'Resource not found' })

const CHALLENGE = { 'www-authenticate': 'Bearer' }
export const notAuthenticated = (): ContractError => detail(403, 'Not authenticated')
export const otherScheme = (): ContractError => detail(403, 'Invalid authentication credentials')
export const badToken = (): ContractError => detail(401, 'Could not validate credentials', CHALLENGE)
export const accessDenied = (): ContractError => detail(403, 'Access denied to this restaurant')

/** 422 with items. */
export const invalid = (items: readonly ValidationItem[]): ContractError => new ContractError(422, { detail: items })

const GUEST_FIELDS = ['current_guest_id', 'currentGuestId'] as const

// Refusals with an answer of their own in the contract. All others get their status and message.
const answers: Record<string, (error: AppError, body: unknown) => ContractError> = {
  'guest-not-found': notFound,
  'table-not-found': notFound,
  'reservation-not-found': notFound,
  'table-number-taken': ({ message }) => detail(400, message),
  'table-occupied': ({ message }) => detail(400, message),
  'too-many-tables': ({ message }) => detail(400, message),
  'email-taken': ({ message }) => detail(400, message),
  'guest-has-reservations': ({ message }) => detail(400, message),
  'wrong-credentials': ({ message }) => detail(401, message, CHALLENGE),
  'unknown-table': (_, body) =>
    invalid([valueError(['body', 'table_id'], 'table not found', fieldOf(body, 'table_id'))]),
  'ended-with-table': ({ message }, body) =>
    invalid([valueError(['body', 'table_id'], message, fieldOf(body, 'table_id'))]),
  'unknown-party': ({ details }, body) => {
    // In a list, the first item names the guest. A text that cannot be an id names nobody.
    const items: unknown[] = Array.isArray(body) ? body : [body]
    const isWrong = (id: unknown) => typeof id === 'string' && id !== '' && (id === details['partyId'] || !isId(id))
    const index = Math.max(
      0,
      items.findIndex((item) => GUEST_FIELDS.some((name) => isWrong(fieldOf(item, name)))),
    )
    const name = GUEST_FIELDS.find((each) => isWrong(fieldOf(items[index], each))) ?? GUEST_FIELDS[0]
    const loc = Array.isArray(body) ? ['body', index, name] : ['body', name]
    return invalid([valueError(loc, 'guest not found', fieldOf(items[index], name))])
  },
  'mutation-id-reused': ({ message }) => invalid([valueError(['header', 'idempotency-key'], message, null)]),
  'too-many-attempts': ({ message, details }) =>
    detail(429, message, { 'retry-after': String(details['retryAfterSeconds']) }),
  busy: ({ message }) => detail(503, message, { 'retry-after': '1' }),
  'outcome-unknown': ({ message }) => detail(503, message, { 'retry-after': '1' }),
}

const fieldOf = (body: unknown, name: string): unknown =>
  typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined

/** The contract's answer to any thrown error; null for a bug. `body` is the body of the request. */
export function answerOf(error: unknown, body: unknown): ContractError | null {
  if (error instanceof ContractError) return error
  if (error instanceof ValidationError) return invalid(error.detail)
  if (error instanceof MalformedJson) return invalid([jsonSyntaxError(error.text, error.cause)])
  if (error instanceof UnreadableBody) return detail(400, 'There was an error parsing the body')
  if (error instanceof AppError) return (answers[error.code] ?? fallback)(error, body)
  const status = (error as Partial<FastifyError>).statusCode
  if (status !== undefined && status >= 400 && status < 500) return detail(status, (error as Error).message)
  return null
}

// A 422 is always a list of items.
const fallback = ({ status, message }: AppError): ContractError =>
  status === 422 ? invalid([valueError(['body'], message, null)]) : detail(status, message)
