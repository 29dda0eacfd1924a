/**
 * Request bodies and queries as FastAPI with pydantic 2 reads them. Accepted input is accepted and converted; the
 * rest is refused with the same error items, because the iPad app was built against both.
 */
import type { z } from 'zod'
import { limits } from '../../platform/limits.ts'
import { Fault, valueFault, type ValidationItem } from './fault.ts'

export { check, field } from './fields.ts'
export { jsonSyntaxError } from './json.ts'
export type { ValidationItem } from './fault.ts'

const DOCS = 'https://errors.pydantic.dev/2.5/v/'

/** Refused input: 422 with the body `{ detail }`. */
export class ValidationError extends Error {
  readonly detail: readonly ValidationItem[]

  constructor(detail: readonly ValidationItem[]) {
    super(detail.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`).join('; '))
    this.name = 'ValidationError'
    this.detail = detail
  }
}

/** The item for a rule that only the handler can check: `valueError(['body', 'table_id'], 'Table not found', id)`. */
export const valueError = (loc: readonly (string | number)[], message: string, input: unknown): ValidationItem =>
  itemOf(valueFault(message), loc, input)

/** The item for a missing field that only code outside the model can require. */
export const missing = (loc: readonly (string | number)[], within: unknown = null): ValidationItem =>
  itemOf(MISSING, loc, within)

/** Reads a body or a query and converts it. Throws {@link ValidationError} with every fault, in the fields' order. */
export function parseModel<S extends z.ZodType>(schema: S, body: unknown, root: 'body' | 'query'): z.output<S> {
  if (body === undefined || body === null) throw new ValidationError([itemOf(MISSING, [root], null)])
  const input = root === 'query' ? lastOfEach(body) : body
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const issues = result.error.issues.slice(0, limits.faultItems)
  throw new ValidationError(issues.map((issue) => itemOfIssue(issue, input, root)))
}

const MISSING = new Fault('missing', 'Field required')

/** A query parameter that is sent more than once counts as its last value. */
function lastOfEach(query: unknown): unknown {
  if (typeof query !== 'object' || query === null) return query
  const last = (value: unknown): unknown => (Array.isArray(value) ? value.at(-1) : value)
  return Object.fromEntries(Object.entries(query).map(([key, value]) => [key, last(value)]))
}

function itemOfIssue(issue: z.core.$ZodIssue, body: unknown, root: 'body' | 'query'): ValidationItem {
  const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)))
  const input = valueAt(body, path)
  // JSON has no undefined: an undefined value was missing, whatever the field made of it.
  if (input === undefined) {
    return itemOf(MISSING, [root, ...path], root === 'query' ? null : valueAt(body, path.slice(0, -1)))
  }
  return itemOf(faultOf(issue), [root, ...path], input)
}

function itemOf(fault: Fault, loc: readonly (string | number)[], input: unknown): ValidationItem {
  const { type, msg, ctx, linked } = fault
  return { type, loc, msg, input: shortened(input), ...(ctx && { ctx }), ...(linked && { url: DOCS + type }) }
}

/** The `input` of an item, if it is short. A text is cut; a long list or object is left out. */
function shortened(input: unknown): unknown {
  const most = limits.faultInputCharacters
  if (typeof input === 'string') return input.length <= most ? input : `${input.slice(0, most)}…`
  return typeof input !== 'object' || leftOf(most, input) >= 0 ? input : null
}

/**
 * How many of the allowed characters a value's JSON leaves, roughly. Below zero when it needs more; it then stops
 * early.
 */
function leftOf(characters: number, value: unknown): number {
  if (typeof value === 'string') return characters - value.length - 3
  if (typeof value !== 'object' || value === null) return characters - 5
  let left = characters - 2
  if (Array.isArray(value)) {
    for (const each of value) if ((left = leftOf(left, each)) < 0) return left
    return left
  }
  for (const key in value)
    if ((left = leftOf(left - key.length - 4, (value as Record<string, unknown>)[key])) < 0) return left
  return left
}

/** The value at a path, as deep as the path matches. */
function valueAt(body: unknown, path: readonly (string | number)[]): unknown {
  let value = body
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Readonly<Record<string | number, unknown>>)[key]
  }
  return value
}

/** Our own fields carry their fault. Of zod's schemas, only objects and lists are used. */
function faultOf(issue: z.core.$ZodIssue): Fault {
  if (issue.code === 'custom') {
    const fault: unknown = issue.params?.['fault']
    if (fault instanceof Fault) return fault
  }
  if (issue.code === 'invalid_type' && issue.expected === 'object') {
    const msg = 'Input should be a valid dictionary or object to extract fields from'
    return new Fault('model_attributes_type', msg)
  }
  if (issue.code === 'invalid_type' && issue.expected === 'array') {
    return new Fault('list_type', 'Input should be a valid list')
  }
  throw new Error(`no error item for zod's ${issue.code}: use the fields of pydantic.ts`)
}
