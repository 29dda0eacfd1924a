import fc from 'fast-check'
import { crc32 as zlibCrc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import { backoff } from './backoff.ts'
import { canonicalJson } from '../src/changes/floor/canonical.ts'
import { EVENTS, next, STATES, table, type Event, type State } from './connection.ts'
import { addSums, crc32, hashText, sumOf } from './hash.ts'
import { judge } from './mutations.ts'
import { Confirmed } from './state.ts'
import type { Change, Entity, Entry } from './words.ts'

/** The parts of the client that only compute. Random ones print their seed when they fail, as fast-check does. */

test('D1: JSON is written as RFC 8785 has it', () => {
  const example = {
    numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
    string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
    literals: [null, true, false],
  }
  expect(canonicalJson(example)).toBe(
    String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
  )
  const sorting = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 }
  expect(Object.values(JSON.parse(canonicalJson(sorting)) as object)).toHaveLength(7)
  expect([...canonicalJson(sorting).matchAll(/:(\d)/g)].map((m) => m[1]).join('')).toBe('2467153')
  expect(canonicalJson([-0, 1e21, 9007199254740991, 5e-324])).toBe('[0,1e+21,9007199254740991,5e-324]')
  expect(() => canonicalJson(Number.NaN)).toThrow(TypeError)
})

test('D1: writing and reading again gives the same, whatever the order of the keys', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value)
      expect(canonicalJson(JSON.parse(text))).toBe(text)
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
})

test("D1: the checksum is zlib's", () => {
  expect(crc32('123456789').toString(16)).toBe('cbf43926')
  expect(crc32('')).toBe(0)
  const known = zlibCrc32 as ((text: string) => number) | undefined
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      // Node has it from 20.15 on.
      if (known) expect(crc32(text)).toBe(known(text))
    }),
  )
  expect(hashText(214, 0x0f9e8d7c)).toBe('214-0f9e8d7c')
  expect(addSums(0xffffffff, 2)).toBe(1)
})

const EPOCH = '00000000-0000-4000-8000-000000000001'
const hour = (n: number) => `2026-11-23T${String(n).padStart(2, '0')}:00:00.000000Z`
const entity = fc
  .record({
    kind: fc.constantFrom('table', 'guest', 'reservation', 'lamp'),
    id: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    version: fc.nat(9),
    name: fc.string(),
    endedAt: fc.constantFrom(null, undefined, hour(1), hour(3), hour(5)),
  })
  .map(({ kind, id, version, name, endedAt }): Entity => ({
    kind,
    id,
    version,
    value: { id, version, name, ...(endedAt !== undefined && { endedAt }) },
  }))
const entry = fc.oneof(
  entity.map((e): Entry => ({ op: 'put', ...e })),
  entity.map(({ kind, id, version }): Entry => ({ op: 'drop', kind, id, version })),
)
const change = (seq: number, entries: Entry[]): Change => ({
  epoch: EPOCH,
  seq,
  at: hour(2),
  command: 'test',
  mutationId: null,
  actorId: null,
  device: null,
  entries,
})
const unique = (entities: Entity[]) => [...new Map(entities.map((e) => [`${e.kind} ${e.id}`, e])).values()]
const start = (entities: Entity[] = []) => {
  const state = new Confirmed()
  state.take({ epoch: EPOCH, seq: 0, at: null, horizon: hour(0), entities: unique(entities) })
  return state
}
/** The hash by the protocol's text, made from nothing. */
function plainHash(state: Confirmed, horizon: string): string {
  const entities = state.snapshot()!.entities.filter(({ value }) => {
    const { endedAt } = value as { endedAt?: string | null }
    return (endedAt ?? null) === null || endedAt! >= horizon
  })
  return hashText(
    entities.length,
    entities.reduce((sum, { kind, id, value }) => addSums(sum, sumOf(kind, id, value)), 0),
  )
}

test('D1: the hash that is kept up to date is the one made from nothing, with horizons and unknown kinds', () => {
  fc.assert(
    fc.property(
      fc.array(entity),
      fc.array(fc.tuple(fc.array(entry, { maxLength: 6 }), fc.constantFrom(0, 2, 4, 6))),
      (entities, steps) => {
        const state = start(entities)
        steps.forEach(([entries, horizon], i) => {
          expect(state.apply(change(i + 1, entries))).toBe('applied')
          state.prune(hour(horizon))
          expect(state.hash()).toBe(plainHash(state, state.horizon))
        })
        const again = new Confirmed()
        again.take(JSON.parse(JSON.stringify(state.snapshot())))
        expect(again.hash()).toBe(state.hash())
        expect(again.size).toBe(state.size)
      },
    ),
  )
})

test('D2: only the change that follows is applied; what was had, what is ahead and what is of another log leaves no trace', () => {
  fc.assert(
    fc.property(fc.array(fc.array(entry, { maxLength: 4 }), { minLength: 1 }), fc.array(fc.nat(30)), (all, order) => {
      const changes = all.map((entries, i) => change(i + 1, entries))
      const [straight, mixed] = [start(), start()]
      for (const each of changes) straight.apply(each)
      for (const i of order) {
        const each = changes[i % changes.length]!
        const [before, hash] = [mixed.seq, mixed.hash()]
        const became = mixed.apply(each)
        expect(became).toBe(each.seq <= before ? 'had' : each.seq === before + 1 ? 'applied' : 'gap')
        if (became !== 'applied') expect([mixed.seq, mixed.hash()]).toEqual([before, hash])
        expect(mixed.apply({ ...each, epoch: 'other' })).toBe('epoch')
      }
      for (const each of changes) mixed.apply(each)
      expect([mixed.seq, mixed.hash()]).toEqual([straight.seq, straight.hash()])
    }),
  )
})

