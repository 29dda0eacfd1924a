import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { check, field, parseModel, ValidationError } from './pydantic.ts'
import type { Instant } from '../../platform/clock.ts'
import { parseDatetime, writtenDatetime } from './datetime.ts'
import { parseEmail } from './email.ts'
import { codePoints, Fault } from './fault.ts'

const { str, int, float, bool, datetime, email, oneOf, list, dict, model, nullable, optional, withDefault } = field

describe('datetimes', () => {
  test.each([
    ['2025-09-01T19:00:00Z', '2025-09-01T19:00:00.000000Z'],
    ['2025-09-01t19:00z', '2025-09-01T19:00:00.000000Z'],
    ['2025-09-01 19:00:00.1', '2025-09-01T19:00:00.100000Z'],
    ['2025-09-01_19:00:00,1234567', '2025-09-01T19:00:00.123456Z'],
    ['2025-09-01T19:00:00+02:30', '2025-09-01T16:30:00.000000Z'],
    ['2025-09-01T19:00:00.5-0530', '2025-09-02T00:30:00.500000Z'],
    ['2025-09-01', '2025-09-01T00:00:00.000000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000000Z'],
    ['0001-01-01', '0001-01-01T00:00:00.000000Z'],
    ['9999-12-31T23:59:59.999999Z', '9999-12-31T23:59:59.999999Z'],
    ['1756753200', '2025-09-01T19:00:00.000000Z'],
    ['1756753200.5', '2025-09-01T19:00:00.500000Z'],
    [1756753200, '2025-09-01T19:00:00.000000Z'],
    [1756753200.123456, '2025-09-01T19:00:00.123456Z'],
    [1756753200123, '2025-09-01T19:00:00.123000Z'],
    [2e10, '2603-10-11T11:33:20.000000Z'],
    [20000000001, '1970-08-20T11:33:20.001000Z'],
    [0.9999999, '1970-01-01T00:00:01.000000Z'],
    [-0.5, '1969-12-31T23:59:59.500000Z'],
  ])('%j', (sent, read) => expect(parseDatetime(sent)).toBe(read))

  const extra = 'unexpected extra characters at the end of the input'
  test.each([
    ['', 'input is too short'],
    ['yesterday', 'input is too short'],
    ['some day in May', 'invalid character in year'],
    ['2025/09/01', 'invalid date separator, expected `-`'],
    ['2025-W01-11', 'invalid character in month'],
    ['2025-09_01', 'invalid date separator, expected `-`'],
    ['2025-09-0a', 'invalid character in day'],
    ['2025-13-01T00:00:00', 'month value is outside expected range of 1-12'],
    ['2025-02-29', 'day value is outside expected range'],
    ['1900-02-29T00:00', 'day value is outside expected range'],
    ['2025-01-00', 'day value is outside expected range'],
    ['2025-09-01T24:00:00', extra],
    ['2025-09-01T23:60:00', extra],
    ['2025-09-01T23:59:60', extra],
    ['2025-09-01T19', extra],
    ['2025-09-01T19:00:00 00:00', extra],
    ['2025-09-01T19:00:00+24:00', extra],
    ['2025-09-01T19:00:00Z\n', extra],
    ['0000-01-01', 'year is out of range'],
    ['0001-01-01T00:00:00+00:01', 'year is out of range'],
    ['9999-12-31T23:59:59-00:01', 'year is out of range'],
    ['99999999999999999999', 'dates after 9999 are not supported as unix timestamps'],
  ])('refused: %j', (sent, error) => {
    const msg = `Input should be a valid datetime or date, ${error}`
    expect(parseDatetime(sent)).toEqual(new Fault('datetime_from_date_parsing', msg, { error }))
  })

  // What pydantic 2.13 answered.
  test.each([
    ['2031-05-01T19:00:00Z', '2031-05-01T19:00:00Z'],
    ['2031-05-01t19:00z', '2031-05-01T19:00:00Z'],
    ['2031-05-01T19:00:00.5Z', '2031-05-01T19:00:00.500000Z'],
    ['2031-05-01T19:00:00.1234567Z', '2031-05-01T19:00:00.123456Z'],
    ['2031-05-01_19:00:00,000Z', '2031-05-01T19:00:00Z'],
    ['2031-05-01 19:00+0200', '2031-05-01T19:00:00+02:00'],
    ['2031-05-01T19:00:00.5-04:30', '2031-05-01T19:00:00.500000-04:30'],
    ['2031-05-01T19:00:00\u221204:30', '2031-05-01T19:00:00-04:30'],
    ['2031-05-01T19:00:00+00:00', '2031-05-01T19:00:00Z'],
    ['2031-05-01T19:00:00-0000', '2031-05-01T19:00:00Z'],
    ['2031-05-01 19:00:00', '2031-05-01T19:00:00'],
    ['2031-05-01T19:00:00.5', '2031-05-01T19:00:00.500000'],
    ['2031-05-01', '2031-05-01T00:00:00'],
    [1935514800, '2031-05-02T19:00:00Z'],
    ['1935514800.25', '2031-05-02T19:00:00.250000Z'],
    [1935514800123, '2031-05-02T19:00:00.123000Z'],
    [0, '1970-01-01T00:00:00Z'],
  ])('%j is written in the zone that it was sent in', (sent, written) =>
    expect(writtenDatetime(sent, parseDatetime(sent) as Instant)).toBe(written),
  )

  test('numbers out of range and other types', () => {
    const error = 'dates before 1600 are not supported as unix timestamps'
    const msg = `Input should be a valid datetime, ${error}`
    expect(parseDatetime(-62135596800000)).toEqual(new Fault('datetime_parsing', msg, { error }))
    for (const sent of [1e15, Infinity, NaN]) expect(parseDatetime(sent)).toMatchObject({ type: 'datetime_parsing' })
    for (const sent of [null, true, [], {}]) {
      expect(parseDatetime(sent)).toEqual(new Fault('datetime_type', 'Input should be a valid datetime'))
    }
  })
})

