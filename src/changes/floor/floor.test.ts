import { expect, test } from 'vitest'
import { Confirmed } from '../../../client/state.ts'
import type { Instant } from '../../platform/clock.ts'
import { limits } from '../../platform/limits.ts'
import { Floor, type EntityValue } from './floor.ts'
import { horizonAt } from './live-floor.ts'
import type { Change, Entry } from '../log/log.ts'

/** A floor in memory, and the client's beside it: at every moment they hold the same. */

const EPOCH = '00000000-0000-4000-8000-000000000000'
const at = (hour: number, micros = 0) =>
  `2026-11-23T${String(hour).padStart(2, '0')}:00:00.${String(micros).padStart(6, '0')}Z` as Instant
const guest = (id: string, endedAt: Instant | null = null, version = 1): EntityValue => ({ id, version, endedAt })
const put = (value: EntityValue): Entry => {
  const { id, version } = value
  return { op: 'put', kind: 'guest', id, event: 'edited', version, value }
}
const drop = (id: string): Entry => ({ op: 'drop', kind: 'guest', id, event: 'deleted', version: 9 })
const change = (seq: number, ...entries: Entry[]): Change => {
  const nobody = { command: 'c', mutationId: null, actorId: null, device: null }
  return { restaurantId: EPOCH, epoch: EPOCH, seq, at: at(12, seq), entries, ...nobody }
}
const floorOf = (horizon: Instant, ...guests: EntityValue[]) =>
  new Floor(
    { epoch: EPOCH, seq: 0, at: at(12), horizon },
    guests.map((value) => ({ kind: 'guest', value })),
  )
const idsOf = (floor: Floor) => [...floor.entities].map(({ id }) => id).sort()
const wholeOf = (floor: Floor) => JSON.parse(`{${floor.text}}`) as Parameters<Confirmed['take']>[0]

test('F1, D1: what ended at the horizon is on the floor, what ended before it is not: read, written and let go', () => {
  const floor = floorOf(at(10), guest('a', at(9)), guest('b', at(10)), guest('c', at(11)), guest('d'))
  expect(idsOf(floor)).toEqual(['b', 'c', 'd'])
  const client = new Confirmed()
  client.take(wholeOf(floor))
  const next = change(1, put(guest('e', at(9, 999_999))), put(guest('f', at(10))), put(guest('d', at(9), 2)), drop('c'))
  floor.apply(next)
  expect(client.apply(next as unknown as Parameters<Confirmed['apply']>[0])).toBe('applied')
  expect(idsOf(floor)).toEqual(['b', 'f'])
  expect(client.hash()).toBe(floor.hash)
  floor.letGo(at(10))
  expect(idsOf(floor)).toEqual(['b', 'f'])
  floor.letGo(at(9))
  expect([floor.standing.horizon, idsOf(floor)]).toEqual([at(10), ['b', 'f']])
  const last = change(2, put(guest('g', at(11))))
  floor.apply(last)
  client.apply(last as unknown as Parameters<Confirmed['apply']>[0])
  floor.letGo(at(11))
  expect(client.prune(at(11))).toBe(true)
  expect(idsOf(floor)).toEqual(['g'])
  expect(client.hash()).toBe(floor.hash)
})

test('F1, S1: the text is that of the newest state: after a change and after a horizon', () => {
  const floor = floorOf(at(10), guest('a', at(10)), guest('b'))
  const text = () => wholeOf(floor)
  expect(text()).toMatchObject({ seq: 0, horizon: at(10), hash: floor.hash })
  expect(floor.text).toBe(floor.text)
  floor.letGo(at(11))
  expect(text()).toMatchObject({ seq: 0, horizon: at(11), hash: floor.hash })
  expect(text().entities.map(({ id }) => id)).toEqual(['b'])
  floor.apply(change(1, put(guest('c'))))
  expect(text()).toMatchObject({ seq: 1, at: at(12, 1), hash: floor.hash })
  expect(text().entities.map(({ id }) => id)).toEqual(['b', 'c'])
})

test('F1: only the change that follows is applied, and an unknown deletion takes nothing', () => {
  const floor = floorOf(at(10), guest('a'))
  expect(() => floor.apply(change(2))).toThrow('does not follow')
  expect(() => floor.apply(change(0))).toThrow('does not follow')
  expect(() => floor.apply({ ...change(1), epoch: 'another' })).toThrow('does not follow')
  const { hash, characters } = floor
  floor.apply(change(1, drop('unknown')))
  expect([floor.hash, floor.characters, floor.size]).toEqual([hash, characters, 1])
  floor.apply(change(2, put(guest('a', null, 10)), put(guest('a', null, 1))))
  expect([floor.hash, floor.characters]).toEqual([hash, characters])
  floor.apply(change(3, drop('a')))
  expect([floor.hash, floor.characters, floor.size]).toEqual(['0-00000000', 0, 0])
})

test('F1: the horizon lies whole days before a full hour, and never before 1970', () => {
  expect(horizonAt('2026-11-23T12:59:59.999999Z' as Instant, 7)).toBe('2026-11-16T12:00:00.000000Z')
  expect(horizonAt('2026-11-23T12:00:00.000000Z' as Instant, 7)).toBe('2026-11-16T12:00:00.000000Z')
  expect(horizonAt('2026-11-23T12:00:00.000000Z' as Instant, 100_000)).toBe('1970-01-01T00:00:00.000000Z')
})

test('L19, F1: what is as it was changes nothing on the floor but where it stands', () => {
  const floor = floorOf(at(10), guest('a'))
  const { hash } = floor
  floor.apply(change(1, { ...(put(guest('a', null, 9)) as Entry & { op: 'put' }), unchanged: true }))
  expect([floor.hash, floor.touches, floor.standing.seq, floor.get('guest a')?.version]).toEqual([hash, 1, 1, 1])
  expect([floor.get('table a'), floor.get('guest b')]).toEqual([undefined, undefined])
})

test('K2: what was put, dropped or let go since a moment is told, by kind and id', () => {
  const floor = floorOf(at(10), guest('a', at(11)), guest('b'))
  const start = floor.touches
  expect([start, floor.touchedSince(start), floor.touchedSince(0)]).toEqual([2, [], ['guest a', 'guest b']])
  floor.apply(change(1, put(guest('c')), drop('unknown'), put(guest('over', at(9)))))
  const next = floor.touches
  floor.letGo(at(12))
  floor.apply(change(2, drop('b')))
  expect(floor.touchedSince(start)).toEqual(['guest c', 'guest unknown', 'guest over', 'guest a', 'guest b'])
  expect(floor.touchedSince(next)).toEqual(['guest a', 'guest b'])
})

test('K2: as many touches are known as the limit says at least, and twice as many at most', () => {
  const floor = floorOf(at(10))
  const many = 2 * limits.floorTouches
  floor.apply(change(1, ...Array.from({ length: many - 1 }, (_, n) => put(guest(`${n}`)))))
  expect([floor.touches, floor.touchedSince(0)?.length]).toEqual([many - 1, many - 1])
  floor.apply(change(2, put(guest('last'))))
  expect([floor.touches, floor.touchedSince(limits.floorTouches - 1)]).toEqual([many, null])
  const known = floor.touchedSince(limits.floorTouches)!
  expect([known.length, known[0], known.at(-1)]).toEqual([limits.floorTouches, 'guest 1000', 'guest last'])
  expect(floor.touchedSince(many)).toEqual([])
})
