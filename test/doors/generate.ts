import fc from 'fast-check'
import { cursorText } from '../../src/changes/cursor.ts'
import { instantOfMicros } from '../../src/platform/clock.ts'
import { entityOf, type Kind, type Operation, type Parameter } from './operations.ts'
import { PIN } from '../../src/staff/devices/rules.ts'
import { isPin, isUuid, keyOf, type Place, type Schema } from './schemas.ts'

/** Values from JSON Schema, for the part of it that the OpenAPI document uses. Whatever it doesn't know, it refuses loudly. */

const NO_NUL = '^[^\\u0000]*$'
const NO_NUL_NO_HALVES = '^[^\\u0000\\ud800-\\udfff]*$'
const RFC_3339 = /T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

/** Stands for an id that exists when the request is sent: `@@table 7@@`. */
const known = (kind: string): fc.Arbitrary<string> => fc.nat(40).map((n) => `@@${kind} ${n}@@`)

/** Replaces what stands for ids. */
export function resolve(text: string, ids: Readonly<Record<string, readonly string[]>>): string {
  return text.replace(/@@(\w+) (\d+)@@/g, (_, kind: string, n: string) => {
    const some = ids[kind] ?? []
    return some[Number(n) % some.length]!
  })
}

const someId = (kind: Kind): fc.Arbitrary<string> => {
  // New ids are sometimes no longer new.
  if (kind === 'restaurant') return fc.constant('@@restaurant 0@@')
  if (kind === 'new')
    return fc.oneof({ weight: 12, arbitrary: anyUuid }, fc.constantFrom('guest', 'table').chain(known))
  const there = kind === 'party' ? fc.constantFrom('guest', 'guest', 'reservation').chain(known) : known(kind)
  return fc.oneof({ weight: 6, arbitrary: there }, { weight: 1, arbitrary: fc.uuid() })
}

/** UUIDs of any version and variant, as devices may make them. */
const anyUuid: fc.Arbitrary<string> = fc.oneof(
  fc.uuid(),
  fc
    .string({ unit: fc.constantFrom(...'0123456789abcdef'.split('')), minLength: 32, maxLength: 32 })
    .map((hex) => hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')),
)

/** Any value that a schema takes, in an object or list at a place. */
export function valueOf(schema: Schema, op: Operation, place: Place): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const)
  const forms = schema.anyOf ?? schema.oneOf
  if (forms) return fc.oneof(...forms.map((each) => valueOf(each, op, schema.oneOf ? [...place, keyOf(each)] : place)))
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (Array.isArray(schema.type)) {
    return fc.oneof(...(schema.type as readonly string[]).map((type) => valueOf({ ...schema, type }, op, place)))
  }
  switch (schema.type) {
    case 'null':
      return fc.constant(null)
    case 'boolean':
      return fc.boolean()
    case 'integer':
    case 'number':
      return numberOf(schema)
    case 'string':
      return textOf(schema, op, place)
    case 'array':
      return fc.array(valueOf(schema.items!, op, [...place, 0]), { maxLength: Math.min(schema.maxItems ?? 5, 5) })
    case 'object':
      return schema.properties ? objectOf(schema, op, place) : fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }))
    case undefined:
    default:
      throw new Error(`no generator for ${JSON.stringify(schema).slice(0, 200)}`)
  }
}

function numberOf({ type, minimum, maximum }: Schema): fc.Arbitrary<number> {
  const min = minimum ?? -1e12
  const max = maximum ?? 1e12
  if (type === 'integer') {
    const near = fc.integer({ min: Math.max(min, -2), max: Math.min(max, 12) })
    return fc.oneof(
      { weight: 4, arbitrary: near },
      { weight: 1, arbitrary: fc.integer({ min, max }) },
      fc.constantFrom(min, max),
    )
  }
  const some = fc.double({ min, max, noNaN: true })
  const edges = [0, min, max, 5e-324].filter((n) => n >= min && n <= max)
  return fc.oneof(some, fc.constantFrom(...edges))
}