test('code points', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => codePoints(text) === Array.from(text).length))
  expect(codePoints('\ud800\ud800\udc00\udc00')).toBe(3)
})

describe('e-mail', () => {
  test.each([
    ['A.B@ExAmple.COM', 'A.B@example.com'],
    ['Info@b.example', 'Info@b.example'],
    ["a!#$%&'*+/=?^_`{|}~-z@c.com", "a!#$%&'*+/=?^_`{|}~-z@c.com"],
    ['é@MÜNCHEN.de', 'é@münchen.de'],
    ['e\u0301@c.com', 'é@c.com'],
    ['a@xn--mnchen-3ya.de', 'a@münchen.de'],
    ['用户@例え.テスト', '用户@例え.テスト'],
    ['a@ｂ。com', 'a@b.com'],
    ['a@house.test', 'a@house.test'],
    ['a@XN--n3h.com', 'a@xn--n3h.com'],
    ['a@xn--zzzzzz.de', 'a@xn--zzzzzz.de'],
    ['  Lea <lea@b.example> ', 'lea@b.example'],
    ['"Lea" <lea@b.example>', 'lea@b.example'],
    [`${'x'.repeat(64)}@b.example`, `${'x'.repeat(64)}@b.example`],
  ])('%s', (sent, read) => expect(parseEmail(sent)).toBe(read))

  test.each([
    ['', 'The email address is not valid. It must have exactly one @-sign.'],
    ['a@@b.com', 'The email address is not valid. It must have exactly one @-sign.'],
    ['@b.com', 'There must be something before the @-sign.'],
    ['a@', 'There must be something after the @-sign.'],
    ['a@localhost', 'The part after the @-sign is not valid. It should have a period.'],
    ['a@1.2.3.4', 'The part after the @-sign is not valid. It is not within a valid top-level domain.'],
    ['a@[1.2.3.4]', 'A bracketed IP address after the @-sign is not allowed here.'],
    ['"a b"@c.com', 'Quoting the part before the @-sign is not allowed here.'],
    ['a (b)@c.com', "The email address contains invalid characters before the @-sign: '(', ')', SPACE."],
    ['a\0\\@c.com', 'The email address contains invalid characters before the @-sign: "\\", U+0000.'],
    ['a@b_c.com', "The part after the @-sign contains invalid characters: '_'."],
    ['a\u200b@c.com', 'The email address contains unsafe characters: U+200B.'],
    ['\u0301a@c.com', 'The email address contains unsafe characters: U+0301.'],
    ['a\ud800@c.com', 'The email address contains unsafe characters: U+D800.'],
    ['a..b@c.com', 'An email address cannot have two periods in a row.'],
    ['.a@c.com', 'An email address cannot start with a period.'],
    ['a.@c.com', 'An email address cannot have a period immediately before the @-sign.'],
    ['a@.com', 'An email address cannot have a period immediately after the @-sign.'],
    ['a@b.com.', 'An email address cannot end with a period.'],
    ['a@-b.com', 'An email address cannot have a hyphen immediately after the @-sign.'],
    ['a@b.com-', 'An email address cannot end with a hyphen.'],
    ['a@b-.com', 'An email address cannot have a period and a hyphen next to each other.'],
    ['a@☃.com', 'The part after the @-sign contains invalid characters (Codepoint U+2603 not allowed).'],
    ['a@אa.com', 'The part after the @-sign contains invalid characters.'],
    [`${'x'.repeat(65)}@b.com`, 'The email address is too long before the @-sign (1 character too many).'],
    [
      `a@${'b'.repeat(65)}.com`,
      'After the @-sign, periods cannot be separated by so many characters (2 characters too many).',
    ],
    [`a@${'b.'.repeat(125)}com`, 'The email address is too long (1 character too many).'],
    [`é@${'b.'.repeat(125)}com`, 'The email address is too long (at least 1 character too many).'],
    [`${'é'.repeat(60)}@${'b.'.repeat(80)}com`, 'The email address is too long (when encoded in bytes).'],
    [`a@${'é.'.repeat(40)}com`, 'The email address is too long (when converted to IDNA ASCII).'],
    ['x'.repeat(2049), 'Length must not exceed 2048 characters'],
  ])('refused: %.40j', (sent, reason) =>
    expect(parseEmail(sent)).toMatchObject({ type: 'value_error', ctx: { reason } }),
  )
})

