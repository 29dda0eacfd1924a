import { describe, expect, test } from 'vitest'
import type { z } from 'zod'
import { check, field, jsonSyntaxError, parseModel, ValidationError, valueError } from './pydantic.ts'
import { within } from '../../../test/patience.ts'

const { str, int, float, bool, datetime, email, oneOf, list, dict, model, nullable, optional, withDefault } = field

const position = model({ x: float(), y: float() })
const positive = check(int({ max: 1000 }), (value) => value >= 1, 'party_size must be a positive integer', {
  minimum: 1,
})
const guest = model({
  first_name: str({ max: 5 }),
  party_size: positive,
  status: withDefault(nullable(oneOf(['Waitlist', 'Seated'])), 'Waitlist'),
  email: optional(nullable(email())),
  dietary: withDefault(nullable(list(str({ max: 5 }), { max: 3 })), null),
  position: optional(position),
  since: optional(datetime()),
})

function itemsOf(schema: z.ZodType, body: unknown, root: 'body' | 'query' = 'body') {
  try {
    parseModel(schema, body, root)
  } catch (error) {
    if (error instanceof ValidationError) return error.detail
    throw error
  }
  return []
}

/** Type and message of each item for one value in a field. */
const faultsOf = (schema: z.ZodType, value: unknown) =>
  itemsOf(model({ f: schema }), { f: value }).map(({ type, msg }) => [type, msg])
const valueOf = (schema: z.ZodType, value: unknown) => parseModel(list(schema, { max: 1 }), [value], 'body')[0]

describe('items', () => {
  test('a missing field names the enclosing object, with the keys in the order of the wire', () => {
    const url = 'https://errors.pydantic.dev/2.5/v/missing'
    const at = (loc: (string | number)[], input: unknown) => ({
      type: 'missing',
      loc,
      msg: 'Field required',
      input,
      url,
    })
    expect(JSON.stringify(itemsOf(guest, { party_size: 2, position: { x: 1 } }))).toBe(
      JSON.stringify([
        at(['body', 'first_name'], { party_size: 2, position: { x: 1 } }),
        at(['body', 'position', 'y'], { x: 1 }),
      ]),
    )
    expect(itemsOf(model({ since: datetime() }), {}, 'query')).toEqual([at(['query', 'since'], null)])
    for (const body of [undefined, null]) expect(itemsOf(guest, body)).toEqual([at(['body'], null)])
    expect(itemsOf(model({ p: position, l: list(int(), { max: 2 }) }), {}).map(({ loc }) => loc)).toEqual([
      ['body', 'p'],
      ['body', 'l'],
    ])
  })

  test('a body or a member that is no object', () => {
    const item = {
      type: 'model_attributes_type',
      msg: 'Input should be a valid dictionary or object to extract fields from',
    }
    for (const body of [[{ first_name: 'Lea' }], 'text', 5, true]) {
      expect(itemsOf(guest, body)).toMatchObject([{ ...item, loc: ['body'], input: body }])
    }
    expect(itemsOf(guest, { first_name: 'L', party_size: 1, position: null })).toMatchObject([{ ...item, input: null }])
  })

  test('a bare list, its items and one that is too long', () => {
    const schema = list(model({ id: str({ max: 9 }), n: optional(int()) }), { max: 2 })
    expect(itemsOf(schema, {})).toMatchObject([
      { type: 'list_type', loc: ['body'], msg: 'Input should be a valid list' },
    ])
    expect(itemsOf(schema, [{ id: 'a' }, { n: 'x' }])).toMatchObject([
      { type: 'missing', loc: ['body', 1, 'id'], input: { n: 'x' } },
      { type: 'int_parsing', loc: ['body', 1, 'n'], input: 'x' },
    ])
    expect(itemsOf(schema, [1, 2, 3])).toMatchObject([
      {
        type: 'too_long',
        msg: 'List should have at most 2 items after validation, not 3',
        ctx: { field_type: 'List', max_length: 2, actual_length: 3 },
      },
    ])
  })

  test('faults come in the order of the fields', () => {
    const body = { dietary: 'vegan', status: 'x', party_size: 0, first_name: 5 }
    expect(itemsOf(guest, body).map(({ type, loc }) => [loc[1], type])).toEqual([
      ['first_name', 'string_type'],
      ['party_size', 'value_error'],
      ['status', 'enum'],
      ['dietary', 'list_type'],
    ])
  })

  test('a custom validator speaks after the field itself', () => {
    expect(faultsOf(positive, 0)).toEqual([['value_error', 'Value error, party_size must be a positive integer']])
    expect(faultsOf(positive, 'two').map(([type]) => type)).toEqual(['int_parsing'])
    expect(itemsOf(model({ f: positive }), {}).map(({ type }) => type)).toEqual(['missing'])
    expect(JSON.stringify(valueError(['body', 'table_id'], 'Table not found', 'x'))).toBe(
      '{"type":"value_error","loc":["body","table_id"],"msg":"Value error, Table not found","input":"x",' +
        '"ctx":{"error":{}},"url":"https://errors.pydantic.dev/2.5/v/value_error"}',
    )
  })

  test('e-mail items carry the reason and no address', () => {
    const reason = 'The email address is not valid. It must have exactly one @-sign.'
    const msg = `value is not a valid email address: ${reason}`
    expect(itemsOf(model({ f: email() }), { f: 'bad' })).toEqual([
      { type: 'value_error', loc: ['body', 'f'], msg, input: 'bad', ctx: { reason } },
    ])
  })
})

