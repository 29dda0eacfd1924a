import { expect, test } from 'vitest'
import { MalformedJson, parseJson } from '../../platform/http/body.ts'
import { limits } from '../../platform/limits.ts'
import { within } from '../../../test/patience.ts'
import { field, jsonSyntaxError, parseModel, ValidationError, type ValidationItem } from './pydantic.ts'

/** What a 422 says of a large or odd body stays small, and costs little to find. */

const { str, int, list, model } = field
const row = model({ a: str({ max: 5 }), b: str({ max: 5 }), c: int() })

function itemsOf(schema: Parameters<typeof parseModel>[0], body: unknown): readonly ValidationItem[] {
  try {
    parseModel(schema, body, 'body')
  } catch (error) {
    if (error instanceof ValidationError) return error.detail
    throw error
  }
  return []
}

test('C6: an item repeats at most 1,000 characters of a text, and no long list or object', () => {
  const most = limits.faultInputCharacters
  const inputs = (body: object) => itemsOf(row, body).map(({ input }) => input)
  expect(inputs({ a: 'x'.repeat(most), b: 'x'.repeat(most + 1), c: 'x'.repeat(1_000_000) })).toEqual([
    'x'.repeat(most),
    `${'x'.repeat(most)}…`,
    `${'x'.repeat(most)}…`,
  ])
  expect(inputs({ a: Array(100).fill(1), b: Array(1_000).fill(1), c: {} })).toEqual([Array(100).fill(1), null, {}])
  // All three are missing, and each would repeat the whole.
  expect(inputs({ large: 'x'.repeat(1_000_000) })).toEqual([null, null, null])
  expect(inputs({ small: ['x', { y: null }] })).toEqual(
    Array.from({ length: 3 }, () => ({ small: ['x', { y: null }] })),
  )
})

test('C6: a list of a thousand wrong objects is answered with a hundred items', () => {
  const items = itemsOf(
    list(row, { max: 1_000 }),
    Array.from({ length: 1_000 }, () => ({})),
  )
  expect(items).toHaveLength(limits.faultItems)
  expect(items.slice(2, 4).map(({ loc }) => loc)).toEqual([
    ['body', 0, 'c'],
    ['body', 1, 'a'],
  ])
})

const LARGE: Record<string, string> = {
  brackets: '['.repeat(limits.bodyBytes),
  lists: '[1,'.repeat(limits.bodyBytes / 3),
  objects: '{"a":'.repeat(limits.bodyBytes / 5),
  'an open list': `[${'1,'.repeat(limits.bodyBytes / 2 - 1)}`,
  'an open text': `"${'😀'.repeat(limits.bodyBytes / 4)}`,
  spaces: `[${' '.repeat(limits.bodyBytes)}`,
}

test.for(Object.keys(LARGE))('P22: a megabyte of %s is refused in less than 60 ms of the processor', (name) => {
  const costs = () => {
    const before = process.cpuUsage()
    try {
      parseJson(LARGE[name]!)
      expect.fail('it is no JSON')
    } catch (error) {
      if (!(error instanceof MalformedJson)) throw error
      jsonSyntaxError(error.text, error.cause)
    }
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  }
  expect(Math.min(costs(), costs(), costs())).toBeLessThan(within(60))
})

test('C6: the item of a body that is nested too deep says where', () => {
  const text = `{"a":${'['.repeat(limits.bodyLevels)}1${']'.repeat(limits.bodyLevels)}}`
  expect(() => parseJson(text)).toThrow(MalformedJson)
  const msg = 'nested more than 100 levels deep'
  expect(jsonSyntaxError(text, null)).toMatchObject({ loc: ['body', 104], ctx: { error: msg } })
  const fits = `[${'['.repeat(limits.bodyLevels - 1)}"]{[[\\"["${']'.repeat(limits.bodyLevels)}`
  expect(parseJson(fits)).toBeInstanceOf(Array)
})
