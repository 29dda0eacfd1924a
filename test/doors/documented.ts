import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { expect } from 'vitest'
import { CSV_TYPE } from '../../src/platform/http/csv.ts'
import type { Answer, TestApp } from '../kit.ts'
import type { OpenApi, Operation } from './operations.ts'
import { expectRefusal } from './refusals.ts'

/** The document that a server serves, and what it says of bodies and answers. */
export interface Documented {
  readonly document: OpenApi
  /** A check against a schema of the document, by where it stands. */
  check(pointer: readonly string[]): ValidateFunction
  fitsBody(op: Operation, body: unknown): boolean
  /** The answer is one that the document has for the operation: status, type, body. */
  expectDocumented(op: Operation, answer: Answer, of: string): void
}

export async function openDocumented(app: TestApp): Promise<Documented> {
  const document: OpenApi = (await app.call('GET', '/openapi.json')).body
  const ajv = new Ajv2020({ strict: false, validateSchema: false, validateFormats: true })
  formats.default(ajv)
  ajv.addSchema(document, 'api')

  const checks = new Map<string, ValidateFunction>()
  function check(pointer: readonly string[]): ValidateFunction {
    const ref = `api#/${pointer.map((key) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`
    const made = checks.get(ref) ?? ajv.compile({ $ref: ref })
    checks.set(ref, made)
    return made
  }

  const fitsBody = (op: Operation, body: unknown): boolean =>
    check(['paths', op.path, op.method.toLowerCase(), 'requestBody', 'content', 'application/json', 'schema'])(body)

  function expectDocumented(op: Operation, answer: Answer, of: string): void {
    const { status, headers, body, text } = answer
    const said = `${of}\n-> ${status} ${text.slice(0, 500)}`
    expect(status, said).toBeLessThan(500)
    expect(op.statuses, said).toContain(status)
    const { content } = document.paths[op.path]![op.method.toLowerCase()]!.responses[String(status)]!
    if (!content) return expect([status, text], said).toEqual([304, ''])
    const given = headers.get('content-type')
    const type = Object.keys(content).find((each) => given === each || (each === 'text/csv' && given === CSV_TYPE))
    expect(type, `${said}\n${given}`).toBeDefined()
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
    const ok = fits(type === 'text/csv' ? text : body)
    expect(ok, `${said}\n${ajv.errorsText(fits.errors)}`).toBe(true)
    if (status !== 200) expectRefusal(op, answer, of)
  }

  return { document, check, fitsBody, expectDocumented }
}
