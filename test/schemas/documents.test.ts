import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { asyncApiNow, documents, openApiNow } from '../../scripts/documents.ts'
import { closeCodes } from '../../src/sockets/endings.ts'
import type { Json } from '../../src/api-documents/json-schema.ts'
import { yaml } from '../../src/api-documents/yaml.ts'

/** The checked-in documents are those of the code, and valid by the rules of their kind. */

const docs = fileURLToPath(new URL('../../docs/', import.meta.url))
const read = (path: string) => readFileSync(join(docs, path), 'utf8')
const AGAIN = 'run `npm run api-documents` and commit docs/'

test('C8, C10, M3: docs/ has the documents of the code, and no other: npm run api-documents', () => {
  const made = documents()
  const schemas = readdirSync(join(docs, 'schemas'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.json'))
    .map((path) => join('schemas', path))
  const there = ['openapi.json', 'asyncapi.yaml', 'metrics.md', ...schemas]
  expect(there.sort(), AGAIN).toEqual([...made.keys()].sort())
  const stale = [...made].filter(([path, text]) => read(path) !== text).map(([path]) => path)
  expect(stale, AGAIN).toEqual([])
})

test('C8: the OpenAPI document is valid by the rules of OpenAPI 3.1', async () => {
  const result = await new Validator().validate(JSON.parse(read('openapi.json')) as Json)
  expect(result).toMatchObject({ valid: true })
  const { openapi: _, ...without } = openApiNow()
  expect((await new Validator().validate(without)).valid).toBe(false)
})

test('C10: the AsyncAPI document is valid by the schema of AsyncAPI 3.0, and every reference leads somewhere', () => {
  const path = createRequire(import.meta.url).resolve('@asyncapi/specs/schemas/3.0.0-without-$id.json')
  const ajv = new Ajv({ strict: false, validateFormats: true, logger: false })
  formats.default(ajv)
  const fits = ajv.compile(JSON.parse(readFileSync(path, 'utf8')) as object)
  const document = parse(read('asyncapi.yaml')) as Json
  expect(fits(document), JSON.stringify(fits.errors?.slice(0, 5))).toBe(true)
  expect(fits({ ...document, channels: { realtime: { adress: '/realtime' } } })).toBe(false)
  expect(fits({ ...document, operations: { tells: { action: 'shout' } } })).toBe(false)

  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map((m) => m[1]!)
  const lost = references.filter(
    (pointer) =>
      pointer.split('/').reduce<unknown>((value, key) => (value as Json | undefined)?.[key], document) === undefined,
  )
  expect(lost).toEqual([])
  expect(references.length).toBeGreaterThan(50)
})

test('C10: each socket is described with every close code', () => {
  const { channels } = asyncApiNow() as { channels: Record<string, Record<string, Json>> }
  for (const channel of Object.values(channels))
    expect(Object.keys(channel['x-close-codes']!).map(Number)).toEqual(Object.values(closeCodes).sort((a, b) => a - b))
})

test('C12: each file of docs/schemas is a JSON Schema of its own', () => {
  const ajv = new Ajv2020({ strict: true, strictTypes: false, allowUnionTypes: true })
  formats.default(ajv)
  const files = [...documents()].filter(([path]) => path.startsWith('schemas/'))
  for (const [path, text] of files) expect(() => ajv.compile(JSON.parse(text) as object), path).not.toThrow()
  expect(files.length).toBeGreaterThan(70)
})

test('YAML is written so that it is read as what it was', () => {
  const odd = {
    words: [
      'yes',
      'No',
      'null',
      'true',
      '',
      ' a',
      'a ',
      'a: b',
      'a #b',
      '- a',
      '1',
      '1.0',
      '0x1',
      '2026-11-23',
      '~',
      '|',
    ],
    'key: odd': { '200': 'x', 'x-y': [] },
    nested: [[1, [2]], [{ a: 1, b: { c: [] } }], {}],
    plain: 'two words/and-more',
    unicode: 'Müller \u2028 \u0000 "quoted" \\ \n line',
    numbers: [0, -1.5, 1e21],
    nothing: null,
  }
  expect(parse(yaml(odd))).toEqual(odd)
  expect(parse(yaml({ a: undefined, b: 1 }))).toEqual({ b: 1 })
  expect(parse(read('asyncapi.yaml'))).toEqual(asyncApiNow())
})
