import type { Json } from '../src/api-documents/json-schema.ts'

/** What a change of a JSON Schema takes back. */

/** `read`: what was taken must be taken still. `sent`: what is sent must be what was promised. */
export type Direction = 'read' | 'sent'

/** A schema of the old contract and of the new one, each with the document that it may refer into. */
export interface Pair {
  readonly old: Json
  readonly new: Json
  readonly oldDocument: Json
  readonly newDocument: Json
}

interface Side {
  readonly schema: Json
  readonly document: Json
}

/** How the two sides are called in findings: what values come from, and what they must fit. */
interface View {
  readonly direction: Direction
  readonly seen: readonly string[]
}

const UPPER = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties']
const LOWER = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties']
const EXACT = ['pattern', 'format', 'multipleOf', 'uniqueItems']

/** Findings, each `place: what`: everything that clients of the old contract could rely on and can't any longer. */
export function brokenSchema(at: string, pair: Pair, direction: Direction): string[] {
  const before = { schema: pair.old, document: pair.oldDocument }
  const after = { schema: pair.new, document: pair.newDocument }
  // Values are made by one side and must fit the other: requests are made by old clients, answers by the new server.
  return direction === 'read'
    ? misfits(at, before, after, { direction, seen: [] })
    : misfits(at, after, before, { direction, seen: [] })
}

/** Where a value that one schema allows doesn't fit another. */
function misfits(at: string, made: Side, wanted: Side, view: View): string[] {
  const [from, to] = [resolved(made), resolved(wanted)]
  const refs = `${String(made.schema['$ref'])} ${String(wanted.schema['$ref'])}`
  if (made.schema['$ref'] ?? wanted.schema['$ref']) {
    if (view.seen.includes(refs)) return []
    return misfits(at, { ...made, schema: from }, { ...wanted, schema: to }, { ...view, seen: [...view.seen, refs] })
  }
  const [forms, fits] = [alternatives(from), alternatives(to)]
  if (forms.length === 1 && fits.length === 1)
    return single(at, { ...made, schema: forms[0]! }, { ...wanted, schema: fits[0]! }, view)
  return [...new Set(forms.flatMap((form) => ofAlternatives(at, { ...made, schema: form }, fits, wanted, view)))]
}

/** One form of a value against the forms that are allowed: the findings of the nearest one. */
function ofAlternatives(at: string, made: Side, fits: readonly Json[], wanted: Side, view: View): string[] {
  const form = resolved(made)
  const sides = fits.map((schema) => ({ ...wanted, schema }))
  const distances = sides.map((side) => distance(form, resolved(side)))
  const nearest = sides.filter((_, i) => distances[i] === Math.min(...distances))
  const tries = nearest.map((side) => misfits(at, made, side, view))
  if (tries.some((found) => found.length === 0)) return []
  if (Math.min(...distances) < Infinity)
    return tries.reduce((best, found) => (found.length < best.length ? found : best))
  return [`${at}: ${typeIn(form)} ${view.direction === 'read' ? 'is no longer taken' : 'was not sent before'}`]
}

/** How far two forms are from each other. Of objects the names of their properties tell, because more of them than were promised harm nobody. */
function distance(a: Json, b: Json): number {
  const [type, other] = [typeIn(a), typeIn(b)]
  if (other === 'anything') return 0
  if (type !== other) return type === 'integer' && other === 'number' ? 0 : Infinity
  const [names, others] = [propertiesIn(a), propertiesIn(b)]
  const apart = (from: object, than: object) => Object.keys(from).filter((name) => !(name in than)).length
  return apart(names, others) + apart(others, names)
}

function single(at: string, made: Side, wanted: Side, view: View): string[] {
  const [from, to] = [made.schema, wanted.schema]
  const say = (read: string, sent: string) => [`${at}: ${view.direction === 'read' ? read : sent}`]
  const [old, now] = view.direction === 'read' ? [from, to] : [to, from]
  const [type, wantedType] = [typeIn(from), typeIn(to)]
  if (wantedType === 'anything') return []
  if (type !== wantedType && !(type === 'integer' && wantedType === 'number'))
    return [`${at}: type changed from ${typeIn(old)} to ${typeIn(now)}`]
  const [values, allowed] = [valuesIn(from), valuesIn(to)]
  if (allowed) {
    if (!values) return say('now only some values are taken', 'any value, where it was one of a list')
    return values
      .filter((value) => !allowed.includes(value))
      .flatMap((value) => say(`${value} is no longer taken`, `${value} was not sent before`))
  }
  return [
    ...(values
      ? []
      : bounds(from, to).flatMap((key) =>
          EXACT.includes(key) ? [`${at}: ${key} changed`] : say(`${key} is narrower`, `${key} is wider`),
        )),
    ...ofObject(at, made, wanted, view),
    ...ofItems(at, made, wanted, view),
  ]
}