const guest = model({
  first_name: str({ max: 100, min: 1 }),
  party_size: check(int(), (size) => size >= 1, 'party_size must be a positive integer', { minimum: 1 }),
  status: withDefault(nullable(oneOf(['Waitlist', 'No Show'])), 'Waitlist'),
  email: optional(nullable(email())),
  tags: withDefault(nullable(list(str({ max: 3 }), { max: 4 })), null),
  position: model({ x: float(), y: float() }),
  seated: nullable(datetime()),
  minimal: optional(bool()),
  data: optional(dict()),
})

interface Description {
  readonly type?: string
  readonly format?: string
  readonly pattern?: string
  readonly enum?: readonly string[]
  readonly anyOf?: readonly Description[]
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly items?: Description
  readonly maxItems?: number
  readonly properties?: Readonly<Record<string, Description>>
  readonly required?: readonly string[]
}

const described = z.toJSONSchema(guest, { io: 'input', unrepresentable: 'any' }) as Description

/** Values that a JSON Schema allows, made from nothing but the schema. */
function valid(schema: Description): fc.Arbitrary<unknown> {
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(valid))
  if (schema.enum) return fc.constantFrom(...schema.enum)
  const { minimum: min = -1e300, maximum: max = 1e300 } = schema
  if (schema.type === 'string') return validText(schema)
  if (schema.type === 'integer') return fc.integer({ min, max })
  if (schema.type === 'number') return fc.double({ min, max, noNaN: true })
  if (schema.type === 'boolean') return fc.boolean()
  if (schema.type === 'null') return fc.constant(null)
  if (schema.type === 'array') return fc.array(valid(schema.items ?? {}), { maxLength: schema.maxItems ?? 10 })
  if (!schema.properties) return fc.dictionary(fc.string(), fc.jsonValue())
  const members = Object.fromEntries(Object.entries(schema.properties).map(([key, member]) => [key, valid(member)]))
  return fc.record(members, { requiredKeys: [...(schema.required ?? [])], noNullPrototype: true })
}

