import type { Json } from '../src/api-documents/json-schema.ts'
import { brokenSchema, type Direction } from './breaking-schema.ts'

/** What a new contract takes back of an old one. Spec: C11. A finding is `where: what`, and is a key of `docs/baseline/accepted.json` when it is meant. */

type Table<T> = Readonly<Record<string, T>>
interface Parameter {
  readonly name: string
  readonly in: string
  readonly required: boolean
  readonly schema: Json
}
interface Operation {
  readonly operationId: string
  readonly parameters: readonly Parameter[]
  readonly requestBody?: { readonly required?: boolean; readonly content: Table<{ readonly schema: Json }> }
  readonly responses: Table<{ readonly content: Table<{ readonly schema: Json }> }>
  readonly security: readonly object[]
}

/** Findings between two OpenAPI documents. */
export function brokenOpenApi(old: Json, now: Json): string[] {
  const [before, after] = [old['paths'], now['paths']] as [Table<Table<Operation>>, Table<Table<Operation>>]
  return Object.entries(before).flatMap(([path, methods]) => {
    const left = after[path]
    if (!left) return [`${path}: path removed`]
    return Object.entries(methods).flatMap(([method, operation]) => {
      const at = `${method.toUpperCase()} ${path}`
      const same = left[method]
      return same ? brokenOperation(at, operation, same, [old, now]) : [`${at}: operation removed`]
    })
  })
}

function brokenOperation(at: string, old: Operation, now: Operation, documents: readonly [Json, Json]): string[] {
  const compare = (place: string, a: Json, b: Json, direction: Direction) =>
    brokenSchema(place, { old: a, new: b, oldDocument: documents[0], newDocument: documents[1] }, direction)
  return [
    ...(old.operationId === now.operationId ? [] : [`${at}: renamed from ${old.operationId} to ${now.operationId}`]),
    ...(old.security.length === 0 && now.security.length > 0 ? [`${at}: now needs a token`] : []),
    ...brokenParameters(at, old.parameters, now.parameters, compare),
    ...brokenBody(at, old.requestBody, now.requestBody, compare),
    ...Object.entries(old.responses).flatMap(([status, { content }]) =>
      brokenAnswer(`${at} ${status}`, content, now.responses[status]?.content, compare),
    ),
  ]
}

type Compare = (place: string, a: Json, b: Json, direction: Direction) => string[]

function brokenParameters(
  at: string,
  old: readonly Parameter[],
  now: readonly Parameter[],
  compare: Compare,
): string[] {
  const find = (list: readonly Parameter[], { name, in: where }: Parameter) =>
    list.find((each) => each.name === name && each.in === where)
  const place = ({ name, in: where }: Parameter) => `${at} ${where} ${name}`
  return [
    ...old.flatMap((parameter) => {
      const same = find(now, parameter)
      if (!same) return [`${place(parameter)}: parameter removed`]
      const demanded = same.required && !parameter.required ? [`${place(parameter)}: now required`] : []
      return [...demanded, ...compare(place(parameter), parameter.schema, same.schema, 'read')]
    }),
    ...now
      .filter((parameter) => parameter.required && !find(old, parameter))
      .map((parameter) => `${place(parameter)}: added and required`),
  ]
}

function brokenBody(
  at: string,
  old: Operation['requestBody'],
  now: Operation['requestBody'],
  compare: Compare,
): string[] {
  if (!old) return now?.required === true ? [`${at} body: added and required`] : []
  if (!now) return [`${at} body: removed`]
  const demanded = now.required === true && old.required !== true ? [`${at} body: now required`] : []
  return [
    ...demanded,
    ...Object.entries(old.content).flatMap(([type, { schema }]) => {
      const same = now.content[type]
      return same ? compare(`${at} body`, schema, same.schema, 'read') : [`${at} body: ${type} is no longer taken`]
    }),
  ]
}

/** A refusal that can't happen any longer hurts nobody. */
function brokenAnswer(
  at: string,
  old: Table<{ schema: Json }>,
  now: Table<{ schema: Json }> | undefined,
  compare: Compare,
) {
  if (!now) return at.endsWith(' 200') ? [`${at}: answer removed`] : []
  return Object.entries(old).flatMap(([type, { schema }]) => {
    const same = now[type]
    return same ? compare(at, schema, same.schema, 'sent') : [`${at}: ${type} is no longer sent`]
  })
}

interface Channel {
  readonly address: string
  readonly messages: Table<{ readonly $ref: string }>
  readonly bindings: { readonly ws: { readonly query: Json } }
  readonly 'x-close-codes': Table<string>
}
interface SocketDocument {
  readonly channels: Table<Channel>
  readonly operations: Table<{ readonly action: string; readonly messages: readonly { readonly $ref: string }[] }>
  readonly components: { readonly messages: Table<{ readonly payload: Json }> }
}

/** Findings between two AsyncAPI documents. */
export function brokenAsyncApi(old: Json, now: Json): string[] {
  const [before, after] = [old, now] as unknown as [SocketDocument, SocketDocument]
  return Object.entries(before.channels).flatMap(([name, channel]) => {
    const same = after.channels[name]
    if (!same) return [`${name}: channel removed`]
    const documents = { oldDocument: old, newDocument: now }
    const codes = Object.keys(channel['x-close-codes']).filter((code) => !(code in same['x-close-codes']))
    const queries = { old: channel.bindings.ws.query, new: same.bindings.ws.query, ...documents }
    return [
      ...(channel.address === same.address ? [] : [`${name}: address changed`]),
      ...codes.map((code) => `${name}: close code ${code} removed`),
      ...brokenSchema(`${name} query`, queries, 'read'),
      ...Object.keys(channel.messages).flatMap((message) => {
        const at = `${name}.${message}`
        const [a, b] = [payloadIn(before, name, message), payloadIn(after, name, message)]
        if (!a || !b) return [`${at}: message removed`]
        if (directionOf(before, name, message) !== directionOf(after, name, message))
          return [`${at}: goes the other way`]
        return brokenSchema(at, { old: a, new: b, ...documents }, directionOf(before, name, message))
      }),
    ]
  })
}

function payloadIn({ channels, components }: SocketDocument, channel: string, message: string): Json | undefined {
  const ref = channels[channel]?.messages[message]?.$ref
  return ref === undefined ? undefined : components.messages[ref.replace('#/components/messages/', '')]?.payload
}

function directionOf({ operations }: SocketDocument, channel: string, message: string): Direction {
  const ref = `#/channels/${channel}/messages/${message}`
  const sent = Object.values(operations).some(
    ({ action, messages }) => action === 'send' && messages.some(({ $ref }) => $ref === ref),
  )
  return sent ? 'sent' : 'read'
}