test('D2: what is shown of the confirmed state can only be read', () => {
  const state = start([{ kind: 'guest', id: 'a', version: 1, value: { tags: ['x'] } }])
  const value = state.get('guest', 'a')!.value as { tags: string[] }
  expect(() => value.tags.push('y')).toThrow(TypeError)
})

const reach = (from: State, without: readonly Event[] = []): Set<State> => {
  const seen = new Set([from])
  for (const state of seen) for (const event of EVENTS) if (!without.includes(event)) seen.add(next(state, event).to)
  return seen
}

test('D3: the table of the connection is total, and an impossible event moves nothing', () => {
  for (const state of STATES)
    for (const event of EVENTS) {
      const cell = table[state][event]
      expect(STATES, `${state} ${event}`).toContain(cell.to)
      if (cell.impossible) expect([cell.to, cell.actions]).toEqual([state, []])
    }
})

test('D3: from every state the connection can become live, and from every one that is not signed out without a person', () => {
  for (const state of STATES) expect(reach(state)).toContain('live')
  for (const state of STATES.filter((each) => each !== 'signed-out' && each !== 'stopped'))
    expect(reach(state, ['start', 'signed-in', 'network-up']), state).toContain('live')
})

test('D3, D5: only the server ending the sign-in, or the user, signs a device out', () => {
  for (const state of STATES.filter((each) => each !== 'signed-out'))
    expect(reach(state, ['signed-out', 'refresh-refused']), state).not.toContain('signed-out')
})

test('D3: in every state something is under way that ends it: a socket, a timer, or a person', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 60 }), (events) => {
      let state: State = 'stopped'
      let [hasTimer, hasSocket] = [false, false]
      for (const event of ['start', ...events] as Event[]) {
        const cell = next(state, event)
        for (const action of cell.actions) {
          if (action === 'open') [hasTimer, hasSocket] = [false, true]
          if (action === 'close') [hasTimer, hasSocket] = [false, false]
          if (action.startsWith('wait')) hasTimer = true
        }
        state = cell.to
        if (['connecting', 'greeting', 'catching-up', 'live'].includes(state)) expect(hasSocket, state).toBe(true)
        else if (['offline', 'waiting', 'barred'].includes(state)) expect([hasTimer, hasSocket]).toEqual([true, false])
        else expect([hasTimer, hasSocket]).toEqual([false, false])
      }
    }),
    { numRuns: 2_000 },
  )
})

test('D3: waits double from a quarter of a second to ten, each between half and all', () => {
  expect([0, 1, 2, 5, 6, 1_000].map((n) => backoff(n, () => 1))).toEqual([250, 500, 1_000, 8_000, 10_000, 10_000])
  fc.assert(
    fc.property(fc.nat(2_000), fc.double({ min: 0, max: 1, noNaN: true }), (n, r) => {
      const [most, drawn] = [backoff(n, () => 1), backoff(n, () => r)]
      expect(drawn).toBeGreaterThanOrEqual(most / 2)
      expect(drawn).toBeLessThanOrEqual(most)
    }),
  )
})

test("D6: only the server's own words decide a mutation", () => {
  const answer = (status: number, body: object, afterMillis: number | null = null) =>
    judge({ status, body: body as Record<string, unknown>, afterMillis }).kind
  expect(answer(200, { result: { id: 'x' }, seq: 7 })).toBe('done')
  expect(answer(200, { result: null, seq: null })).toBe('done')
  expect(answer(200, {}), "a hotel's page").toBe('later')
  expect(answer(302, {})).toBe('later')
  expect(answer(403, {}), "a proxy's page").toBe('later')
  expect(answer(401, { code: 'not-signed-in' })).toBe('token')
  expect(answer(403, { code: 'restaurant-inactive' })).toBe('later')
  for (const status of [408, 425, 429, 500, 502, 503, 504]) expect(answer(status, { code: 'busy' })).toBe('later')
  for (const status of [400, 403, 404, 409, 413, 422]) expect(answer(status, { code: 'no' })).toBe('refused')
  expect(judge(null)).toEqual({ kind: 'later', afterMillis: null })
  const changed = {
    by: { staffId: 's', name: 'Mia' },
    at: hour(1),
    command: 'seat-guest',
    device: 'Bar',
    mutationId: null,
    seq: 7,
  }
  const current = { kind: 'table', id: 't', version: 3, value: { id: 't', status: 'occupied' } }
  const body = { code: 'table-not-free', title: 'Table 4 is occupied', current, changed }
  expect(judge({ status: 409, body, afterMillis: null })).toEqual({
    kind: 'refused',
    conflict: {
      status: 409,
      code: 'table-not-free',
      title: 'Table 4 is occupied',
      current,
      changed,
    },
  })
})
