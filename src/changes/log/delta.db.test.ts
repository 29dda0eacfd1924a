import { afterAll, beforeAll, expect, test } from 'vitest'
import { openLog, thing, type ChangeLog } from '../../../test/change-log.ts'
import { openDatabase, type TestDatabase } from '../../../test/database.ts'
import { microsOf, instantOfMicros, type Instant } from '../../platform/clock.ts'
import { newId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import { deltaSince, type Baseline, type Delta } from './delta.ts'
import { bury, type Change, type Entry } from './log.ts'

/** What became of entities since a time, page by page. */

let database: TestDatabase
beforeAll(async () => {
  database = await openDatabase(4)
})
afterAll(() => database.close())

const KINDS = ['thing', 'guest']
const nothing = async (): Promise<Baseline[]> => {
  throw new Error('the log reaches back: nothing else is asked')
}
const since = (log: ChangeLog, at: Instant, max = 100, baseline = nothing): Promise<Delta> =>
  database.db.snapshot({ restaurantId: log.restaurantId }, (tx) =>
    deltaSince(tx, log.restaurantId, at, KINDS, max, baseline),
  )
const before = (at: Instant) => instantOfMicros(microsOf(at) - 1)
const drop = (id: string, kind = 'thing'): Entry => ({ op: 'drop', kind, id, event: 'deleted', version: 9 })
const tell = (log: ChangeLog, ...entries: Entry[]): Promise<Change> => log.append({ entries })
const idsOf = ({ items }: Delta) => items.map(({ id }) => id)

test('S2, S3: each entity is told once, with its latest state, where that came about; deletions are told', async () => {
  const log = await openLog(database)
  const [a, b, c] = [newId(), newId(), newId()]
  const first = await tell(log, thing(a), thing(b), thing(c))
  const second = await tell(log, thing(a, 2))
  const third = await tell(log, drop(b), { ...thing(c, 1), unchanged: true }, { ...thing(), kind: 'table' })
  const all = await since(log, before(first.at))
  expect(all).toEqual({
    items: [
      { kind: 'thing', id: c, at: first.at, value: (first.entries[2] as { value: object }).value },
      { kind: 'thing', id: a, at: second.at, value: (second.entries[0] as { value: object }).value },
      { kind: 'thing', id: b, at: third.at, value: null },
    ],
    upTo: third.at,
    hasMore: false,
  })
  expect(idsOf(await since(log, first.at))).toEqual([a, b])
  expect(await since(log, third.at)).toEqual({ items: [], upTo: third.at, hasMore: false })
  // Whoever is ahead is told where the log is.
  expect(await since(log, '2999-01-01T00:00:00.000000Z' as Instant)).toEqual({
    items: [],
    upTo: third.at,
    hasMore: false,
  })
})

test('S2: a page ends between two changes; what fits is told whole, and one change whatever its size', async () => {
  const log = await openLog(database)
  const [a, b, c, d] = [newId(), newId(), newId(), newId()]
  const first = await tell(log, thing(a), thing(b))
  const second = await tell(log, thing(a, 2), thing(c))
  const third = await tell(log, thing(a, 3))
  const fourth = await tell(log, thing(d))
  const start = before(first.at)
  expect(await since(log, start, 0)).toEqual({ items: [], upTo: start, hasMore: true })
  const one = await since(log, start, 1)
  expect([idsOf(one), one.upTo, one.hasMore]).toEqual([[a, b], first.at, true])
  const two = await since(log, start, 2)
  expect([idsOf(two), two.upTo, two.hasMore]).toEqual([[a, b], first.at, true])
  const three = await since(log, start, 3)
  expect([idsOf(three), three.upTo, three.hasMore]).toEqual([[b, c, a], third.at, true])
  const four = await since(log, start, 4)
  expect([idsOf(four), four.upTo, four.hasMore]).toEqual([[b, c, a, d], fourth.at, false])
  const rest = await since(log, second.at, 1)
  expect([idsOf(rest), rest.upTo, rest.hasMore]).toEqual([[a], third.at, true])
  // Nothing of these kinds is no page more.
  await tell(log, { ...thing(), kind: 'table' })
  expect(await since(log, fourth.at, 0)).toMatchObject({ items: [], hasMore: false })
})

test('S2: more changes than are read at once are told all the same', async () => {
  const log = await openLog(database)
  const made = await log.fill(limits.changesPerRead + 1)
  for (const from of [0, 1]) {
    const told = await since(log, before(made[from]!.at), 10_000)
    expect(idsOf(told)).toEqual(made.slice(from).map(({ entries }) => entries[0]!.id))
    expect([told.upTo, told.hasMore]).toEqual([made.at(-1)!.at, false])
  }
})

test('S2, S3, L12: below the floor the entities are told and what was deleted, in order, and pages end between two times', async () => {
  const log = await openLog(database)
  const [a, b, c, d, gone, table] = Array.from({ length: 6 }, () => newId()) as [
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  const made = await log.add(4)
  const { restaurantId } = log
  const at = made.map((change) => change.at) as [Instant, Instant, Instant, Instant]
  await database.db.transaction({ restaurantId }, (tx) => bury(tx, restaurantId, [drop(gone), drop(table, 'table')]))
  await database.sql('update qtable.heads set floor = 3, floor_at = $2 where restaurant_id = $1', [restaurantId, at[2]])
  const value = (id: string, updatedAt: Instant) => ({ id, updatedAt })
  const baseline = async (): Promise<Baseline[]> => [
    { kind: 'thing', values: [value(c, at[2]), value(a, at[0]), value(b, at[1])] },
    { kind: 'guest', values: [value(d, at[1])] },
  ]
  const start = at[0]
  const all = await since(log, start, 4, baseline)
  expect(all).toEqual({
    items: [
      { kind: 'thing', id: b, at: at[1], value: value(b, at[1]) },
      { kind: 'guest', id: d, at: at[1], value: value(d, at[1]) },
      { kind: 'thing', id: c, at: at[2], value: value(c, at[2]) },
      { kind: 'thing', id: gone, at: at[3], value: null },
    ],
    upTo: at[3],
    hasMore: false,
  })
  // A page may be longer, so that it ends between two times.
  for (const max of [1, 2]) {
    const page = await since(log, start, max, baseline)
    expect([idsOf(page), page.upTo, page.hasMore]).toEqual([[b, d], at[1], true])
  }
  expect(await since(log, start, 0, baseline)).toEqual({ items: [], upTo: start, hasMore: true })
  expect(await since(log, start, 0, async () => [])).toEqual({ items: [], upTo: start, hasMore: false })
  const ended = async (): Promise<Baseline[]> => [{ kind: 'guest', values: [value(b, at[1]), value(d, at[1])] }]
  expect(await since(log, start, 1, ended)).toMatchObject({ upTo: at[3], hasMore: false })
  // At the floor the log reaches back.
  expect(idsOf(await since(log, at[2]))).toEqual([made[3]!.entries[0]!.id])
})
