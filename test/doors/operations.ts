import { commands, queries, routes } from '../../src/app.ts'
import { openApi } from '../../src/openapi.ts'

/** Every operation of both doors, as the lists of app.ts have them: a new route is tested by being listed there. */

/** The part of JSON Schema that the OpenAPI document uses. */
export interface Schema {
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly format?: string
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly maxItems?: number
  readonly additionalProperties?: unknown
  readonly $ref?: string
}

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required: boolean
  readonly schema: Schema
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

interface Described {
  readonly operationId: string
  readonly parameters: readonly Parameter[]
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } }
  readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, { schema: Schema }>> }>>
  readonly security: readonly object[]
}

export interface Operation {
  readonly name: string
  readonly door: 'ios' | 'v2'
  readonly method: string
  /** With its parameters in braces. */
  readonly path: string
  readonly isPublic: boolean
  readonly parameters: readonly Parameter[]
  readonly body: Schema | undefined
  readonly statuses: readonly number[]
}

/** The document of what app.ts lists, as the server makes it at its start. */
export const listed = openApi({ routes, commands, queries }) as unknown as OpenApi

/** The operations of a document. */
export function operationsOf({ paths }: OpenApi): Operation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, of]): Operation => ({
      name: of.operationId,
      door: path.startsWith('/v2/') ? 'v2' : 'ios',
      method: method.toUpperCase(),
      path,
      isPublic: of.security.length === 0,
      parameters: of.parameters,
      body: of.requestBody?.content['application/json'].schema,
      statuses: Object.keys(of.responses).map(Number),
    })),
  )
}

/** Every operation there is. */
export const operations: readonly Operation[] = operationsOf(listed)

/** How an operation is called in a test's name and report. */
export const titleOf = (op: Operation): string => `${op.name} ${op.method} ${op.path}`

/** What a parameter or field names, by its name: `tableId`, `table_id`, `current_guest_id`, `id` of an item; undefined for what is no id. */
export function entityOf(name: string, op: Operation): string | undefined {
  if (name === 'transaction_id' || name === 'mutation_id') return undefined
  const words = /^(.*?)_?[iI]d$/.exec(name)
  if (!words) return undefined
  const kind = /[a-z]+$/.exec(words[1]!.replace(/^.*[A-Z]/, (tail) => tail.toLowerCase()))?.[0]
  if (kind?.endsWith('guest')) return 'guest'
  if (kind?.endsWith('table')) return 'table'
  if (kind !== undefined) return kind
  return op.path.includes('/tables') ? 'table' : 'guest'
}

/** A path with its parameters filled in, and a query. */
export function addressOf(op: Operation, params: Readonly<Record<string, string>>, query = ''): string {
  const path = op.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name]
    if (value === undefined) throw new Error(`${op.path}: no value for ${name}`)
    return value
  })
  return query === '' ? path : `${path}?${query}`
}

/** A place in a body: names of fields and indexes of items. */
export type Place = readonly (string | number)[]

export interface Field {
  readonly place: Place
  readonly name: string
  readonly schema: Schema
}

/** A schema without the `null` that it may allow. */
export function present(schema: Schema): Schema {
  const others = schema.anyOf?.filter(({ type }) => type !== 'null')
  return others?.length === 1 ? others[0]! : schema
}

/** Every field of a body, however deep. */
export function fieldsOf(schema: Schema, place: Place = []): Field[] {
  const of = present(schema)
  if (of.items) {
    const item = [...place, 0]
    const own = place.length > 0 ? [{ place: item, name: `${String(place.at(-1))}[]`, schema: of.items }] : []
    return [...own, ...fieldsOf(of.items, item)]
  }
  return Object.entries(of.properties ?? {}).flatMap(([name, field]) => [
    { place: [...place, name], name, schema: field },
    ...fieldsOf(field, [...place, name]),
  ])
}

let counter = 0

/** The plainest value that a schema takes; texts differ from call to call. `more` are fields it shall have besides the required ones. */
export function plain(schema: Schema): unknown {
  const of = present(schema)
  if (of.default !== undefined && of.default !== null) return of.default
  if (of.const !== undefined) return of.const
  if (of.enum) return of.enum.find((value) => value !== '')
  if (of.items) return [plain(of.items)]
  if (of.properties) {
    return Object.fromEntries((of.required ?? []).map((name) => [name, plain(of.properties![name]!)]))
  }
  if (of.format === 'date-time') return '2026-11-23T18:00:00Z'
  if (of.format === 'email') return `someone-${++counter}@cedar.example`
  if (of.type === 'string') return `plain ${++counter}`
  if (of.type === 'integer') return Math.max(of.minimum ?? 1, 1)
  if (of.type === 'number') return 0.5
  if (of.type === 'boolean') return false
  return {}
}

/** A copy of a body with a value at a place; what the way there needs is made. */
export function withValue(schema: Schema, body: unknown, place: Place, value: unknown): unknown {
  const [key, ...rest] = place
  if (key === undefined) return value
  const of = present(schema)
  if (typeof key === 'number') {
    const items = Array.isArray(body) ? [...(body as unknown[])] : []
    items[key] = withValue(of.items!, items[key] ?? plain(of.items!), rest, value)
    return items
  }
  const inner = of.properties![key]!
  const object = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  return { ...object, [key]: withValue(inner, object[key] ?? (rest.length > 0 ? plain(inner) : null), rest, value) }
}

/** Puts ids of the right kind into every id field that a body has. */
export function withIds(op: Operation, body: unknown, ids: Readonly<Record<string, string>>): unknown {
  if (Array.isArray(body)) return body.map((item: unknown) => withIds(op, item, ids))
  if (typeof body !== 'object' || body === null) return body
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => {
      const kind = typeof value === 'string' ? entityOf(name, op) : undefined
      return [name, kind !== undefined && ids[kind] !== undefined ? ids[kind] : withIds(op, value, ids)]
    }),
  )
}

/** JSON as it stands, where JSON.stringify would write something else: `1e400`, `-0`, ten thousand brackets. */
export class Raw {
  static readonly #texts: string[] = []
  readonly #index: number

  constructor(text: string) {
    this.#index = Raw.#texts.push(text) - 1
  }

  toJSON(): string {
    return `@@raw ${this.#index}@@`
  }

  /** JSON.stringify that knows them. */
  static write(value: unknown): string {
    return (JSON.stringify(value) ?? '').replace(/"@@raw (\d+)@@"/g, (_, index: string) => Raw.#texts[Number(index)]!)
  }
}
