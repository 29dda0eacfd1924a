import { commands, floorReads, nativeRoutes, queries, routes } from '../../src/app.ts'
import { nouns, type Kind as NounKind } from '../../src/floor/nouns.ts'
import type { Route } from '../../src/ios/route.ts'
import { openApi } from '../../src/api-documents/openapi.ts'
import { newId } from '../../src/platform/ids.ts'
import { request, TEST_PASSWORD, type Restaurant } from '../kit.ts'
import { type Schema, type Place, type Field, present, keyOf, formOf, fieldsOf, plain, withValue } from './schemas.ts'
import { Raw } from './raw.ts'
import { withData } from './data.ts'

/** Every operation of both doors, as the lists of app.ts have them: a new route is tested by being listed there. */

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required: boolean
  readonly schema: Schema
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

interface Described {
  readonly operationId: string
  readonly parameters: readonly Parameter[]
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } }
  /** A 304 has no content. */
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema: Schema }>> }>>
  readonly security: readonly object[]
}

export interface Operation {
  readonly name: string
  readonly door: 'ios' | 'v2'
  readonly method: string
  /** With its parameters in braces. */
  readonly path: string
  readonly isPublic: boolean
  readonly access: Route['access']
  readonly parameters: readonly Parameter[]
  readonly body: Schema | undefined
  /** The body with the objects that the document leaves open as they are understood. */
  readonly wholeBody: Schema | undefined
  readonly statuses: readonly number[]
}

/** The document of what app.ts lists, as the server makes it at its start. */
export const listed = openApi({ routes, nativeRoutes, commands, queries, floorReads }) as unknown as OpenApi

/** The operations of a document. */
export function operationsOf({ paths }: OpenApi): Operation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, of]): Operation => {
      const body = of.requestBody?.content['application/json'].schema
      return {
        name: of.operationId,
        door: path.startsWith('/v2/') ? 'v2' : 'ios',
        method: method.toUpperCase(),
        path,
        isPublic: of.security.length === 0,
        access: [...routes, ...nativeRoutes].find(({ name }) => name === of.operationId)?.access ?? 'restaurant',
        parameters: of.parameters,
        body,
        wholeBody: body && withData(of.operationId, body),
        statuses: Object.keys(of.responses).map(Number),
      }
    }),
  )
}

/** Every operation there is. */
export const operations: readonly Operation[] = operationsOf(listed)

/** How an operation is called in a test's name and report. */
export const titleOf = (op: Operation): string => `${op.name} ${op.method} ${op.path}`

/** What a field may name. `new` is an id that a client made for something that is not there yet. */
export type Kind = 'restaurant' | 'message' | EntityKind | 'party' | 'new'
/** What is there to be named: what stands on the floor, shared devices, and people. */
export type EntityKind = NounKind | 'device' | 'person'
const KINDS: readonly string[] = [
  'restaurant',
  'message',
  ...nouns.map(({ kind }) => kind),
  'device',
  'person',
  'party',
  'new',
] satisfies Kind[]
const isKind = (word: string): word is Kind => KINDS.includes(word)

/**
 * What a parameter or field names, by its name and place: `tableId`, `table_id`, `current_guest_id`, `id` of an item; undefined for what is no id. A
 * `party` is a guest or a reservation.
 */
export function entityOf(name: string, op: Operation, place: Place = []): Kind | undefined {
  const words = /^(.*?)_?[iI]d$/.exec(name)
  if (!words) return undefined
  const word = /[A-Z]?[a-z]+$/.exec(words[1]!)?.[0].toLowerCase()
  if (word === 'transaction' || word === 'mutation') return undefined
  if (/current_?guest/i.test(name)) return 'party'
  // What an open list names is not known: it may be told.
  if (word === 'entity' && !place.some((key) => key === '=guest' || key === '=table')) return 'party'
  const kind =
    word === 'entity'
      ? place
          .findLast((key) => key === '=guest' || key === '=table')
          ?.toString()
          .slice(1)
      : word
  if (kind !== undefined && isKind(kind)) return kind
  if (kind !== undefined) throw new Error(`${op.name}: what is ${name}?`)
  if (place.some((key) => key === '=create' || String(key).startsWith('=add-'))) return 'new'
  if (op.name.startsWith('add-')) return 'new'
  const list = place.find((key) => key === 'guests' || key === 'tables') ?? op.path
  return list.includes('tables') ? 'table' : 'guest'
}

