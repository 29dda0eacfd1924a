import fc from 'fast-check'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commands, floorReads, nativeRoutes, queries, routes } from '../../src/app.ts'
import { NATIVE } from '../../src/native/door.ts'
import { newId } from '../../src/platform/ids.ts'
import { startApp, type Answer, type Restaurant, type TestApp } from '../kit.ts'
import { partsOf, resolve, type Parts } from './generate.ts'
import {
  addressOf,
  colleague,
  fieldsOf,
  goodBody,
  isDone,
  knowingBody,
  listed,
  operationsOf,
  operations,
  present,
  Raw,
  titleOf,
  withValue,
  type OpenApi,
  type Operation,
  type Schema,
} from './operations.ts'
import { badValues, badValuesOf, expectRefusal } from './refusals.ts'
import { openWitness, type Witness } from './witness.ts'

/**
 * Requests made from the document that the server serves, and answers held against it. Each run has another seed, which is printed and repeated with
 * `FUZZ_SEED=…`. The long form, 200 valid and 200 invalid cases of every operation in one to two minutes:
 * `FUZZ_CASES=200 npx vitest run --project doors test/doors/fuzz`.
 */
const CASES = Number(process.env['FUZZ_CASES'] ?? 60)
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() & 0x7fffffff)

let app: TestApp
let witness: Witness
let document: OpenApi
let ajv: Ajv2020
const report: string[] = []

beforeAll(async () => {
  app = await startApp()
  witness = await openWitness(app)
  document = (await app.call('GET', '/openapi.json')).body
  ajv = new Ajv2020({ strict: false, validateSchema: false, validateFormats: true })
  formats.default(ajv)
  ajv.addSchema(document, 'api')
})
afterAll(async () => {
  process.stdout.write(
    `fuzz: seed ${SEED}, ${CASES} valid and ${CASES} invalid cases an operation\n${report.join('\n')}\n`,
  )
  await witness.close()
  await app.close()
})

/** A check against a schema of the document, by where it stands. */
const checks = new Map<string, ValidateFunction>()
function check(pointer: readonly string[]): ValidateFunction {
  const ref = `api#/${pointer.map((key) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`
  const made = checks.get(ref) ?? ajv.compile({ $ref: ref })
  checks.set(ref, made)
  return made
}

const fitsBody = (op: Operation, body: unknown): boolean =>
  check(['paths', op.path, op.method.toLowerCase(), 'requestBody', 'content', 'application/json', 'schema'])(body)

/** The answer is one that the document has for the operation: status, type, body. */
function expectDocumented(op: Operation, answer: Answer, of: string): void {
  const { status, headers, body, text } = answer
  const said = `${of}\n-> ${status} ${text.slice(0, 500)}`
  expect(status, said).toBeLessThan(500)
  expect(op.statuses, said).toContain(status)
  const { content } = document.paths[op.path]![op.method.toLowerCase()]!.responses[String(status)]!
  if (!content) return expect([status, text], said).toEqual([304, ''])
  const [type] = Object.keys(content)
  expect(headers.get('content-type'), said).toBe(type)
  const fits = check([
    'paths',
    op.path,
    op.method.toLowerCase(),
    'responses',
    String(status),
    'content',
    type!,
    'schema',
  ])
  const ok = fits(body)
  expect(ok, `${said}\n${ajv.errorsText(fits.errors)}`).toBe(true)
  if (status !== 200) expectRefusal(op, answer, of)
}

/** A restaurant for one operation, with enough on its floor. */
interface Floor {
  readonly restaurant: Restaurant
  ids(): Promise<Record<string, readonly string[]>>
}

let numbers = 0

async function openFloor(): Promise<Floor> {
  const restaurant = await app.restaurant()
  return {
    restaurant,
    async ids() {
      for (;;) {
        const known = await witness.idsOf(restaurant.id)
        if (Object.values(known).every(({ length }) => length >= 4)) return { restaurant: [restaurant.id], ...known }
        if (known.staff.length < 4) await colleague(restaurant)
        // Half of them with ids that devices made, of no version and variant that a standard knows: a UUID is a UUID.
        const id = numbers % 2 === 0 ? newId() : newId().replace(/-7(...)-./, '-f$1-0')
        const made = [
          await restaurant.v2('POST', '/guests', { id, firstName: 'Ada', partySize: 2 }),
          await restaurant.v2('POST', '/tables', { id, number: `floor ${++numbers}`, capacity: 8, x: 0.5, y: 0.5 }),
        ]
        expect(made.map(({ status }) => status)).toEqual([200, 200])
        await restaurant.call('POST', '/reservations', { guest_name: 'Ada', party_size: 2 })
      }
    },
  }
}