test('what may be missing, what may be null and what is filled in', () => {
  expect(parseModel(guest, { first_name: '', party_size: '4', unknown: 1 }, 'body')).toEqual({
    first_name: '',
    party_size: 4,
    status: 'Waitlist',
    dietary: null,
  })
  expect(parseModel(guest, { first_name: '', party_size: true, status: null, email: null }, 'body')).toMatchObject({
    party_size: 1,
    status: null,
    email: null,
  })
  expect(faultsOf(withDefault(oneOf(['round', 'oval']), 'round'), null)).toEqual([
    ['enum', "Input should be 'round' or 'oval'"],
  ])
})

test('keys that mean something to JavaScript mean nothing here', () => {
  const body: unknown = JSON.parse('{"__proto__":{"first_name":"x"},"constructor":1,"party_size":2}')
  expect(itemsOf(guest, body)).toMatchObject([{ type: 'missing', loc: ['body', 'first_name'] }])
})

test('of a repeated query parameter the last one counts', () => {
  expect(parseModel(model({ limit: int() }), { limit: ['1', '2'] }, 'query')).toEqual({ limit: 2 })
})

describe('text', () => {
  test('is counted in code points, and refused when numbers, NUL or half a character come', () => {
    const text = str({ max: 3, min: 1 })
    expect(valueOf(text, '😀😀😀')).toBe('😀😀😀')
    expect(itemsOf(model({ f: text }), { f: '😀😀😀😀' })).toMatchObject([
      { type: 'string_too_long', msg: 'String should have at most 3 characters', ctx: { max_length: 3 } },
    ])
    expect(faultsOf(text, '')).toEqual([['string_too_short', 'String should have at least 1 character']])
    expect(faultsOf(text, 'a\0')).toEqual([['value_error', 'Value error, text must not contain NUL characters']])
    expect(faultsOf(text, '\ud800').map(([type]) => type)).toEqual(['string_unicode'])
    for (const value of [5, null, true, [], {}])
      expect(faultsOf(text, value)).toEqual([['string_type', 'Input should be a valid string']])
  })

  test('of a list of words: any other value gives the list', () => {
    for (const value of [null, 'c ', 1, []]) {
      expect(itemsOf(model({ f: oneOf(['a', 'b', 'c']) }), { f: value })).toMatchObject([
        { type: 'enum', msg: "Input should be 'a', 'b' or 'c'", ctx: { expected: "'a', 'b' or 'c'" } },
      ])
    }
    expect(faultsOf(oneOf(['a']), 1)).toEqual([['enum', "Input should be 'a'"]])
  })
})