/** Ids to fill a request with. Without `new` every new entity has another. */
export type Ids = Readonly<Record<'restaurant' | EntityKind, string>> & {
  readonly new?: string
  readonly message?: string
  /** That of the restaurant's log. */
  readonly epoch?: string
}

/** The id of some kind. */
export const idOf = (ids: Ids, kind: Kind): string => (kind === 'party' ? ids.guest : (ids[kind] ?? newId()))

const within = (op: Operation, where: Parameter['in']) => op.parameters.filter((p) => p.in === where)

/** What an operation's path names. */
export const pathOf = (op: Operation, ids: Ids): Record<string, string> =>
  Object.fromEntries(within(op, 'path').map(({ name }) => [name, idOf(ids, entityOf(name, op)!)]))

/** What an operation's query must have, with ids that are there. */
export const queryOf = (op: Operation, ids: Ids): Record<string, string> =>
  Object.fromEntries(
    within(op, 'query')
      .filter(({ required }) => required)
      .map(({ name, schema }) => {
        const kind = entityOf(name, op)
        if (kind) return [name, idOf(ids, kind)]
        if (name === 'epoch' && ids.epoch !== undefined) return [name, ids.epoch]
        // A place in the log, or a time.
        const isTime = name === 'since' && schema.type === 'string'
        return [name, isTime ? '2026-01-01T00:00:00Z' : String(plain(schema))]
      }),
  )

/** A query's text; what is undefined is left out. */
export const queryText = (query: Readonly<Record<string, string | undefined>>): string =>
  new URLSearchParams(
    Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined),
  ).toString()

/** The path and the query of a good request. */
export const goodAddress = (op: Operation, ids: Ids): string =>
  addressOf(op, pathOf(op, ids), queryText(queryOf(op, ids)))

/** A path with its parameters filled in, and a query. */
export function addressOf(op: Operation, params: Readonly<Record<string, string>>, query = ''): string {
  const path = op.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name]
    if (value === undefined) throw new Error(`${op.path}: no value for ${name}`)
    return value
  })
  return query === '' ? path : `${path}?${query}`
}

/** Puts ids of the right kind into every id field that a body has. */
export function withIds(op: Operation, body: unknown, ids: Ids): unknown {
  const fill = (schema: Schema | undefined, value: unknown, place: Place): unknown => {
    const of = schema && present(schema)
    if (of?.oneOf) {
      const form = formOf(of, value)
      return form ? fill(form, value, [...place, keyOf(form)]) : value
    }
    if (Array.isArray(value)) return value.map((item: unknown, i) => fill(of?.items, item, [...place, i]))
    if (typeof value !== 'object' || value === null || value instanceof Raw) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => {
        const kind = typeof each === 'string' && each !== '' ? entityOf(name, op, place) : undefined
        return [name, kind ? idOf(ids, kind) : fill(of?.properties?.[name], each, [...place, name])]
      }),
    )
  }
  return fill(op.wholeBody, body, [])
}

/** What an operation's plainest body needs besides its required fields before a field that names something counts. */
const NEEDED: Record<string, Readonly<Record<string, string>>> = {
  guestsCreate: { status: 'Seated' },
  tablesBulk: { table_number: 'plan' },
  'arrange-tables': { number: 'plan' },
}

let plans = 0

