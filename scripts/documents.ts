import { commands, floorReads, messages, nativeRoutes, queries, routes } from '../src/app.ts'
import { asyncApi } from '../src/api-documents/asyncapi.ts'
import type { Json } from '../src/api-documents/json-schema.ts'
import { openApi } from '../src/api-documents/openapi.ts'
import { yaml } from '../src/api-documents/yaml.ts'
import { metricsDocument } from './metrics-document.ts'

/** The documents of the API that are checked in: OpenAPI, AsyncAPI, and a JSON Schema for each answer and message, which is a part of one of the two. */

export const openApiNow = (): Json => openApi({ routes, nativeRoutes, commands, queries, floorReads })
export const asyncApiNow = (): Json => asyncApi(messages)

/** JSON for people and their diffs: what fits a line stands on one. */
export const json = (value: unknown): string => `${block(value, '')}\n`

function block(value: unknown, indent: string): string {
  const line = JSON.stringify(value)
  if (typeof value !== 'object' || value === null || line.length + indent.length <= 100) return line
  const deeper = `${indent}  `
  const members = Array.isArray(value)
    ? value.map((each) => block(each, deeper))
    : Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${block(each, deeper)}`)
  const [open, shut] = Array.isArray(value) ? '[]' : '{}'
  return `${open}\n${members.map((each) => deeper + each).join(',\n')}\n${indent}${shut}`
}

/** Every generated file below `docs/`, by its path there. */
export function documents(): Map<string, string> {
  const [http, sockets] = [openApiNow(), asyncApiNow()]
  const files = new Map([
    ['openapi.json', json(http)],
    ['asyncapi.yaml', yaml(sockets)],
    ['metrics.md', metricsDocument()],
  ])
  for (const { schema, path, title } of [...answersOf(http), ...messagesOf(sockets)]) {
    const document = path.startsWith('messages/') ? sockets : http
    files.set(`schemas/${path}`, json(standalone(schema, document, title)))
  }
  return files
}

/** A schema within a document, and the file that it becomes. */
export interface Part {
  readonly schema: Json
  /** Below `docs/schemas/`. */
  readonly path: string
  readonly title: string
}

/** An answer of an operation. */
export interface AnswerPart extends Part {
  readonly method: string
  /** With its parameters in braces. */
  readonly route: string
  readonly status: string
}

type Operation = { operationId: string; responses: Record<string, { content?: Record<string, { schema: Json }> }> }

/** Every answer of an OpenAPI document. Refusals of one shape share one file. */
export function answersOf({ paths }: Json): AnswerPart[] {
  return Object.entries(paths as Record<string, Record<string, Operation>>).flatMap(([route, methods]) =>
    Object.entries(methods).flatMap(([method, { operationId, responses }]) =>
      Object.entries(responses).flatMap(([status, { content }]) => {
        // A 304 has no content.
        if (!content) return []
        const { schema } = Object.values(content)[0]!
        const name = status === '200' ? operationId : nameIn(schema)
        return {
          schema,
          path: `${status === '200' ? 'answers' : 'refusals'}/${name}.json`,
          title: name,
          method: method.toUpperCase(),
          route,
          status,
        }
      }),
    ),
  )
}

/** Every message of an AsyncAPI document. */
export function messagesOf({ components }: Json): Part[] {
  const { messages } = components as { messages: Record<string, { payload: Json }> }
  return Object.entries(messages).map(([name, { payload }]) => ({
    schema: payload,
    path: `messages/${name}.json`,
    title: name,
  }))
}

const REF = '#/components/schemas/'
const nameIn = ({ $ref }: Json): string => (typeof $ref === 'string' ? $ref.slice(REF.length) : 'unnamed')

/** A part of a document as a schema of its own, with all that it refers to. */
function standalone(schema: Json, { components }: Json, title: string): Json {
  const { schemas } = components as { schemas: Record<string, Json> }
  const used = new Map<string, Json>()
  const own = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(own)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => {
        if (key !== '$ref' || typeof each !== 'string') return [key, own(each)]
        const name = each.slice(REF.length)
        if (!used.has(name)) {
          used.set(name, {})
          used.set(name, own(schemas[name]) as Json)
        }
        return [key, `#/$defs/${name}`]
      }),
    )
  }
  // What is nothing but a reference is the schema itself.
  const whole = typeof schema['$ref'] === 'string' ? schemas[nameIn(schema)] : schema
  const made = own(whole) as Json
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title,
    ...made,
    ...(used.size > 0 && { $defs: Object.fromEntries([...used].sort(([a], [b]) => (a < b ? -1 : 1))) }),
  }
}