describe('numbers', () => {
  test.each([
    ['4', 4],
    [' 4 ', 4],
    ['4.0', 4],
    ['+4', 4],
    ['-4', -4],
    ['1_000', 1000],
    ['-0', 0],
    [2.0, 2],
    [-0, 0],
    [true, 1],
    [false, 0],
  ])('integer %j', (sent, read) => expect(valueOf(int(), sent)).toBe(read))

  test.each([
    [null, 'int_type'],
    [[], 'int_type'],
    [{}, 'int_type'],
    ['two', 'int_parsing'],
    ['', 'int_parsing'],
    ['4.5', 'int_parsing'],
    ['1e3', 'int_parsing'],
    ['0x1', 'int_parsing'],
    ['1__0', 'int_parsing'],
    ['٣', 'int_parsing'],
    [2.5, 'int_from_float'],
    [Infinity, 'finite_number'],
    ['9'.repeat(5000), 'int_parsing_size'],
    [2147483648, 'less_than_equal'],
    ['2147483648', 'less_than_equal'],
    [1e30, 'less_than_equal'],
    [-2147483649, 'greater_than_equal'],
  ])('no integer: %j', (sent, type) => expect(faultsOf(int(), sent).map(([got]) => got)).toEqual([type]))

  test('messages name the limit', () => {
    expect(itemsOf(model({ f: int({ min: 1, max: 9 }) }), { f: 0 })).toMatchObject([
      { msg: 'Input should be greater than or equal to 1', ctx: { ge: 1 } },
    ])
    expect(itemsOf(model({ f: int() }), { f: 2 ** 31 })).toMatchObject([
      { msg: 'Input should be less than or equal to 2147483647', ctx: { le: 2147483647 } },
    ])
  })

  test.each([
    ['1.5', 1.5],
    [' 1.5 ', 1.5],
    ['1e3', 1000],
    ['.5', 0.5],
    ['5.', 5],
    ['1_000.5', 1000.5],
    [true, 1],
    [0.25, 0.25],
  ])('float %j', (sent, read) => expect(valueOf(float(), sent)).toBe(read))

  test.each([
    [null, 'float_type'],
    [[], 'float_type'],
    ['x', 'float_parsing'],
    ['', 'float_parsing'],
    ['0x1', 'float_parsing'],
    ['nan', 'finite_number'],
    ['-Infinity', 'finite_number'],
    ['1e400', 'finite_number'],
    [Infinity, 'finite_number'],
  ])('no float: %j', (sent, type) => expect(faultsOf(float(), sent).map(([got]) => got)).toEqual([type]))

  test('a number text of a megabyte is refused in no time', () => {
    const started = performance.now()
    for (const text of ['1'.repeat(1e6) + 'x', '1_'.repeat(5e5), '1.' + '1'.repeat(1e6) + 'x']) {
      for (const schema of [int(), float(), datetime(), email()]) expect(faultsOf(schema, text)).toHaveLength(1)
    }
    expect(performance.now() - started).toBeLessThan(within(2_000))
  })

  test('booleans', () => {
    for (const sent of [true, 'TRUE', 't', 'yes', 'Y', 'on', '1', 1]) expect(valueOf(bool(), sent)).toBe(true)
    for (const sent of [false, 'False', 'f', 'no', 'n', 'off', '0', 0]) expect(valueOf(bool(), sent)).toBe(false)
    const msg = 'Input should be a valid boolean, unable to interpret input'
    for (const sent of ['', ' true', '2', 2]) expect(faultsOf(bool(), sent)).toEqual([['bool_parsing', msg]])
    for (const sent of [null, 0.5, []])
      expect(faultsOf(bool(), sent)).toEqual([['bool_type', 'Input should be a valid boolean']])
  })
})

test('objects of any content', () => {
  expect(valueOf(dict(), { a: [1] })).toEqual({ a: [1] })
  expect(faultsOf(dict(), [])).toEqual([['dict_type', 'Input should be a valid dictionary']])
})

test.each([
  ['', 0, 'Expecting value'],
  ['  ', 2, 'Expecting value'],
  ['{"first_name": "Lea",', 21, 'Expecting property name enclosed in double quotes'],
  ['{"restaurant_name": "X", ', 25, 'Expecting property name enclosed in double quotes'],
  ['{"a":', 5, 'Expecting value'],
  ['{"a" 1}', 5, "Expecting ':' delimiter"],
  ['{"a":1 "b"}', 7, "Expecting ',' delimiter"],
  ['{"a":[1,2}', 9, "Expecting ',' delimiter"],
  ['[1,]', 3, 'Expecting value'],
  ['{"a":{}} x', 9, 'Extra data'],
  ['01', 1, 'Extra data'],
  ['{"a":"b\\', 5, 'Unterminated string starting at'],
  ['"a\nb"', 2, 'Invalid control character at'],
  ['"\\x"', 1, 'Invalid \\escape'],
  ['"\\u12g4"', 2, 'Invalid \\uXXXX escape'],
  ['{"😀":x}', 5, 'Expecting value'],
  ['['.repeat(100), 100, 'Expecting value'],
  ['{"a": [1, {"b": null}], "c": "\\u00e9\\n"}', 0, 'refused'],
])('malformed JSON: %j', (text, at, msg) => {
  expect(jsonSyntaxError(text, new Error('refused'))).toEqual({
    type: 'json_invalid',
    loc: ['body', at],
    msg: 'JSON decode error',
    input: {},
    ctx: { error: msg },
  })
})
