import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/platform/ids.ts'
import { upTo } from '../patience.ts'
import { startApp, type Answer, type TestApp } from '../kit.ts'
import { openDocumented, type Documented } from './documented.ts'
import { partsOf, resolve, type Parts } from './generate.ts'
import { SIGNING_IN, special, type Floor } from './specials.ts'
import { addressOf, isDone, operations, titleOf, type Operation } from './operations.ts'
import { Raw } from './raw.ts'
import { fieldsOf, present, withValue, type Schema } from './schemas.ts'
import { badValues, badValuesOf } from './refusals.ts'
import { addMore, isEnough } from './one-of-each.ts'
import { watchInputs } from './inputs.ts'
import { openWitness, type Witness } from './witness.ts'

/**
 * Requests made from the document that the server serves, and answers held against it. Each run has another seed, which is printed and repeated with
 * `FUZZ_SEED=…`. The long form, 200 valid and 200 invalid cases of every operation in one to two minutes:
 * `FUZZ_CASES=200 npx vitest run --project doors test/doors/fuzz`.
 */
const CASES = Number(process.env['FUZZ_CASES'] ?? 20)
const LIMIT = upTo(30_000 + CASES * 1_000)
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() & 0x7fffffff)

let app: TestApp
let witness: Witness
const wrongInputs = watchInputs()
let documented: Documented
const report: string[] = []

beforeAll(async () => {
  app = await startApp()
  witness = await openWitness(app)
  documented = await openDocumented(app)
})
afterAll(async () => {
  process.stdout.write(
    `fuzz: seed ${SEED}, ${CASES} valid and ${CASES} invalid cases an operation\n${report.join('\n')}\n`,
  )
  await witness.close()
  await app.close()
})

let numbers = 0

async function openFloor(): Promise<Floor> {
  const restaurant = await app.restaurant()
  return {
    restaurant,
    async ids() {
      for (;;) {
        const known = await witness.idsOf(restaurant.id)
        if (isEnough(known)) return { restaurant: [restaurant.id], ...known }
        // Half of them with ids that devices made, of no version and variant that a standard knows: a UUID is a UUID.
        await addMore(restaurant, known, () => (numbers % 2 === 0 ? newId() : newId().replace(/-7(...)-./, '-f$1-0')))
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

/** Refusals of a valid request: what it names doesn't exist, or can't be had together. The schema alone says `invalid-input`. */
function isSemantic(op: Operation, { body }: Answer): boolean {
  if (op.door === 'v2') return body.code !== 'invalid-input'
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

/** Whoever has an answer is told so. */
async function expectNotModified(op: Operation, floor: Floor, parts: Parts, etag: string): Promise<void> {
  const headers = { ...parts.headers, 'If-None-Match': etag }
  const { answer, of } = await send(op, floor, { parts: { ...parts, headers } })
  // Another hour has begun.
  if (answer.status === 200 && answer.headers.get('etag') !== etag) return
  expect(answer.status, of).toBe(304)
  documented.expectDocumented(op, answer, of)
}

describe(`C8, N1, P12: valid requests, seed ${SEED}`, () => {
  for (const op of operations) {
    test(`C8, N1, P12: valid ${titleOf(op)}`, { timeout: LIMIT }, async () => {
      const floor = await openFloor()
      const seen = tally()
      let [n, done] = [0, 0]
      const property = fc.asyncProperty(partsOf(op), async (generated) => {
        const parts = (await special[op.name]?.(floor, generated, ++n)) ?? generated
        const { answer, of, said } = await send(op, floor, { parts })
        seen.add(answer.status)
        if (isDone(op, answer)) done++
        if (op.body)
          expect(documented.fitsBody(op, JSON.parse(said!)), `the generator made something invalid: ${of}`).toBe(true)
        documented.expectDocumented(op, answer, of)
        expect([400, 401, 403, 404, 409, 410, 422, 200], of).toContain(answer.status)
        const etag = answer.headers.get('etag')
        if (etag !== null) await expectNotModified(op, floor, parts, etag)
        if (!SIGNING_IN.includes(op.name)) expect([401, 403], of).not.toContain(answer.status)
        if (answer.status === 422) expect(isSemantic(op, answer), `${of}\n-> ${answer.text.slice(0, 500)}`).toBe(true)
      })
      await fc.assert(property, { numRuns: CASES, seed: SEED })
      report.push(`  valid   ${op.name.padEnd(18)} ${String(seen.total()).padStart(5)}: ${seen.text()}, ${done} done`)
      expect(done, 'too few succeed to show anything').toBeGreaterThan(Math.floor(CASES / 40))
      expect(wrongInputs, 'a door passes on what the schema would not give').toEqual([])
    })
  }
})

/** One thing wrong with a valid request. */
type Fault = (valid: Parts) => Sent

const BAD_TEXTS = ['{', '{"a":}', 'nope', '[1,', '"', '{"a":NaN}', '\ufeff\ufeff{}']
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
    // What the contract's routes do not read is not looked at either.
    op.method === 'GET' || (op.door === 'ios' && !body)
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
    test(`C8, N1, P12: invalid ${titleOf(op)}`, { timeout: LIMIT }, async () => {
      const floor = await openFloor()
      const seen = tally()
      const fault = fc.oneof(...kinds.map((some) => fc.constantFrom(...some)))
      const before = await floor.ids()
      const untouched = await witness.everything()
      const property = fc.asyncProperty(partsOf(op), fault, async (valid, wrong) => {
        const { answer, of } = await send(op, floor, wrong(valid))
        seen.add(answer.status)
        documented.expectDocumented(op, answer, of)
        expect(answer.status, of).toBeGreaterThanOrEqual(400)
      })
      await fc.assert(property, { numRuns: CASES, seed: SEED })
      report.push(`  invalid ${op.name.padEnd(18)} ${String(seen.total()).padStart(5)}: ${seen.text()}`)
      expect(await floor.ids()).toEqual(before)
      expect(await witness.everything()).toBe(untouched)
    })
  }
})