/** Keywords by which a schema allows less than another. */
function bounds(from: Json, to: Json): string[] {
  const beyond = (keys: readonly string[], further: (a: number, b: number) => boolean) =>
    keys.filter(
      (key) => to[key] !== undefined && (from[key] === undefined || further(from[key] as number, to[key] as number)),
    )
  return [
    ...beyond(UPPER, (a, b) => a > b),
    ...beyond(LOWER, (a, b) => a < b),
    ...EXACT.filter((key) => to[key] !== undefined && to[key] !== from[key]),
  ]
}

function ofObject(at: string, made: Side, wanted: Side, view: View): string[] {
  const [from, to] = [made.schema, wanted.schema]
  const [properties, expected] = [propertiesIn(from), propertiesIn(to)]
  const [old, now] = view.direction === 'read' ? [properties, expected] : [expected, properties]
  const removed = Object.keys(old).filter((name) => !(name in now))
  const always = requiredIn(from)
  const missing = requiredIn(to).filter((name) => !always.includes(name) && !removed.includes(name))
  const added = view.direction === 'read' && typeof to['additionalProperties'] === 'object'
  return [
    ...removed.map((name) => `${at}.${name}: property removed`),
    ...(view.direction === 'read' && to['additionalProperties'] === false && from['additionalProperties'] !== false
      ? [`${at}: fields that it doesn't name are no longer taken`]
      : []),
    ...missing.map((name) => `${at}.${name}: ${view.direction === 'read' ? 'now required' : 'no longer always sent'}`),
    ...Object.keys(properties)
      .filter((name) => name in expected)
      .flatMap((name) =>
        misfits(`${at}.${name}`, { ...made, schema: properties[name]! }, { ...wanted, schema: expected[name]! }, view),
      ),
    ...(isSchema(to['additionalProperties']) && (added || isSchema(from['additionalProperties']))
      ? misfits(
          `${at}.*`,
          { ...made, schema: (from['additionalProperties'] ?? {}) as Json },
          { ...wanted, schema: to['additionalProperties'] },
          view,
        )
      : []),
    ...(isSchema(to['propertyNames'])
      ? misfits(
          `${at} names`,
          { ...made, schema: (from['propertyNames'] ?? { type: 'string' }) as Json },
          { ...wanted, schema: to['propertyNames'] },
          view,
        )
      : []),
  ]
}

function ofItems(at: string, made: Side, wanted: Side, view: View): string[] {
  const { items } = wanted.schema
  if (!isSchema(items)) return []
  return misfits(
    `${at}[]`,
    { ...made, schema: (made.schema['items'] ?? {}) as Json },
    { ...wanted, schema: items },
    view,
  )
}

const isSchema = (value: unknown): value is Json => typeof value === 'object' && value !== null
const propertiesIn = (schema: Json) => (schema['properties'] ?? {}) as Record<string, Json>
const requiredIn = (schema: Json) => (schema['required'] ?? []) as string[]

function valuesIn(schema: Json): string[] | undefined {
  const values = 'const' in schema ? [schema['const']] : (schema['enum'] as unknown[] | undefined)
  return values?.map((value) => JSON.stringify(value))
}

function typeIn(schema: Json): string {
  if (typeof schema['type'] === 'string') return schema['type']
  if (schema['properties']) return 'object'
  const [first] = valuesIn(schema) ?? []
  return first === undefined ? 'anything' : first === 'null' ? 'null' : first.startsWith('"') ? 'string' : 'value'
}

/** The forms that a schema allows: those of `anyOf`, and each of several types. */
function alternatives(schema: Json): Json[] {
  const forms = (schema['anyOf'] ?? schema['oneOf']) as Json[] | undefined
  if (forms) return forms.flatMap((form) => (form['$ref'] ? [form] : alternatives(form)))
  const { type } = schema
  return Array.isArray(type) ? type.map((each: unknown) => ({ ...schema, type: each })) : [schema]
}

function resolved({ schema, document }: Side): Json {
  const { $ref, ...rest } = schema
  if (typeof $ref !== 'string') return schema
  const found = $ref
    .slice(2)
    .split('/')
    .reduce<unknown>((value, key) => (value as Json)[key], document) as Json
  return { ...found, ...rest }
}
