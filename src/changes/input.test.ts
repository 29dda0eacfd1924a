import { expect, test } from 'vitest'
import { z } from 'zod'
import { completed } from './input.ts'

const input = z.strictObject({
  size: z.int(),
  words: z.array(z.string()).default([]),
  note: z.string().nullable().optional(),
  at: z.string().transform((text) => text.length),
})

test('L5: a door that passes typed input has the order and the defaults of the schema, so one fingerprint', () => {
  const given = completed(input, { at: 2, note: null, size: 4 })
  expect(JSON.stringify(given)).toBe(JSON.stringify(input.parse({ at: 'at', note: null, size: 4 })))
  expect(JSON.stringify(completed(input, { size: 1, at: 0 }))).toBe('{"size":1,"words":[],"at":0}')
  // What is undefined was not sent.
  expect(completed(input, { size: 1, at: 0, words: undefined, note: undefined })).toEqual({ size: 1, at: 0, words: [] })
  const [one, other] = [completed(input, { size: 1, at: 0 }), completed(input, { size: 1, at: 0 })]
  expect(one.words, 'a default is not shared').not.toBe(other.words)
})

test('R6: a name that no field has is a bug, not a field that is lost', () => {
  const spread = { size: 1, at: 0, notes: 'x' }
  expect(() => completed(input, { ...spread })).toThrow('notes')
  expect(() => completed(input, { size: 1, at: 0, ...JSON.parse('{"toString":1}') })).toThrow('toString')
})
