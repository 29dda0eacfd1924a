import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { brokenAsyncApi, brokenOpenApi } from '../../scripts/breaking.ts'
import { asyncApiNow, openApiNow } from '../../scripts/documents.ts'
import type { Json } from '../../src/api-documents/json-schema.ts'

/** The contract of the last release, docs/baseline, holds; what it doesn't is named in accepted.json with the note that says why. */

const root = new URL('../../', import.meta.url)
const read = (name: string) => readFileSync(new URL(`docs/baseline/${name}`, root), 'utf8')
const released = { http: JSON.parse(read('openapi.json')) as Json, sockets: parse(read('asyncapi.yaml')) as Json }
const now = { http: openApiNow(), sockets: asyncApiNow() }
const accepted = JSON.parse(read('accepted.json')) as Record<string, string>

test('C11: nothing of the last release is taken back without a decision note', () => {
  const found = [...brokenOpenApi(released.http, now.http), ...brokenAsyncApi(released.sockets, now.sockets)]
  const unsaid = found.filter((finding) => !(finding in accepted))
  expect(unsaid, 'write a note in docs/decisions and name it in docs/baseline/accepted.json').toEqual([])
  const idle = Object.keys(accepted).filter((finding) => !found.includes(finding))
  expect(idle, 'accepted, but nothing of the kind has changed').toEqual([])
})

test('C11: what is accepted names a decision note that exists', () => {
  const noteOf = (path: string) =>
    /^docs\/decisions\/\d{4}-[\w-]+\.md$/.test(path) && existsSync(fileURLToPath(new URL(path, root)))
  expect(Object.values(accepted).filter((path) => !noteOf(path))).toEqual([])
  expect(noteOf('docs/decisions/0001-doors-without-plugins.md')).toBe(true)
  expect(noteOf('docs/decisions/9999-nothing.md')).toBe(false)
})

// ---------------------------------------------------------------- planted changes

/** A document, in which tests reach anywhere. */
// oxlint-disable-next-line typescript/no-explicit-any
type Tree = any

const GUESTS = '/restaurants/{restaurantId}/guests'
const TABLE = '/restaurants/{restaurantId}/tables/{tableId}'
const bodyOf = (operation: Tree) => operation.requestBody.content['application/json'].schema
const answerOf = (operation: Tree) => operation.responses['200'].content['application/json'].schema
const paths = (plant: (paths: Tree, document: Tree) => void) => (document: Tree) => plant(document.paths, document)