/** A body that would be taken, with ids that are there but for the one in `field`. */
export function goodBody(op: Operation, ids: Ids, field?: Field, id?: unknown): unknown {
  const schema = op.wholeBody!
  if (!field) return withIds(op, plain(schema), ids)
  const item = field.place.slice(0, -1)
  const needed = Object.entries(NEEDED[op.name] ?? {}).map(
    ([name, value]) => [name, value === 'plan' ? `plan ${++plans}` : value] as const,
  )
  const made = [...needed, [field.name, 'an id'] as const].reduce<unknown>(
    (body, [name, value]) => withValue(schema, body, [...item, name], value),
    plain(schema),
  )
  return withValue(schema, withIds(op, made, ids), field.place, id)
}

/** Every field of a body that names something. */
export const idFieldsOf = (op: Operation): (Field & { readonly kind: Kind })[] =>
  (op.wholeBody ? fieldsOf(op.wholeBody) : []).flatMap((field) => {
    const kind = entityOf(field.name, op, field.place)
    return kind ? [{ ...field, kind }] : []
  })

/**
 * Operations on lists that answer 200 with what could not be done, as the contract has it: a line of `errors` of batch-update and sync/batch, the one
 * `error` of atomic/batch, an item of run-each. They say `success: false` or `ok: false`, and nothing of what they refuse is stored.
 */
export const TELLS: readonly string[] = ['batchUpdate', 'atomicBatch', 'syncBatch', 'run-each']

interface Told {
  readonly status: number
  readonly body: {
    readonly success?: boolean
    readonly result?: { readonly results?: readonly { readonly ok?: boolean }[] }
  }
}

/** Whether all that was asked for is done: lists can fail in an answer of 200. */
export function isDone(op: Operation, { status, body }: Told): boolean {
  if (status !== 200) return false
  if (op.name === 'run-each') return body.result!.results!.every(({ ok }) => ok === true)
  return !TELLS.includes(op.name) || body.success === true
}

/** Whether an answer tells of an item that it was not done. */
export const tells = (op: Operation, answer: Told): boolean =>
  TELLS.includes(op.name) && answer.status === 200 && !isDone(op, answer)

/** Adds someone to a restaurant; their id. */
export async function colleague(restaurant: Pick<Restaurant, 'v2'>): Promise<string> {
  const made = { email: `${newId()}@cedar.example`, password: 'Plum-Cedar-72', role: 'host' }
  return (await restaurant.v2('POST', '/staff', made)).body.result.id
}

/** Adds a shared device; its id and the code that pairs it. */
export async function addDevice(restaurant: Pick<Restaurant, 'v2'>): Promise<{ id: string; code: string }> {
  const { device, code } = (await restaurant.v2('POST', '/devices', { name: `device ${++plans}` })).body.result
  return { id: device.id, code }
}

/** Pairs a new shared device. */
export async function pairDevice(restaurant: Pick<Restaurant, 'v2' | 'base'>) {
  const { code } = await addDevice(restaurant)
  const { body } = await request(restaurant.base, 'POST', '/v2/pair-device', { code })
  return body as { readonly accessToken: string; readonly refreshToken: string; readonly deviceId: string }
}

/** A body that is answered with 200, of the operations that need to know more than their schema for that. */
export async function knowingBody(op: Operation, restaurant: Restaurant): Promise<object | undefined> {
  if (op.name === 'login' || op.name === 'sign-in') return { email: restaurant.email, password: TEST_PASSWORD }
  if (op.name === 'refresh') return { refreshToken: (await restaurant.signIn()).refreshToken }
  if (op.name === 'pair-device') return { code: (await addDevice(restaurant)).code }
  if (op.name === 'refresh-device') return { refreshToken: (await pairDevice(restaurant)).refreshToken }
  if (op.name === 'prove-pin') {
    const staffId = await colleague(restaurant)
    await restaurant.v2('POST', `/staff/${staffId}/pin`, { pin: '2580' })
    return { accessToken: (await pairDevice(restaurant)).accessToken, staffId, pin: '2580' }
  }
  return undefined
}