function objectOf(schema: Schema, op: Operation, place: Place): fc.Arbitrary<unknown> {
  const fields = Object.entries(schema.properties ?? {}).map(
    ([name, of]) => [name, valueOf(of, op, [...place, name])] as const,
  )
  const known: fc.Arbitrary<Record<string, unknown>> = fc.record(Object.fromEntries(fields), {
    requiredKeys: [...(schema.required ?? [])],
  })
  // Fields that nobody knows are ignored, where the document lets them be sent.
  const isStrict = schema.additionalProperties === false
  const more = isStrict
    ? fc.constant({})
    : fc.option(fc.record({ nobodyKnows: fc.jsonValue({ maxDepth: 3 }) }), { freq: 9, nil: {} })
  // A version is seldom the right one, and then nothing else of the request counts.
  return fc.tuple(known, more, fc.nat(3)).map(([{ version, ...object }, rest, n]) => {
    return { ...object, ...(version !== undefined && n === 0 && { version }), ...rest }
  })
}

function textOf(schema: Schema, op: Operation, place: Place): fc.Arbitrary<string> {
  const { format, pattern, maxLength = 200 } = schema
  const name = String(place.at(-1))
  const kind = entityOf(name, op, place)
  if (kind !== undefined) {
    if (kind === 'restaurant' || isUuid(schema)) return someId(kind)
    return fc.oneof({ weight: 6, arbitrary: someId(kind) }, fc.constantFrom('', 'nope', '0'))
  }
  const fits = (text: string) => pattern === undefined || new RegExp(pattern, 'u').test(text)
  if (name === 'cursor') return cursors
  if (name === 'epoch') return anyUuid
  // What the format says is less than what the pattern lets through: a time has seconds and a zone.
  if (format === 'date-time') return times.filter((text) => RFC_3339.test(text) && fits(text))
  if (format === 'date') return times.filter((text) => text.length === 10 && fits(text))
  // Only texts to the document; mostly they should mean something.
  if (name === 'since')
    return fc.oneof({ weight: 4, arbitrary: times.filter((text) => text.endsWith('Z')) }, plainText(schema))
  if (name === 'date_filter')
    return fc.oneof({ weight: 4, arbitrary: times.filter((text) => text.length === 10) }, plainText(schema))
  if (name === 'status_filter')
    return fc.oneof({ weight: 4, arbitrary: fc.constantFrom('seated', 'noShow', 'waitlist') }, plainText(schema))
  if (format === 'email') return emails.filter((text) => fits(text) && text.length <= maxLength)
  if (name === 'birthday') return fc.constantFrom('05-20', '12-31', '1990-02-29', '0000-01-01')
  if (isPin(schema)) return fc.stringMatching(PIN)
  if (pattern !== undefined && pattern !== NO_NUL && pattern !== NO_NUL_NO_HALVES)
    return fc.stringMatching(new RegExp(pattern, 'u')).filter((text) => text.length <= maxLength)
  return plainText(schema)
}

function plainText({ minLength = 0, maxLength = 200 }: Schema): fc.Arbitrary<string> {
  // Lengths are counted in code points, as JSON Schema does.
  const lengths = { minLength, maxLength }
  return fc.oneof(
    { weight: 3, arbitrary: fc.string({ unit: 'grapheme-ascii', ...lengths, maxLength: Math.min(maxLength, 30) }) },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', ...lengths }).map((text) => text.replaceAll('\0', '0')) },
    { weight: 1, arbitrary: fc.constantFrom('x', 'ä', '席', '🍷').map((unit) => unit.repeat(maxLength)) },
  )
}

