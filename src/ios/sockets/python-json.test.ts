import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pythonJson } from './python-json.ts'

test('separators and escapes are those of json.dumps', () => {
  const value = {
    type: 'x',
    list: [1, 2.5, null, true],
    empty: {},
    none: [],
    name: 'Zoë 🍷',
    raw: '"\\/\n\t\b\f\r\0\x1f\x7f',
  }
  expect(pythonJson(value)).toBe(
    '{"type": "x", "list": [1, 2.5, null, true], "empty": {}, "none": [], "name": "Zo\\u00eb \\ud83c\\udf77", ' +
      '"raw": "\\"\\\\/\\n\\t\\b\\f\\r\\u0000\\u001f\\u007f"}',
  )
})

test('what is undefined is left out, and null in a list', () => {
  expect(pythonJson({ a: undefined, b: [undefined], é: 1 })).toBe('{"b": [null], "\\u00e9": 1}')
  expect(pythonJson(undefined)).toBe('null')
  expect(pythonJson([Number.NaN, Number.POSITIVE_INFINITY])).toBe('[null, null]')
})

test('every JSON value comes back, through printable ASCII', () => {
  const anyText = fc.string({ unit: 'binary' })
  const lone = fc.constantFrom('\ud800', 'a\udfff')
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      anyText,
      lone,
      fc.jsonValue({ stringUnit: 'binary' }),
      fc.array(tie('value')),
      fc.dictionary(anyText, tie('value')),
    ),
  }))
  fc.assert(
    fc.property(value, (sent) => {
      const text = pythonJson(sent)
      expect(text).toMatch(/^[\x20-\x7e]*$/)
      expect(JSON.stringify(JSON.parse(text))).toBe(JSON.stringify(sent))
    }),
  )
})
