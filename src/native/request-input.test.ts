import type { FastifyRequest } from 'fastify'
import { expect, test } from 'vitest'
import { z } from 'zod'
import type { AppError } from '../platform/errors.ts'
import { inputInBody, inputInQuery, inputOfDelete, numbersIn, objectIn, refuseQuery } from './request-input.ts'

/** What a request says counts or is refused by name, whichever way it is said. */

const HOUSE = { restaurantId: 'r' }
const asked = (said: { params?: object; query?: object; body?: unknown }) =>
  ({ params: HOUSE, query: {}, body: undefined, ...said }) as FastifyRequest

/** The names that a request is refused for. */
function refusedFor(work: () => unknown): [string, number, string[]] {
  try {
    work()
  } catch (error) {
    const { code, status, details } = error as AppError
    const problems = details['problems'] as { path: string[]; message: string }[]
    return [code, status, problems.map(({ path, message }) => `${path.join('.')}: ${message}`)]
  }
  throw new Error('it was not refused')
}
const useless = (...names: string[]) => [
  'invalid-input',
  422,
  names.map((name) => `${name}: no such query parameter here`),
]
const differing = (...names: string[]) => [
  'invalid-input',
  422,
  names.map((name) => `${name}: the body and the address say different things`),
]

test('N9: the numbers of an input are those that its schema says are numbers', () => {
  const input = z.strictObject({
    version: z.int().optional(),
    share: z.number(),
    name: z.string(),
    isOn: z.boolean(),
    either: z.union([z.int(), z.string()]),
    // Text that the schema makes a number of.
    made: z.string().transform(Number).pipe(z.number()),
  })
  expect([...numbersIn(input)]).toEqual(['version', 'share'])
  expect([...numbersIn(z.strictObject({}))]).toEqual([])
  expect([...numbersIn(z.string())]).toEqual([])
  // What JSON has no word for is no number of a query.
  expect([...numbersIn(z.strictObject({ at: z.date(), n: z.int() }))]).toEqual(['n'])
})

test('N9: the input of a command is its body and its path, without the restaurant; they may agree and not differ', () => {
  const params = { ...HOUSE, guestId: 'g' }
  expect(inputInBody(asked({ params, body: { notes: 'x' } }))).toEqual({ guestId: 'g', notes: 'x' })
  expect(inputInBody(asked({ params, body: { guestId: 'g' } }))).toEqual({ guestId: 'g' })
  expect(inputInBody(asked({ body: null }))).toEqual({})
  expect(refusedFor(() => inputInBody(asked({ params, body: { notes: 'x', guestId: 'h' } })))).toEqual(
    differing('guestId'),
  )
  // Of what every object has nothing stands in the path.
  expect(inputInBody(asked({ body: { toString: 'x' } }))).toEqual({ toString: 'x' })
  expect(refusedFor(() => inputInBody(asked({ query: { a: '1', b: '2' }, body: {} })))).toEqual(useless('a', 'b'))
})

test('N9: a DELETE takes its version as digits in the query, or as a number in the body', () => {
  const numbers = new Set(['version'])
  const given = (said: object) => inputOfDelete(asked({ params: { ...HOUSE, guestId: 'g' }, ...said }), numbers)
  expect(given({ query: { version: '9' } })).toEqual({ guestId: 'g', version: 9 })
  expect(given({ body: { version: 9 } })).toEqual({ guestId: 'g', version: 9 })
  expect(given({ query: { version: '9' }, body: { version: 9 } })).toEqual({ guestId: 'g', version: 9 })
  expect(given({ query: { version: '1234567890123456' } })).toEqual({ guestId: 'g', version: 1_234_567_890_123_456 })
  // What is no number stays what it is, for the schema to refuse; so does a field that is none.
  for (const version of ['', 'x', ' 1', '1 ', '1.5', '-1', '12345678901234567', ['1', '1'], ['1']])
    expect(given({ query: { version } })).toEqual({ guestId: 'g', version })
  expect(given({ query: { reason: '9' } })).toEqual({ guestId: 'g', reason: '9' })
  expect(refusedFor(() => given({ query: { version: '1' }, body: { version: 2 } }))).toEqual(differing('version'))
  expect(refusedFor(() => given({ body: { guestId: 'h' } }))).toEqual(differing('guestId'))
  expect(refusedFor(() => given({ query: { guestId: 'g' } }))).toEqual(useless('guestId'))
  expect(refusedFor(() => given({ query: { guestId: 'h', version: '1' }, body: { version: 2 } }))).toEqual([
    ...useless().slice(0, 2),
    ['guestId: no such query parameter here', 'version: the body and the address say different things'],
  ])
})

test('N9: the input of a read is its query and its path, and no parameter takes the place of the path', () => {
  const params = { ...HOUSE, guestId: 'g' }
  expect(inputInQuery(asked({ params, query: { limit: '1' } }))).toEqual({ guestId: 'g', limit: '1' })
  expect(inputInQuery(asked({ query: { restaurantId: 'x' } }))).toEqual({ restaurantId: 'x' })
  expect(refusedFor(() => inputInQuery(asked({ params, query: { limit: '1', guestId: 'h' } })))).toEqual(
    useless('guestId'),
  )
})

test('N9: what takes no query refuses one, and a body is an object or nothing', () => {
  expect(() => refuseQuery(asked({}))).not.toThrow()
  expect(refusedFor(() => refuseQuery(asked({ query: { x: '1' } })))).toEqual(useless('x'))
  expect([objectIn(undefined), objectIn(null), objectIn({ a: 1 })]).toEqual([{}, {}, { a: 1 }])
  for (const body of ['text', 5, true, [], [{}]])
    expect(refusedFor(() => objectIn(body))).toEqual(['invalid-input', 422, []])
})