/** Changes of the OpenAPI document, and what is said of each. */
const http: readonly (readonly [string, (document: Tree) => void, readonly string[]])[] = [
  ['a path is removed', paths((all) => delete all['/health']), ['/health: path removed']],
  ['an operation is removed', paths((all) => delete all[GUESTS].post), [`POST ${GUESTS}: operation removed`]],
  [
    'an operation is renamed',
    paths((all) => (all['/'].get.operationId = 'start')),
    ['GET /: renamed from root to start'],
  ],
  ['a token is asked for', paths((all) => (all['/'].get.security = [{ bearer: [] }])), ['GET /: now needs a token']],
  [
    'a field of an answer is removed',
    paths((all) => {
      const schema = answerOf(all['/auth/login'].post)
      delete schema.properties.user_id
      schema.required = schema.required.filter((name: string) => name !== 'user_id')
    }),
    ['POST /auth/login 200.user_id: property removed'],
  ],
  [
    'a field of an answer is not always sent',
    paths((all) => (answerOf(all['/auth/login'].post).required = ['access_token', 'token_type', 'restaurant_id'])),
    ['POST /auth/login 200.user_id: no longer always sent'],
  ],
  [
    'a field of an answer has another type',
    paths((all) => (answerOf(all['/api/sync/full'].get).properties.total_guests = { type: 'string' })),
    ['GET /api/sync/full 200.total_guests: type changed from integer to string'],
  ],
  [
    'a field of an answer may be null',
    paths((all) => (answerOf(all['/health'].get).properties.service.type = ['string', 'null'])),
    ['GET /health 200.service: null was not sent before'],
  ],
  [
    'a time of an answer has another form',
    paths((all) => (answerOf(all['/api/sync/full'].get).properties.timestamp.pattern = '^.*$')),
    ['GET /api/sync/full 200.timestamp: pattern changed'],
  ],
  [
    'an answer has a word that it never had',
    (document) => document.components.schemas.SyncTable.properties.status.enum.push('dirty'),
    [
      'GET /api/sync/full 200.tables[].status: "dirty" was not sent before',
      'GET /api/sync/delta 200.changes[].data.status: "dirty" was not sent before',
    ],
  ],
  [
    'a success is no longer described',
    paths((all) => (all['/health'].get.responses = { 201: all['/health'].get.responses['200'] })),
    ['GET /health 200: answer removed'],
  ],
  [
    'a field of a request is removed',
    paths((all) => delete bodyOf(all[GUESTS].post).properties.notes),
    [`POST ${GUESTS} body.notes: property removed`],
  ],
  [
    'an optional field of a request is required',
    paths((all) => bodyOf(all[GUESTS].post).required.push('last_name')),
    [`POST ${GUESTS} body.last_name: now required`],
  ],
  [
    'a required field is added to a request',
    paths((all) => {
      const schema = bodyOf(all[GUESTS].post)
      schema.properties.floor = { type: 'integer' }
      schema.required.push('floor')
    }),
    [`POST ${GUESTS} body.floor: now required`],
  ],
  [
    'a request takes no fields of others any longer',
    paths((all) => (bodyOf(all[GUESTS].post).additionalProperties = false)),
    [`POST ${GUESTS} body: fields that it doesn't name are no longer taken`],
  ],
  [
    'a word of a request is no longer taken',
    paths((all) => {
      const { status } = bodyOf(all[TABLE].put).properties
      const words = status.enum ?? status.anyOf[0].enum
      words.splice(words.indexOf('reserved'), 1)
    }),
    [`PUT ${TABLE} body.status: "reserved" is no longer taken`],
  ],
  [
    'a limit of a request is lower',
    paths((all) => (bodyOf(all[GUESTS].post).properties.first_name.maxLength = 50)),
    [`POST ${GUESTS} body.first_name: maxLength is narrower`],
  ],
  [
    'null is no longer taken',
    paths((all) => {
      const { properties } = bodyOf(all[GUESTS].post)
      properties.last_name = { type: 'string', maxLength: 100 }
    }),
    [`POST ${GUESTS} body.last_name: null is no longer taken`],
  ],
  [
    'a parameter is removed',
    paths((all) => (all[GUESTS].get.parameters = all[GUESTS].get.parameters.slice(0, 1))),
    [
      ...['history', 'before', 'limit'].map((name) => `GET ${GUESTS} query ${name}: parameter removed`),
      `GET ${GUESTS} header If-None-Match: parameter removed`,
    ],
  ],
  [
    'a parameter is required',
    paths((all) => (all[GUESTS].get.parameters.find((p: Tree) => p.name === 'limit').required = true)),
    [`GET ${GUESTS} query limit: now required`],
  ],
  [
    'a required parameter is added',
    paths((all) =>
      all[GUESTS].get.parameters.push({ name: 'floor', in: 'query', required: true, schema: { type: 'string' } }),
    ),
    [`GET ${GUESTS} query floor: added and required`],
  ],
  [
    'a body is required where there was none',
    paths((all) => (all[`${TABLE}/clear`].put.requestBody = all[TABLE].put.requestBody)),
    [`PUT ${TABLE}/clear body: added and required`],
  ],
  [
    'what hurts nobody',
    paths((all, document) => {
      all['/new'] = all['/health']
      delete all[GUESTS].post.responses['400']
      answerOf(all['/health'].get).properties.more = { type: 'string' }
      answerOf(all['/health'].get).required.push('more')
      bodyOf(all[GUESTS].post).properties.more = { type: 'string' }
      bodyOf(all[GUESTS].post).properties.first_name.maxLength = 500
      bodyOf(all[GUESTS].post).required = ['party_size']
      document.components.schemas.SyncTable.properties.status.enum.pop()
    }),
    [],
  ],
]

for (const [name, plant, findings] of http) {
  test(`C11: HTTP: ${name}: ${findings.length === 0 ? 'nothing is said' : 'it is found'}`, () => {
    const changed = structuredClone(now.http)
    plant(changed)
    expect(brokenOpenApi(now.http, changed)).toEqual(findings)
  })
}

/** Changes of the AsyncAPI document. */
const sockets: readonly (readonly [string, (document: Tree) => void, readonly string[]])[] = [
  ['a socket is removed', (all) => delete all.channels.sync, ['sync: channel removed']],
  ['a socket has moved', (all) => (all.channels.sync.address = '/sync'), ['sync: address changed']],
  [
    'a message is removed',
    (all) => delete all.channels.realtime.messages.guest_created,
    ['realtime.guest_created: message removed'],
  ],
  [
    'a message of the client is removed',
    (all) => delete all.channels.sync.messages.request_delta,
    ['sync.request_delta: message removed'],
  ],
  [
    'a field of a message is removed',
    (all) => delete all.components.messages['realtime.guest_deleted'].payload.properties.data,
    ['realtime.guest_deleted.data: property removed'],
  ],
  [
    'an action is new',
    (all) => all.components.messages['realtime.guest_updated'].payload.properties.action.enum.push('moved'),
    ['realtime.guest_updated.action: "moved" was not sent before'],
  ],
  [
    'a client must say more',
    (all) => all.components.messages['sync.ping'].payload.required.push('id'),
    ['sync.ping.id: now required'],
  ],
  [
    'a parameter is required',
    (all) => (all.channels.sync.bindings.ws.query.required = ['token']),
    ['sync query.token: now required'],
  ],
  [
    'a close code is removed',
    (all) => delete all.channels.sync['x-close-codes']['4401'],
    ['sync: close code 4401 removed'],
  ],
  [
    'what hurts nobody',
    (all) => {
      all.channels.more = all.channels.sync
      all.components.messages['realtime.pong'].payload.properties.more = { type: 'string' }
      all.components.messages['realtime.guest_updated'].payload.properties.action.enum.pop()
    },
    [],
  ],
]

for (const [name, plant, findings] of sockets) {
  test(`C11: sockets: ${name}: ${findings.length === 0 ? 'nothing is said' : 'it is found'}`, () => {
    const changed = structuredClone(now.sockets)
    plant(changed)
    expect(brokenAsyncApi(now.sockets, changed)).toEqual(findings)
  })
}
