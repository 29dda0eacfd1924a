import { expect, test } from 'vitest'
import { newId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import { changeShape, changesShape, messageIn, resyncReason, said, snapshotShape, streamMessages } from './protocol.ts'

/** The wire of the native stream: what is a message of it, and what is none. */

const [epoch, id] = [newId(), newId()]
const at = '2026-11-24T20:00:00.000000Z'
const put = { op: 'put', kind: 'guest', id, event: 'seated', version: 2, value: { id, version: 2, firstName: 'Ada' } }
const drop = { op: 'drop', kind: 'guest', id, event: 'deleted', version: 3 }
const change = {
  epoch,
  seq: 7,
  at,
  command: 'seat-guest',
  mutationId: 'm',
  actorId: id,
  device: 'stand',
  entries: [put, drop, { ...drop, value: { any: 1 } }],
}
const floor = {
  epoch,
  seq: 7,
  at,
  horizon: at,
  hash: '12-0123abcd',
  entities: [{ kind: 'guest', id, version: 2, value: put.value }],
}
interface Shape {
  safeParse(value: unknown): { success: boolean; data?: unknown }
}
const fits = (shape: Shape, value: unknown) => shape.safeParse(value).success
/** That each of some values in the place of a field is refused, and that the field is needed. */
function refuses(shape: Shape, whole: Record<string, unknown>, field: string, values: readonly unknown[]) {
  for (const value of [undefined, ...values])
    expect(fits(shape, { ...whole, [field]: value }), `${field} ${JSON.stringify(value)}`).toBe(false)
}
const shapeOf = (name: string, from = 'server') =>
  streamMessages.find((each) => each.name === name && each.from === from)!.shape

test('F1, C10: a change says what happened, to what, where in the log and by whom', () => {
  expect(changeShape.parse(change)).toEqual(change)
  const nobody = { ...change, mutationId: null, actorId: null, device: null, entries: [] }
  expect(changeShape.parse(nobody)).toEqual(nobody)
  refuses(changeShape, change, 'epoch', ['e', 1])
  refuses(changeShape, change, 'seq', [-1, 0.5, '7'])
  refuses(changeShape, change, 'at', ['2026-11-24T20:00:00Z', 1])
  for (const field of ['command', 'mutationId', 'device']) refuses(changeShape, change, field, [1])
  refuses(changeShape, change, 'actorId', ['nobody'])
  const entries = (entry: object) => [[entry]]
  for (const field of ['op', 'kind', 'id', 'event', 'version', 'value'])
    refuses(changeShape, change, 'entries', entries({ ...put, [field]: undefined }))
  for (const field of ['kind', 'id', 'event', 'version'])
    refuses(changeShape, change, 'entries', entries({ ...drop, [field]: undefined }))
  for (const value of [{ id }, { version: 2 }, { id: 'a', version: 2 }, { id, version: 0.5 }])
    refuses(changeShape, change, 'entries', entries({ ...put, value }))
  refuses(changeShape, change, 'entries', entries({ ...drop, value: 'gone' }))
  refuses(changeShape, change, 'entries', [{}, ...entries({ ...put, op: 'move' })])
})

test('F6, S1: a snapshot is the whole floor with its place and hash, and pages of changes tell the head', () => {
  expect(snapshotShape.parse(floor)).toEqual(floor)
  refuses(snapshotShape, floor, 'hash', ['12-0123abcde', '12-0123ABCD', '-0123abcd', 'x12-0123abcd', 12])
  for (const field of ['epoch', 'seq', 'at', 'horizon']) refuses(snapshotShape, floor, field, ['x'])
  const [entity] = floor.entities
  for (const field of ['kind', 'id', 'version', 'value'])
    refuses(snapshotShape, floor, 'entities', [[{ ...entity, [field]: undefined }]])
  const page = { epoch, head: 9, changes: [change] }
  expect(changesShape.parse(page)).toEqual(page)
  expect(fits(changesShape, { ...page, changes: [] })).toBe(true)
  refuses(changesShape, page, 'changes', [[{}]])
  for (const field of ['epoch', 'head']) refuses(changesShape, page, field, ['x'])
})

test('F4, F1: a hello tells who the device is and where it stands, both of it or none; more keys are ignored', () => {
  const { hello, applied, ping } = said
  const whole = { type: 'hello', token: 't', epoch, since: 7, at, device: 'stand' }
  expect(hello.parse(whole)).toEqual(whole)
  expect(fits(hello, { type: 'hello', more: 1 })).toBe(true)
  expect(fits(hello, { type: 'hello', epoch, since: 0 })).toBe(true)
  const wrong = [
    { type: 'hallo' },
    { type: 'hello', epoch },
    { type: 'hello', since: 7 },
    { ...whole, epoch: 'e' },
    { ...whole, since: -1 },
    { ...whole, since: Number.MAX_SAFE_INTEGER + 1 },
    { ...whole, at: 'now' },
    { ...whole, token: 'x'.repeat(4097) },
    { ...whole, device: 'x'.repeat(limits.deviceCharacters + 1) },
    {},
  ]
  for (const each of wrong) expect(fits(hello, each), JSON.stringify(each).slice(0, 80)).toBe(false)
  expect(fits(hello, { ...whole, token: 'x'.repeat(4096), since: Number.MAX_SAFE_INTEGER })).toBe(true)
  expect([
    fits(applied, { type: 'applied', seq: 7, more: 1 }),
    fits(applied, { type: 'applied' }),
    fits(applied, { type: 'a', seq: 7 }),
  ]).toEqual([true, false, false])
  expect([fits(ping, { type: 'ping', more: 1 }), fits(ping, { type: 'pong' })]).toEqual([true, false])
})

test('F4, W3: a message of a device is read as what it says; what means nothing is told from what cannot be read', () => {
  const heard = (message: unknown) => messageIn(JSON.stringify(message))
  expect(heard({ type: 'hello' })).toEqual({ kind: 'hello', token: undefined, place: null })
  expect(heard({ type: 'hello', token: 't', epoch, since: 0, more: 1 })).toEqual({
    kind: 'hello',
    token: 't',
    place: { epoch, since: 0 },
  })
  expect(heard({ type: 'hello', since: 3 })).toEqual({
    kind: 'bad-hello',
    why: 'hello:  epoch and since go together',
  })
  const { why } = heard({ type: 'hello', ['x'.repeat(200)]: 1, token: 5 }) as { why: string }
  expect(why).toMatch(/^hello: token /)
  expect(why.length).toBeLessThanOrEqual(120)
  expect([heard({ type: 'ping' }), heard({ type: 'applied', seq: 7 })]).toEqual([
    { kind: 'ping' },
    { kind: 'applied', seq: 7 },
  ])
  for (const message of [{ type: 'applied' }, { type: 'applied', seq: -1 }, { type: 'other' }, { type: '' }])
    expect(heard(message)).toEqual({ kind: 'unknown' })
  for (const text of ['', 'nonsense', '{}', '{"type":5}', '[]', '"ping"', 'null'])
    expect(messageIn(text), text).toEqual({ kind: 'unreadable' })
})

test('C10, F2, F3, F5: every message of the stream is described, by whom it is said and with all that it says', () => {
  const kinds = streamMessages.map(({ name, socket, from }) => `${socket} ${from} ${name}`)
  const server = ['resumed', 'resync', 'snapshot', 'changes', 'heartbeat', 'reconnect', 'pong']
  const client = ['hello', 'applied', 'ping']
  expect(kinds).toEqual([
    ...server.map((name) => `stream server ${name}`),
    ...client.map((name) => `stream client ${name}`),
  ])
  for (const name of client) expect(shapeOf(name, 'client')).toBe(said[name as keyof typeof said])
  const { entities: _, ...beat } = { ...floor, head: 7 }
  const { seq: __, ...heartbeat } = beat
  const messages: Record<string, Record<string, unknown>> = {
    resumed: { epoch, head: 7 },
    resync: { reason: 'floor', epoch, head: 7 },
    snapshot: floor,
    changes: { changes: [change] },
    heartbeat,
    reconnect: { afterMillis: 0, reason: 'the server stops' },
    pong: {},
  }
  for (const [name, rest] of Object.entries(messages)) {
    const shape = shapeOf(name)
    const whole = { type: name, ...rest }
    expect(shape.parse(whole), name).toEqual(whole)
    refuses(shape, whole, 'type', ['other'])
    for (const field of Object.keys(rest)) refuses(shape, whole, field, [{}])
  }
  refuses(shapeOf('changes'), { type: 'changes' }, 'changes', [[]])
  refuses(shapeOf('reconnect'), { type: 'reconnect', reason: '' }, 'afterMillis', [-1, 0.5])
  expect(resyncReason.options).toEqual(['new', 'epoch', 'floor', 'ahead', 'diverged'])
})