interface Sent {
  readonly parts: Parts
  readonly text?: string
  readonly authorization?: string | null
}

async function send(op: Operation, floor: Floor, { parts, text, authorization }: Sent) {
  const known = await floor.ids()
  const said = text ?? (parts.body === undefined ? undefined : resolve(Raw.write(parts.body), known))
  const token = authorization === undefined ? `Bearer ${floor.restaurant.token}` : authorization
  const path = Object.fromEntries(Object.entries(parts.path).map(([name, id]) => [name, resolve(id, known)]))
  const query = Object.entries(parts.query).map(([name, text]) => [name, resolve(text, known)] as const)
  const address = addressOf(op, path, new URLSearchParams(query.map(([...pair]) => pair)).toString())
  const headers = { ...parts.headers, ...(token !== null && !op.isPublic && { authorization: token }) }
  const answer = await app.call(op.method, address, said, headers)
  const of = `${op.method} ${address} ${JSON.stringify(parts.headers)} ${said?.slice(0, 1000) ?? ''}`
  return { answer, of, said }
}

/** Refusals of a valid request: what it names doesn't exist, or can't be had together. */
function isSemantic(op: Operation, { body }: Answer): boolean {
  if (op.door === 'v2')
    return ['unknown-table', 'unknown-party', 'ended-with-table', 'mutation-id-reused'].includes(body.code)
  const meant = /^Value error, (table not found|guest not found|A party whose visit ends|This mutation id was used)/
  return body.detail.every(({ msg }: { msg: string }) => meant.test(msg))
}

const tally = () => {
  const counts = new Map<number, number>()
  return {
    add: (status: number) => counts.set(status, (counts.get(status) ?? 0) + 1),
    get: (status: number) => counts.get(status) ?? 0,
    text: () =>
      [...counts]
        .sort(([a], [b]) => a - b)
        .map(([status, n]) => `${status}×${n}`)
        .join(' '),
    total: () => [...counts.values()].reduce((sum, n) => sum + n, 0),
  }
}

/** Of three requests two with what only one knows who signs in. */
const knowing =
  (name: string) =>
  async ({ restaurant }: Floor, parts: Parts, n: number): Promise<Parts> => {
    const op = operations.find((each) => each.name === name)!
    return n % 3 === 0 ? parts : { ...parts, body: await knowingBody(op, restaurant) }
  }
const SIGNING_IN: readonly string[] = ['login', 'sign-in', 'refresh']

/** Operations whose good answer needs more than what the schema says. */
const special: Record<string, (floor: Floor, parts: Parts, n: number) => Promise<Parts>> = {
  ...Object.fromEntries(SIGNING_IN.map((name) => [name, knowing(name)])),
  // Only a party that has a table moves.
  'move-guest': async ({ restaurant, ...floor }, parts, n) => {
    const known = await floor.ids()
    const tableId = known['table']![n % known['table']!.length]!
    const seat = { tableId, force: true, takeOver: true }
    const answer = await restaurant.v2('PATCH', resolve(`/guests/${parts.path['guestId']!}`, known), seat)
    expect([200, 404]).toContain(answer.status)
    return parts
  },
  // Mostly from a place in the log of this restaurant.
  'get-changes': async ({ restaurant }, parts, n) => {
    if (n % 4 === 0) return parts
    const { epoch, seq } = (await restaurant.v2('GET', '/snapshot')).body
    const { at: _, ...query } = parts.query
    return { ...parts, query: { ...query, epoch, since: String(n % (seq + 1)) } }
  },
  // Every other time a party that waits and a table that is free.
  'seat-guest': async ({ restaurant }, parts, n) => {
    if (n % 2 === 0) return parts
    const [guestId, tableId] = [await restaurant.walkIn(), await restaurant.table(`free ${++numbers}`)]
    return { ...parts, path: { ...parts.path, guestId }, body: { ...(parts.body as object), tableId } }
  },
}

/** Whoever has an answer is told so. */
async function expectNotModified(op: Operation, floor: Floor, parts: Parts, etag: string): Promise<void> {
  const headers = { ...parts.headers, 'If-None-Match': etag }
  const { answer, of } = await send(op, floor, { parts: { ...parts, headers } })
  // Another hour has begun.
  if (answer.status === 200 && answer.headers.get('etag') !== etag) return
  expect(answer.status, of).toBe(304)
  expectDocumented(op, answer, of)
}

