import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import type { Answer } from '../kit.ts'
import { tells, type Operation } from './operations.ts'
import { Raw } from './raw.ts'
import { present, takesNull, type Field, type Schema } from './schemas.ts'

/** The codes that SPEC.md lists, each with its statuses; `bad-request` may have any of 4xx. */
const codes: ReadonlyMap<string, string> = new Map(
  [
    ...readFileSync(new URL('../../SPEC.md', import.meta.url), 'utf8')
      .split('## Codes of refusals')[1]!
      .matchAll(/`([a-z-]+)` (\d\d\d(?: or \d\d\d)?|4xx)/g),
  ].map((m) => [m[1]!, m[2]!]),
)

const ITEM_KEYS = /^type,loc,msg,input(,ctx)?(,url)?$/

/** A 4xx in the shape of its door, and nothing else. */
export function expectRefusal(op: Pick<Operation, 'door'>, answer: Answer, of: string): void {
  const { status, text, body, headers } = answer
  const said = `${of}: ${status} ${text.slice(0, 500)}`
  expect(status, said).toBeGreaterThanOrEqual(400)
  expect(status, said).toBeLessThan(500)
  if (op.door === 'v2') return expectProblem(answer, said)
  expect(headers.get('content-type'), said).toBe('application/json')
  if (status === 404) return expect(body, said).toEqual({ success: false, message: 'Resource not found' })
  expect(Object.keys(body), said).toEqual(['detail'])
  if (status !== 422) return expect(typeof body.detail, said).toBe('string')
  expect(Array.isArray(body.detail) && body.detail.length > 0, said).toBe(true)
  for (const item of body.detail) {
    expect(Object.keys(item).join(','), said).toMatch(ITEM_KEYS)
    expect(['body', 'query', 'path', 'header'], said).toContain(item.loc[0])
    expect(typeof item.msg, said).toBe('string')
  }
}

/** A refusal, or what the lists that tell answer instead of one: their own 200 with what was not done, and why. */
export function expectRefusalOrTold(op: Operation, answer: Answer, of: string): void {
  if (!tells(op, answer)) return expectRefusal(op, answer, of)
  const said = `${of}: ${answer.text.slice(0, 500)}`
  const { body } = answer
  if (op.name === 'run-each') {
    for (const item of body.result.results) {
      if (item.ok) continue
      expect(codes.get(item.code), `${said}: SPEC.md does not list ${item.code}`).toBeDefined()
      expect(item.message, said).toMatch(/\S/)
    }
    return
  }
  const errors: string[] = op.name === 'atomicBatch' ? [body.error] : body.errors
  if (op.name === 'atomicBatch') expect([body.rolled_back, body.results], said).toEqual([true, []])
  expect(errors.length, said).toBeGreaterThan(0)
  for (const error of errors) expect(error, said).toMatch(/\S/)
}

function expectProblem({ status, body, headers }: Answer, said: string): void {
  expect(headers.get('content-type'), said).toBe('application/problem+json')
  expect(body, said).toMatchObject({ type: `urn:qtable:${body.code}`, status })
  expect(body.title, said).toMatch(/\S/)
  expect(body.requestId, said).toMatch(/^[0-9a-f-]{36}$/)
  const listed = codes.get(body.code)
  expect(listed, `SPEC.md does not list ${body.code}`).toBeDefined()
  if (listed !== '4xx') expect(listed!.split(' or '), said).toContain(String(status))
  if (status === 401) expect(headers.get('www-authenticate'), said).toBe('Bearer')
}

/** A valid list or object in a hundred thousand brackets. */
export const DEEP = new Raw(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)

const NOT_TEXT: readonly (readonly [string, unknown])[] = [
  ['an object', { a: 1 }],
  ['a list', ['x']],
  ['a hundred thousand brackets', DEEP],
]
const LONE = new Raw('"a\\ud800b"')

/** Values that a schema refuses for certain, whatever a door converts (`"4"`, `2.0` and `true` are integers to the iPad's contract). */
export function badValues(schema: Schema): (readonly [string, unknown])[] {
  const nothing = takesNull(schema) ? [] : ([['null', null]] as const)
  return [...nothing, ...badOf(present(schema))]
}

/** The bad values of a field of a body. The contract has one exception: an empty time in an item of batch-update is ignored. */
export function badValuesOf(op: Operation, { schema }: Field): (readonly [string, unknown])[] {
  const isIgnored = (value: unknown) =>
    op.name === 'batchUpdate' && present(schema).format === 'date-time' && value === ''
  return badValues(schema).filter(([, value]) => !isIgnored(value))
}

function badOf(of: Schema): (readonly [string, unknown])[] {
  if (of.format === 'date-time') {
    const texts = ['', 'nope', '2026-13-01T00:00:00Z', '2026-02-30T10:00:00Z', '2026-11-23T25:00:00Z', '2026-11-23T1']
    const odd = [...texts, 'a\0b', new Raw('1e400'), 2 ** 53, true, LONE]
    return [...odd.map((value) => [`time ${Raw.write(value)}`, value] as const), ...NOT_TEXT]
  }
  if (of.format === 'date') {
    const texts = ['nope', '2026-13-01', '2026-02-30', '2026-2-3', '0000-01-01', '2026-01-01T00:00:00Z']
    return [...texts.map((text) => [`day ${text}`, text] as const), ...NOT_TEXT, ['a number', 5], ['NUL', 'a\0b']]
  }
  if (of.const !== undefined) return [['another constant', 'nope'], ['a number', 5], ['true', true], ...NOT_TEXT]
  if (of.type === 'string') {
    const long = of.maxLength === undefined ? [] : ([['too long', `${'x'.repeat(of.maxLength)}@x`]] as const)
    const short = of.minLength ? ([['empty', '']] as const) : []
    const listed = of.enum ? ([['not in the list', 'nope']] as const) : []
    return [
      ...NOT_TEXT,
      ...long,
      ...short,
      ...listed,
      ['a number', 5],
      ['2^53', 2 ** 53],
      ['1e400', new Raw('1e400')],
      ['true', true],
      ['NUL', 'a\0b'],
      ['half a surrogate pair', LONE],
    ]
  }
  if (of.type === 'integer' || of.type === 'number') {
    const range = [
      ...(of.minimum === undefined ? [] : [of.minimum - 1]),
      ...(of.maximum === undefined ? [] : [of.maximum + 1, 2 ** 53, -(2 ** 53), 1e300]),
      ...(of.type === 'integer' ? [1.5, '1.5'] : []),
    ]
    const odd = [new Raw('1e400'), new Raw('-1e400'), 'abc', '', 'NaN', 'Infinity', 'a\0b', LONE]
    return [...[...range, ...odd].map((value) => [`number ${Raw.write(value)}`, value] as const), ...NOT_TEXT]
  }
  if (of.type === 'boolean') return [['a word', 'maybe'], ['1.5', 1.5], ...NOT_TEXT]
  if (of.type === 'array') {
    const many = of.maxItems === undefined ? [] : ([['too many', Array(of.maxItems + 1).fill(null)]] as const)
    return [...many, ['an object', {}], ['a text', 'x'], ['a number', 5], ['true', true]]
  }
  if (of.type === 'object') return [['a list', []], ['a text', 'x'], ['a number', 5], ['true', true], NOT_TEXT[2]!]
  return []
}