function validText({ format, pattern = '', minLength = 0, maxLength = 100 }: Description): fc.Arbitrary<string> {
  const form = new RegExp(pattern, 'u')
  const fits = (text: string) => form.test(text) && codePoints(text) >= minLength && codePoints(text) <= maxLength
  if (format === 'email') return fc.oneof(fc.emailAddress(), fc.stringMatching(form)).filter(fits)
  if (format !== 'date-time') return fc.string({ unit: 'binary', minLength, maxLength }).filter(fits)
  const days = fc.date({ min: new Date('0000-01-01'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true })
  const zones = fc.constantFrom('Z', '+14:00', '-12:00', '')
  const dates = fc.tuple(days, zones).map(([day, zone]) => day.toISOString().slice(0, -1) + zone)
  return fc.oneof(dates, fc.stringMatching(form)).filter(fits)
}

describe('the JSON Schema of a model', () => {
  test('names types, limits, defaults and what is required', () => {
    expect(described).toMatchObject({
      type: 'object',
      required: ['first_name', 'party_size', 'position', 'seated'],
      properties: {
        first_name: { type: 'string', minLength: 1, maxLength: 100, pattern: '^[^\\u0000]*$' },
        party_size: { type: 'integer', minimum: 1, maximum: 2147483647 },
        status: { anyOf: [{ type: 'string', enum: ['Waitlist', 'No Show'] }, { type: 'null' }], default: 'Waitlist' },
        email: { anyOf: [{ type: 'string', format: 'email', maxLength: 254 }, { type: 'null' }] },
        tags: { anyOf: [{ type: 'array', items: { type: 'string' }, maxItems: 4 }, { type: 'null' }], default: null },
        position: { type: 'object', properties: { x: { type: 'number' } }, required: ['x', 'y'] },
        seated: { anyOf: [{ type: 'string', format: 'date-time' }, { type: 'null' }] },
        minimal: { type: 'boolean' },
        data: { type: 'object' },
      },
    })
  })

  test('promises nothing that is then refused', () => {
    fc.assert(
      fc.property(valid(described), (body) => {
        parseModel(guest, body, 'body')
        parseModel(guest, JSON.parse(JSON.stringify(body)), 'body')
      }),
      { numRuns: 500 },
    )
  })

  test('whatever is sent instead is read or refused, never anything else, and the refusal is JSON', () => {
    const key = fc.constantFrom(...Object.keys(described.properties ?? {}))
    const odd = fc.oneof(
      fc.jsonValue({ stringUnit: 'binary' }),
      fc.double(),
      fc.constantFrom('1e400', '\ud800', '٣', '2025-02-30'),
    )
    const mutated = fc
      .tuple(valid(described), key, odd)
      .map(([body, k, value]) => ({ ...(body as object), [k]: value }))
    fc.assert(
      fc.property(fc.oneof(mutated, odd), (body) => {
        try {
          parseModel(guest, body, 'body')
        } catch (error) {
          expect(error).toBeInstanceOf(ValidationError)
          const { detail } = error as ValidationError
          expect(JSON.parse(JSON.stringify(detail))).toHaveLength(detail.length)
          for (const item of detail) expect(item.msg).not.toBe('')
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('real days match the promised form of a datetime, others do not', () => {
    const form = new RegExp(described.properties?.['seated']?.anyOf?.[0]?.pattern ?? '')
    for (const text of ['2024-02-29', '2000-02-29T23:59Z', '2025-12-31T00:00:00.123456+02:00', '9998-01-31T10:00:00']) {
      expect(text).toMatch(form)
    }
    for (const text of [
      '2025-02-29',
      '1900-02-29',
      '2025-04-31',
      '2025-01-01T24:00',
      '9999-01-01',
      '0999-01-01',
      '1',
    ]) {
      expect(text).not.toMatch(form)
    }
  })
})
