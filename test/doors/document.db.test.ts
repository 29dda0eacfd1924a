import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commands, floorReads, nativeRoutes, queries, routes } from '../../src/app.ts'
import { NATIVE } from '../../src/native/door.ts'
import { newId } from '../../src/platform/ids.ts'
import { startApp, type TestApp } from '../kit.ts'
import { openDocumented, type Documented } from './documented.ts'
import { forEachKind } from './one-of-each.ts'
import { goodBody, listed, operations, operationsOf, titleOf } from './operations.ts'

/** The document that the server serves. */

let app: TestApp
let documented: Documented
beforeAll(async () => {
  app = await startApp()
  documented = await openDocumented(app)
})
afterAll(() => app.close())

describe('N1, C8: the document', () => {
  test('N1, C8: is what app.ts lists, all of it and nothing else', async () => {
    expect(documented.document).toEqual(listed)
    const path = (of: string) => of.replace(/:(\w+)/g, '{$1}')
    const wanted = [
      ...[...routes, ...nativeRoutes].map((r) => `${r.name} ${r.method} ${path(r.path)}`),
      ...commands.map((c) => `${c.name} ${c.method} ${path(NATIVE + c.path)}`),
      ...[...queries, ...floorReads].map((q) => `${q.name} GET ${path(NATIVE + q.path)}`),
    ]
    expect(operationsOf(documented.document).map(titleOf).sort()).toEqual(wanted.sort())
    expect(new Set(operations.map(({ name }) => name)).size).toBe(operations.length)
  })

  test('C8, L5: says that every call that may change something takes an Idempotency-Key, and no other', () => {
    for (const op of operationsOf(documented.document)) {
      const takes = op.parameters.some(({ name }) => name === 'Idempotency-Key')
      expect(takes, titleOf(op)).toBe(op.method !== 'GET' && !op.isPublic)
    }
  })

  test('N9: says of every object in a body of /v2 that it takes no other fields, and where the version of a DELETE goes', () => {
    const open = (schema: unknown, place: string): string[] => {
      if (typeof schema !== 'object' || schema === null) return []
      const inside = Object.entries(schema).flatMap(([key, of]) => open(of, `${place}.${key}`))
      return 'properties' in schema && !('additionalProperties' in schema) ? [place, ...inside] : inside
    }
    const native = operationsOf(documented.document).filter(({ door }) => door === 'v2')
    expect(native.flatMap((op) => open(op.body, op.name))).toEqual([])
    const guarded = native.filter(
      ({ method, name }) =>
        method === 'DELETE' &&
        !['end-sign-ins', 'revoke-device', 'revoke-guest-link', 'erase-person', 'unlink-party'].includes(name),
    )
    expect(guarded).toHaveLength(6)
    for (const { parameters } of guarded)
      expect(parameters).toContainEqual(expect.objectContaining({ name: 'version', in: 'query', required: false }))
  })

  test('C8: is OpenAPI 3.1', async () => {
    const validator = new Validator()
    // It resolves references in place, so it gets a copy.
    const { valid, errors } = await validator.validate(
      structuredClone(documented.document) as object as Record<string, unknown>,
    )
    expect({ valid, errors }).toEqual({ valid: true, errors: undefined })
    expect(validator.version).toBe('3.1')
    const broken = structuredClone(documented.document) as unknown as { paths: Record<string, unknown> }
    broken.paths['nope'] = { get: { responses: 5 } }
    expect((await new Validator().validate(broken)).valid).toBe(false)
  })

  test('C8: has a schema that can be compiled for every body and answer, and references that exist', () => {
    for (const op of operationsOf(documented.document)) {
      const described = documented.document.paths[op.path]![op.method.toLowerCase()]!
      const at = ['paths', op.path, op.method.toLowerCase()]
      if (op.body)
        expect(documented.check([...at, 'requestBody', 'content', 'application/json', 'schema'])).toBeTypeOf('function')
      for (const [status, { content = {} }] of Object.entries(described.responses))
        for (const type of Object.keys(content))
          expect(documented.check([...at, 'responses', status, 'content', type, 'schema'])).toBeTypeOf('function')
    }
    const strict = new Ajv2020({ strict: true, strictTypes: false, allowUnionTypes: true })
    formats.default(strict)
    for (const op of operationsOf(documented.document))
      if (op.body) expect(strict.compile(op.body)).toBeTypeOf('function')
  })

  test('C8: promises of bodies what is so: the plainest body of each fits its own schema', () => {
    const ids = { ...forEachKind(() => newId()), restaurant: newId(), staff: newId() }
    for (const op of operations) if (op.body) expect(documented.fitsBody(op, goodBody(op, ids)), titleOf(op)).toBe(true)
  })

  test('C8: a body that does not fit is told from one that does', () => {
    const create = operations.find(({ name }) => name === 'guestsCreate')!
    expect(documented.fitsBody(create, { first_name: 'Ada', party_size: 2 })).toBe(true)
    expect(documented.fitsBody(create, { first_name: 'Ada', party_size: 0 })).toBe(false)
    const answer = {
      status: 200,
      headers: new Headers({ 'content-type': 'application/json' }),
      text: '[{}]',
      body: [{}],
    }
    const list = operations.find(({ name }) => name === 'guestsList')!
    expect(() => documented.expectDocumented(list, answer, 'a made-up answer')).toThrow(/must have required property/)
  })
})