describe(`C8, N1, P12: valid requests, seed ${SEED}`, () => {
  for (const op of operations) {
    test(`C8, N1, P12: valid ${titleOf(op)}`, { timeout: CASES * 1_000 }, async () => {
      const floor = await openFloor()
      const seen = tally()
      let [n, done] = [0, 0]
      const property = fc.asyncProperty(partsOf(op), async (generated) => {
        const parts = (await special[op.name]?.(floor, generated, ++n)) ?? generated
        const { answer, of, said } = await send(op, floor, { parts })
        seen.add(answer.status)
        if (isDone(op, answer)) done++
        if (op.body) expect(fitsBody(op, JSON.parse(said!)), `the generator made something invalid: ${of}`).toBe(true)
        expectDocumented(op, answer, of)
        expect([400, 401, 403, 404, 409, 410, 422, 200], of).toContain(answer.status)
        const etag = answer.headers.get('etag')
        if (etag !== null) await expectNotModified(op, floor, parts, etag)
        if (!SIGNING_IN.includes(op.name)) expect([401, 403], of).not.toContain(answer.status)
        if (answer.status === 422) expect(isSemantic(op, answer), `${of}\n-> ${answer.text.slice(0, 500)}`).toBe(true)
      })
      await fc.assert(property, { numRuns: CASES, seed: SEED })
      report.push(`  valid   ${op.name.padEnd(18)} ${String(seen.total()).padStart(5)}: ${seen.text()}, ${done} done`)
      expect(done, 'too few succeed to show anything').toBeGreaterThan(CASES / 20)
    })
  }
})

/** One thing wrong with a valid request. */
type Fault = (valid: Parts) => Sent

const BAD_TEXTS = ['{', '{"a":}', 'nope', '[1,', '"', '{"a":NaN}', '\ufeff{}']
const BAD_TOKENS = [null, '', 'Bearer', 'Bearer nope', 'Basic eDp5', 'Bearer a.b.c']

/** Texts that a header must not have: what no ETag is compared with is nothing wrong. */
const badHeaders = ({ type, maxLength }: Schema): string[] =>
  type === 'integer'
    ? ['', '-1', '1.5', 'x', '1e3', String(2 ** 53)]
    : maxLength === undefined
      ? []
      : ['x'.repeat(maxLength + 1)]

/** Everything that is surely wrong, of each kind. */
function faultsOf(op: Operation): Fault[][] {
  const { body } = op
  const inPath = op.parameters.filter((p) => p.in === 'path')
  const inQuery = op.parameters.filter((p) => p.in === 'query')
  const inHeader = op.parameters.filter((p) => p.in === 'header')
  const fields = body ? fieldsOf(body) : []
  const put = (place: readonly (string | number)[], value: unknown): Fault => {
    return (parts) => ({ parts: { ...parts, body: withValue(body!, parts.body, place, value) } })
  }
  const required = (body && present(body).type === 'object' && present(body).required) || []
  const wrongWhole = body && present(body).type === 'array' ? [{}, 'x', 5, true] : ['x', 5, true, [], [[]]]
  return [
    fields.flatMap((field) => badValuesOf(op, field).map(([, value]) => put(field.place, value))),
    required.map((name): Fault => (parts) => {
      const { [name]: _, ...rest } = parts.body as Record<string, unknown>
      return { parts: { ...parts, body: rest } }
    }),
    body
      ? wrongWhole.map((value): Fault => (parts) => ({ parts: { ...parts, body: value } }))
      : [],
    op.method === 'GET'
      ? []
      : BAD_TEXTS.map((text): Fault => (parts) => ({ parts, text })),
    inPath.flatMap(({ name }) =>
      ['nope', '0', '%00', 'x'.repeat(300), 'A'.repeat(36)].map((id): Fault => (parts) => ({
        parts: { ...parts, path: { ...parts.path, [name]: id } },
      })),
    ),
    inQuery.flatMap(({ name, schema }) =>
      badValues(present(schema))
        .filter(([, value]) => typeof value === 'string' && value !== '')
        .map(([, value]): Fault => (parts) => ({
          parts: { ...parts, query: { ...parts.query, [name]: String(value) } },
        })),
    ),
    inQuery
      .filter(({ required }) => required)
      .map(({ name }): Fault => (parts) => {
        const { [name]: _, ...rest } = parts.query
        return { parts: { ...parts, query: rest } }
      }),
    inHeader.flatMap(({ name, schema }) =>
      badHeaders(schema).map((value): Fault => (parts) => ({
        parts: { ...parts, headers: { ...parts.headers, [name]: value } },
      })),
    ),
    op.isPublic
      ? []
      : BAD_TOKENS.map((authorization): Fault => (parts) => ({ parts, authorization })),
  ].filter((kind) => kind.length > 0)
}

