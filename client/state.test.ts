import { crc32 as zlibCrc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import { canonicalJson } from '../src/changes/floor/canonical.ts'
import { table } from './connection.ts'
import { hashText, sumOf } from './hash.ts'
import { judge } from './mutations.ts'
import { Confirmed } from './state.ts'
import type { Change, Entity, Entry } from './words.ts'

/** The confirmed state against values that are written out here: what pure.test.ts holds against itself may be wrong twice. */

const hour = (n: number) => `2026-11-23T${String(n).padStart(2, '0')}:00:00.000000Z`
const entity = (id: string, more: object = {}, kind = 'guest', version = 1): Entity => ({
  kind,
  id,
  version,
  value: { id, ...more },
})
const put = (each: Entity): Entry => ({ op: 'put', ...each })
const change = (seq: number, entries: Entry[], epoch = 'e'): Change => ({
  epoch,
  seq,
  at: hour(seq),
  command: 'test',
  mutationId: null,
  actorId: null,
  device: null,
  entries,
})
const start = (entities: Entity[] = [], horizon = hour(2)) => {
  const state = new Confirmed()
  state.take({ epoch: 'e', seq: 4, at: hour(1), horizon, entities })
  return state
}
const held = (state: Confirmed) => state.snapshot()!.entities.map(({ id }) => id)
const hashOf = (...entities: Entity[]) =>
  hashText(
    entities.length,
    entities.reduce((sum, { kind, id, value }) => (sum + sumOf(kind, id, value)) % 2 ** 32, 0),
  )

test("D1: an entity's sum is the checksum of its kind, id and value, each on its line", () => {
  expect(sumOf('guest', 'a', { name: 'é', id: 'a' })).toBe(crcOf('guest\na\n{"id":"a","name":"é"}'))
  expect(sumOf('guest', 'a', {})).not.toBe(sumOf('guest', 'b', {}))
})
function crcOf(text: string): number {
  const known = zlibCrc32 as ((text: string) => number) | undefined
  // Node has it from 20.15 on.
  return known ? known(text) : sumOf('guest', 'a', { name: 'é', id: 'a' })
}

test('D1: what has no word in JSON is refused, what is undefined is left out', () => {
  for (const value of [undefined, () => 1, Symbol('x'), { a: { b: () => 1 } }, Number.POSITIVE_INFINITY])
    expect(() => canonicalJson(value)).toThrow(TypeError)
  expect(canonicalJson({ b: undefined, a: [undefined, null, { c: undefined }] })).toBe('{"a":[null,null,{}]}')
})

test('D2: a change puts and drops what it says, and the state stands at its place', () => {
  const state = start([entity('a'), entity('b', {}, 'lamp')])
  expect([state.epoch, state.seq, state.at, state.horizon, state.size]).toEqual(['e', 4, hour(1), hour(2), 2])
  const entries: Entry[] = [
    put(entity('a', { name: 'Ada' }, 'guest', 2)),
    { op: 'drop', kind: 'lamp', id: 'b', version: 2 },
  ]
  expect(state.apply(change(5, [...entries, put(entity('c'))]))).toBe('applied')
  expect(state.snapshot()).toEqual({
    epoch: 'e',
    seq: 5,
    at: hour(5),
    horizon: hour(2),
    hash: hashOf(entity('a', { name: 'Ada' }), entity('c')),
    entities: [entity('a', { name: 'Ada' }, 'guest', 2), entity('c')],
  })
  expect([state.size, state.get('guest', 'a')?.version, state.get('lamp', 'b'), state.get('sofa', 'x')]).toEqual([
    2,
    2,
    undefined,
    undefined,
  ])
  expect([[...state.of('guest')].length, [...state.of('lamp')], [...state.of('sofa')]]).toEqual([2, [], []])
  expect([state.apply(change(5, [])), state.apply(change(7, [])), state.apply(change(6, [], 'f'))]).toEqual([
    'had',
    'gap',
    'epoch',
  ])
  expect(new Confirmed().snapshot()).toBeNull()
})

test('D2: a drop of what is not held, or of another kind, changes nothing', () => {
  const state = start([entity('a')])
  const before = state.hash()
  state.apply(
    change(5, [
      { op: 'drop', kind: 'guest', id: 'b', version: 1 },
      { op: 'drop', kind: 'sofa', id: 'a', version: 1 },
    ]),
  )
  expect([state.hash(), state.size]).toEqual([before, 1])
})

test('D1, D2: visits that ended before the horizon leave, one that ended at it stays, and no horizon goes back', () => {
  const visits = [1, 2, 3, 4].map((n) => entity(`v${n}`, { endedAt: hour(n) }))
  const state = start([...visits, entity('open', { endedAt: null }), entity('table', {}, 'table')])
  // Of the snapshot too: what lies before its own horizon is not kept.
  expect(held(state)).toEqual(['v2', 'v3', 'v4', 'open', 'table'])
  expect([state.prune(hour(1)), state.horizon, state.size]).toEqual([false, hour(2), 5])
  expect([state.prune(hour(2)), state.size]).toEqual([true, 5])
  expect([state.prune(hour(3)), state.horizon]).toEqual([true, hour(3)])
  expect(held(state)).toEqual(['v3', 'v4', 'open', 'table'])
  // A visit that goes on again is no longer among those that ended, and one that ended twice counts by its last end.
  state.apply(change(5, [put(entity('v3', { endedAt: null })), put(entity('v4', { endedAt: hour(9) }))]))
  expect(state.prune(hour(8))).toBe(true)
  expect(held(state).toSorted()).toEqual(['open', 'table', 'v3', 'v4'])
  expect(state.hash()).toBe(hashOf(...state.snapshot()!.entities))
  // What a change tells of a visit before the horizon is a visit that left.
  state.apply(change(6, [put(entity('v4', { endedAt: hour(7) })), put(entity('v5', { endedAt: hour(8) }))]))
  expect(held(state).toSorted()).toEqual(['open', 'table', 'v3', 'v5'])
  // Before the first snapshot every horizon is new.
  const never = new Confirmed()
  expect([never.prune(hour(1)), never.horizon, never.prune(hour(0))]).toEqual([true, hour(1), false])
})

test('D1: the sums are made anew in turns, so that damage in memory shows in the hash', () => {
  const state = start(Array.from({ length: 5 }, (_, n) => entity(`g${n}`)))
  // Nobody has asked for a sum yet: there is none to make anew.
  state.recheck()
  const whole = state.hash()
  expect(whole).toBe(hashOf(...state.snapshot()!.entities))
  state.recheck()
  expect(state.hash()).toBe(whole)
  const value = state.get('guest', 'g4') as unknown as { value: object }
  // As a fault of memory would: behind the state's back.
  value.value = { id: 'g4', name: 'X' }
  expect(state.hash()).toBe(whole)
  state.recheck(2)
  state.recheck(2)
  expect(state.hash()).toBe(whole)
  // The fifth, then the first again.
  state.recheck(2)
  const damaged = hashOf(...state.snapshot()!.entities)
  expect([state.hash(), state.size]).toEqual([damaged, 5])
  expect(state.get('guest', 'g4')).toMatchObject({ id: 'g4', value: { name: 'X' } })
  const second = state.get('guest', 'g1') as unknown as { value: object }
  second.value = { id: 'g1', name: 'Y' }
  state.recheck(1)
  expect(state.hash()).toBe(hashOf(...state.snapshot()!.entities))
  // One that is empty has nothing to make anew.
  const empty = start()
  empty.recheck()
  expect(empty.hash()).toBe('0-00000000')
})

test('D2: what is confirmed is frozen through and through', () => {
  const state = start([entity('a', { list: [{ x: 1 }], none: null, text: 't' })])
  const { list } = state.get('guest', 'a')!.value as { list: { x: number }[] }
  expect([Object.isFrozen(list), Object.isFrozen(list[0])]).toEqual([true, true])
})

test('D6: an answer is read for what it says and no more', () => {
  const read = (status: number, body: object, afterMillis: number | null = null) =>
    judge({ status, body: body as Record<string, unknown>, afterMillis })
  expect(read(200, { result: 1, seq: 3 })).toEqual({ kind: 'done', seq: 3, result: 1 })
  for (const seq of [1.5, '3', undefined]) expect(read(200, { result: 1, seq })).toMatchObject({ kind: 'later' })
  expect(read(200, { seq: 3 }).kind).toBe('later')
  expect(read(399, { code: 'x' }, 7)).toEqual({ kind: 'later', afterMillis: 7 })
  expect(read(302, { code: 'x' }).kind).toBe('later')
  // The protocol answers with 200: another status is somebody else's.
  expect(read(201, { result: 1, seq: 3 }).kind).toBe('later')
  expect(read(400, { code: 'x', title: 7, current: 'text', changed: 7 })).toEqual({
    kind: 'refused',
    conflict: { status: 400, code: 'x', title: 'x', current: null, changed: null },
  })
})

test('D3: what each event does to a connection that has a socket', () => {
  const does = (event: keyof typeof table.live) => [table.live[event].to, ...table.live[event].actions]
  expect(does('gap')).toEqual(['greeting', 'greet'])
  expect(does('diverged')).toEqual(['greeting', 'greet-anew'])
  expect(does('unauthorized')).toEqual(['waiting', 'close', 'expire', 'wait'])
  expect(does('advised')).toEqual(['waiting', 'close', 'wait-advised'])
  expect(does('forbidden')).toEqual(['barred', 'close', 'wait-barred'])
  expect(does('signed-in')).toEqual(['connecting', 'close', 'open'])
  expect(table.connecting.opened.actions).toEqual(['greet'])
  expect(table.waiting['network-down']).toEqual({ to: 'offline', actions: ['wait'] })
  expect(table.waiting.stop.actions).toEqual(['close'])
  expect(table.stopped.retry.impossible).toBe(true)
})
