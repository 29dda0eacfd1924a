import { PIN } from '../../src/staff/devices/rules.ts'
import { newId } from '../../src/platform/ids.ts'

/** Schemas of the OpenAPI document: their fields, the plainest value that each takes, and values put somewhere in it. */

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
  /** Forms that are told apart by a constant that each of them has. */
  readonly oneOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly maxItems?: number
  readonly additionalProperties?: unknown
  readonly $ref?: string
}

/** A place in a body: names of fields, indexes of items, and `=update` for the form that has the constant `update`. */
export type Place = readonly (string | number)[]

export interface Field {
  readonly place: Place
  readonly name: string
  readonly schema: Schema
}

/** A schema without the `null` that it may allow. */
export function present(schema: Schema): Schema {
  if (Array.isArray(schema.type)) {
    const others = (schema.type as readonly string[]).filter((type) => type !== 'null')
    return others.length === 1 ? { ...schema, type: others[0]! } : schema
  }
  const others = schema.anyOf?.filter(({ type }) => type !== 'null')
  return others?.length === 1 ? others[0]! : schema
}

/** Whether a schema takes null. */
export const takesNull = (schema: Schema): boolean =>
  present(schema) !== schema || schema.type === 'null' || schema.const === null

const constantOf = (form: Schema): readonly [name: string, value: unknown] =>
  Object.entries(form.properties ?? {}).flatMap(([name, { const: value }]) =>
    value === undefined ? [] : [[name, value] as const],
  )[0]!

/** The key of a form in a place. */
export const keyOf = (form: Schema): string => `=${String(constantOf(form)[1])}`

/** The form that a value has, of those that a schema allows. */
export function formOf(schema: Schema, value: unknown): Schema | undefined {
  return schema.oneOf?.find((form) => {
    const [name, constant] = constantOf(form)
    return typeof value === 'object' && value !== null && (value as Record<string, unknown>)[name] === constant
  })
}

/** Every field of a body, however deep and in whatever form. */
export function fieldsOf(schema: Schema, place: Place = []): Field[] {
  const of = present(schema)
  if (of.oneOf) return of.oneOf.flatMap((form) => fieldsOf(form, [...place, keyOf(form)]))
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

/** The pattern of a UUID, which the ids of the native API have. */
export const isUuid = ({ pattern }: Schema): boolean => pattern?.startsWith('^[0-9a-f]{8}-') === true

/** The pattern of a PIN. */
export const isPin = ({ pattern }: Schema): boolean => pattern === PIN.source

/** The plainest value that a schema takes; texts differ from call to call. */
export function plain(schema: Schema): unknown {
  const of = present(schema)
  if (of.default !== undefined && of.default !== null) return of.default
  if (of.const !== undefined) return of.const
  if (of.enum) return of.enum.find((value) => value !== '')
  if (of.oneOf) return plain(of.oneOf[0]!)
  if (of.items) return [plain(of.items)]
  if (of.properties) {
    return Object.fromEntries((of.required ?? []).map((name) => [name, plain(of.properties![name]!)]))
  }
  if (of.format === 'date-time') return '2026-11-23T18:00:00Z'
  if (of.format === 'email') return `someone-${++counter}@cedar.example`
  if (isPin(of)) return `${1000 + (++counter % 9000)}`
  if (of.type === 'string') return isUuid(of) ? newId() : `plain ${++counter}`.padEnd(of.minLength ?? 0, '.')
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
  if (of.oneOf) {
    const form = of.oneOf.find((each) => keyOf(each) === key)!
    return withValue(form, formOf(of, body) === form ? body : plain(form), rest, value)
  }
  if (typeof key === 'number') {
    const items = Array.isArray(body) ? [...(body as unknown[])] : []
    items[key] = withValue(of.items!, items[key] ?? plain(of.items!), rest, value)
    return items
  }
  const inner = of.properties![key]!
  const object = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  return { ...object, [key]: withValue(inner, object[key] ?? (rest.length > 0 ? plain(inner) : null), rest, value) }
}