/** Texts of times in all the forms that one of the doors promises to take; each door's pattern picks its own. */
const times: fc.Arbitrary<string> = fc
  .record({
    year: fc.oneof(
      fc.integer({ min: 1, max: 9998 }),
      fc.constantFrom(1, 999, 1000, 1969, 1970, 2000, 2024, 2026, 9998),
    ),
    month: fc.integer({ min: 1, max: 12 }),
    day: fc.oneof(fc.integer({ min: 1, max: 31 }), fc.constantFrom(28, 29, 30, 31)),
    hour: fc.integer({ min: 0, max: 23 }),
    minute: fc.integer({ min: 0, max: 59 }),
    second: fc.option(fc.integer({ min: 0, max: 59 }), { freq: 8 }),
    fraction: fc.constantFrom('', '', '.1', '.123456', '.000000', '.999999', '.1234567', '.123456789'),
    zone: fc.constantFrom('Z', 'Z', 'Z', '', '+02:00', '-11:30', '+23:59', '-23:59'),
    onlyDate: fc.nat(9).map((n) => n === 0),
  })
  .map(({ year, month, day, hour, minute, second, fraction, zone, onlyDate }) => {
    const two = (n: number) => String(n).padStart(2, '0')
    const date = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`
    if (onlyDate) return date
    return `${date}T${two(hour)}:${two(minute)}${second === null ? '' : `:${two(second)}${fraction}`}${zone}`
  })

/** Cursors of lists: what they say is of no place that exists. */
const cursors: fc.Arbitrary<string> = fc
  .tuple(fc.integer({ min: 0, max: 4e15 }), anyUuid)
  .map(([micros, id]) => cursorText({ createdAt: instantOfMicros(micros), id }))

const word = (max: number) =>
  fc.string({ unit: fc.constantFrom(...'abcxyzABCXYZ0189'.split('')), minLength: 1, maxLength: max })
const emails: fc.Arbitrary<string> = fc
  .tuple(
    fc.string({ unit: fc.constantFrom(...`abcXYZ019!#$%&'*+/=?^_\`{|}~-`.split('')), minLength: 1, maxLength: 64 }),
    fc.array(word(63), { minLength: 1, maxLength: 3 }),
    fc.constantFrom('example', 'com', 'restaurant', 'test', 'ORG'),
  )
  .map(([local, labels, top]) => `${local}@${labels.join('.')}.${top}`)

/** What a request is made of, before ids are put in: everything but the body is text already. */
export interface Parts {
  readonly path: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

/** Any valid request for an operation. */
export function partsOf(op: Operation): fc.Arbitrary<Parts> {
  const within = (where: Parameter['in']) => op.parameters.filter((each) => each.in === where)
  const path = within('path').map(({ name }) => [name, pathId(name, op)] as const)
  const query = within('query').map(({ name, schema }) => [name, valueOf(schema, op, [name]).map(String)] as const)
  const headers = within('header').map(({ name, schema }) => [name, headerOf(schema)] as const)
  return fc.record({
    path: fc.record(Object.fromEntries(path)),
    query: fc.record(Object.fromEntries(query), {
      requiredKeys: within('query')
        .filter((p) => p.required)
        .map((p) => p.name),
    }),
    headers: fc.oneof(fc.constant({}), fc.record(Object.fromEntries(headers))),
    body: op.wholeBody ? bodyOf(op) : fc.constant(undefined),
  })
}

/** A body as the document has it; where that leaves objects open, mostly what they are read for. */
function bodyOf(op: Operation): fc.Arbitrary<unknown> {
  const whole = valueOf(op.wholeBody!, op, [])
  if (op.wholeBody === op.body) return whole
  return fc.oneof({ weight: 5, arbitrary: whole }, { weight: 1, arbitrary: valueOf(op.body!, op, []) })
}

function pathId(name: string, op: Operation): fc.Arbitrary<string> {
  const kind = entityOf(name, op)
  if (kind === undefined) throw new Error(`no generator for ${name} in ${op.path}`)
  return someId(kind)
}

/** Visible ASCII; often the same few, so that requests are repeated. */
const headerOf = (schema: Schema): fc.Arbitrary<string> => {
  if (schema.type === 'integer')
    return fc.oneof({ weight: 4, arbitrary: fc.nat(4) }, { weight: 1, arbitrary: numberOf(schema) }).map(String)
  const { minLength = 0, maxLength = 50 } = schema
  const visible = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i))
  return fc.oneof(
    { weight: 9, arbitrary: fc.string({ unit: fc.constantFrom(...visible), minLength, maxLength }) },
    { weight: 1, arbitrary: fc.constantFrom('one', 'two', 'x'.repeat(maxLength)) },
  )
}
