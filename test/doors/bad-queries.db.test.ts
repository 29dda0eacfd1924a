import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/platform/ids.ts'
import { entityOf, goodBody, operations, titleOf, type Operation } from './operations.ts'
import { present, type Schema } from './schemas.ts'
import { badValues } from './refusals.ts'
import { openTrial, type Trial } from './trial.ts'

/** Paths, queries and headers that are wrong. */

let trial: Trial
beforeAll(async () => {
  trial = await openTrial()
})
afterAll(() => trial.close())

describe('P12, L6: paths and queries', () => {
  for (const op of operations.filter(({ parameters }) => parameters.some((p) => p.in === 'path'))) {
    test(`P12: ids that are none: ${titleOf(op)}`, async () => {
      const odd = [
        'nope',
        '%00',
        '1',
        newId().toUpperCase(),
        'x'.repeat(400),
        '%F0%9F%8D%B7',
        '..%2F..',
        "'%20or%201=1",
        '__proto__',
        'null',
      ]
      const names = op.parameters.filter((p) => p.in === 'path').map((p) => p.name)
      const body = op.body && goodBody(op, trial.ids)
      const all = names.flatMap((name) =>
        odd.map((id) => [`${name} ${id}`, { params: { [name]: id }, ...(op.body && { body }) }] as const),
      )
      await trial.allRefused(op, all, ({ status }, label) => {
        if (op.door === 'ios')
          // An escaped slash ends a part of the path, as it did at the old server.
          expect(status, label).toBe(label.startsWith('restaurantId') && !label.includes('%2F') ? 403 : 404)
      })
    })
  }

  for (const op of operations.filter(({ parameters }) => parameters.some((p) => p.in === 'query'))) {
    test(`P12: queries: ${titleOf(op)}`, async () => {
      const body = op.body && { body: goodBody(op, trial.ids) }
      const all = op.parameters
        .filter((p) => p.in === 'query')
        .flatMap(({ name, schema, required }) => [
          ...badInQuery(op, name, schema).map(
            ([label, value]) => [`${name}: ${label}`, { ...body, query: { [name]: value } }] as const,
          ),
          ...(required ? [[`${name}: missing`, { ...body, query: { [name]: undefined } }] as const] : []),
        ])
      expect(all.length).toBeGreaterThan(1)
      await trial.allRefused(op, all)
    })
  }
})

/** Times and days of the iPad's queries: only texts to the document. */
const MEANT: Readonly<Record<string, Schema>> = {
  since: { type: 'string', format: 'date-time' },
  date_filter: { type: 'string', format: 'date' },
}

/** Texts that a query must not have. */
function badInQuery(op: Operation, name: string, schema: Schema): (readonly [string, string])[] {
  const bad = [present(schema), MEANT[name]].flatMap((of) => (of ? badValues(of) : []))
  const isRestaurant = entityOf(name, op) === 'restaurant'
  const foreign = isRestaurant
    ? ['nope', '', newId(), trial.restaurant.id.toUpperCase(), `${trial.restaurant.id} `]
    : []
  return [
    ...bad
      .filter(([, value]) => typeof value === 'string' || (typeof value === 'number' && schema.type !== 'string'))
      // The contract's filter of days is read like the old server's.
      .filter(([, value]) => op.door !== 'ios' || name !== 'date_filter' || value !== '2026-2-3')
      // Nothing is zero to a number that a query coerces.
      .filter(([, value]) => value !== '' || op.door === 'ios')
      .map(([label, value]) => [label, String(value)] as const),
    ...foreign.map((id) => [`another restaurant ${id}`, id] as const),
  ]
}

test('P12: a header that cannot be taken is refused by both doors in their own shape', async () => {
  for (const op of operations.filter(({ method, isPublic }) => method !== 'GET' && !isPublic)) {
    const body = op.body && { body: goodBody(op, trial.ids) }
    await trial.allRefused(op, [
      ['a long Idempotency-Key', { ...body, headers: { 'idempotency-key': 'x'.repeat(201) } }],
    ])
  }
})

test('P12, N5: a Min-Seq that is none is refused by every read, and an If-None-Match may be anything', async () => {
  const reads = operations.filter(({ parameters }) => parameters.some(({ name }) => name === 'Min-Seq'))
  expect(reads.map(({ name }) => name)).toEqual(
    operations
      .filter(({ door, method, path }) => door === 'v2' && method === 'GET' && path.includes('{restaurantId}'))
      .map(({ name }) => name),
  )
  const wrong = [
    '',
    'x',
    '-1',
    '1.5',
    '1e3',
    '0x1',
    '+1',
    '1, 2',
    '9007199254740992',
    '9'.repeat(17),
    '9'.repeat(5_000),
  ]
  for (const op of reads) {
    const all = wrong.map((value) => [`Min-Seq ${value}`, { headers: { 'min-seq': value } }] as const)
    await trial.allRefused(op, all, ({ status, body }) => expect([status, body.code]).toEqual([422, 'invalid-header']))
    for (const value of ['', '*', 'x', 'W/', '"', ',,,', '"\u00e4"', '"a", W/"b"', 'x'.repeat(5_000)]) {
      const answer = await trial.send(op, { headers: { 'if-none-match': value } })
      expect(answer.status, `${titleOf(op)} ${value} ${answer.text}`).toBe(200)
    }
  }
})

test('P12, C8: to a GET of the contract an Idempotency-Key is a header like any other', async () => {
  for (const op of operations.filter(({ method, door }) => method === 'GET' && door === 'ios')) {
    const answer = await trial.send(op, { headers: { 'idempotency-key': 'x'.repeat(201) } })
    expect(answer.status, `${titleOf(op)} ${answer.text}`).toBe(200)
  }
})