describe(`C8, N1, P12: invalid requests, seed ${SEED}`, () => {
  for (const op of operations) {
    const kinds = faultsOf(op)
    // A page without any input can't be asked wrongly.
    if (kinds.length === 0) continue
    test(`C8, N1, P12: invalid ${titleOf(op)}`, { timeout: CASES * 1_000 }, async () => {
      const floor = await openFloor()
      const seen = tally()
      const fault = fc.oneof(...kinds.map((some) => fc.constantFrom(...some)))
      const before = await floor.ids()
      const untouched = await witness.everything()
      const property = fc.asyncProperty(partsOf(op), fault, async (valid, wrong) => {
        const { answer, of } = await send(op, floor, wrong(valid))
        seen.add(answer.status)
        expectDocumented(op, answer, of)
        expect(answer.status, of).toBeGreaterThanOrEqual(400)
      })
      await fc.assert(property, { numRuns: CASES, seed: SEED })
      report.push(`  invalid ${op.name.padEnd(18)} ${String(seen.total()).padStart(5)}: ${seen.text()}`)
      expect(await floor.ids()).toEqual(before)
      expect(await witness.everything()).toBe(untouched)
    })
  }
})

describe('N1, C8: the document', () => {
  test('N1, C8: is what app.ts lists, all of it and nothing else', async () => {
    expect(document).toEqual(listed)
    const path = (of: string) => of.replace(/:(\w+)/g, '{$1}')
    const wanted = [
      ...[...routes, ...nativeRoutes].map((r) => `${r.name} ${r.method} ${path(r.path)}`),
      ...commands.map((c) => `${c.name} ${c.method} ${path(NATIVE + c.path)}`),
      ...[...queries, ...floorReads].map((q) => `${q.name} GET ${path(NATIVE + q.path)}`),
    ]
    expect(operationsOf(document).map(titleOf).sort()).toEqual(wanted.sort())
    expect(new Set(operations.map(({ name }) => name)).size).toBe(operations.length)
  })

  test('C8, L5: says that every call that may change something takes an Idempotency-Key, and no other', () => {
    for (const op of operationsOf(document)) {
      const takes = op.parameters.some(({ name }) => name === 'Idempotency-Key')
      expect(takes, titleOf(op)).toBe(op.method !== 'GET' && !op.isPublic)
    }
  })

  test('C8: is OpenAPI 3.1', async () => {
    const validator = new Validator()
    // It resolves references in place, so it gets a copy.
    const { valid, errors } = await validator.validate(structuredClone(document) as object as Record<string, unknown>)
    expect({ valid, errors }).toEqual({ valid: true, errors: undefined })
    expect(validator.version).toBe('3.1')
    const broken = structuredClone(document) as unknown as { paths: Record<string, unknown> }
    broken.paths['nope'] = { get: { responses: 5 } }
    expect((await new Validator().validate(broken)).valid).toBe(false)
  })

  test('C8: has a schema that can be compiled for every body and answer, and references that exist', () => {
    for (const op of operationsOf(document)) {
      const described = document.paths[op.path]![op.method.toLowerCase()]!
      const at = ['paths', op.path, op.method.toLowerCase()]
      if (op.body) expect(check([...at, 'requestBody', 'content', 'application/json', 'schema'])).toBeTypeOf('function')
      for (const [status, { content = {} }] of Object.entries(described.responses))
        for (const type of Object.keys(content))
          expect(check([...at, 'responses', status, 'content', type, 'schema'])).toBeTypeOf('function')
    }
    const strict = new Ajv2020({ strict: true, strictTypes: false, allowUnionTypes: true })
    formats.default(strict)
    for (const op of operationsOf(document)) if (op.body) expect(strict.compile(op.body)).toBeTypeOf('function')
  })

  test('C8: promises of bodies what is so: the plainest body of each fits its own schema', () => {
    const ids = { guest: newId(), table: newId(), reservation: newId(), restaurant: newId(), staff: newId() }
    for (const op of operations) if (op.body) expect(fitsBody(op, goodBody(op, ids)), titleOf(op)).toBe(true)
  })

  test('C8: a body that does not fit is told from one that does', () => {
    const create = operations.find(({ name }) => name === 'guestsCreate')!
    expect(fitsBody(create, { first_name: 'Ada', party_size: 2 })).toBe(true)
    expect(fitsBody(create, { first_name: 'Ada', party_size: 0 })).toBe(false)
    const answer = {
      status: 200,
      headers: new Headers({ 'content-type': 'application/json' }),
      text: '[{}]',
      body: [{}],
    }
    const list = operations.find(({ name }) => name === 'guestsList')!
    expect(() => expectDocumented(list, answer, 'a made-up answer')).toThrow(/must have required property/)
  })
})
