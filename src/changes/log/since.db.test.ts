import { afterAll, beforeAll, expect, test } from 'vitest'
import { openLog, seqs, thing } from '../../../test/change-log.ts'
import { openDatabase, type TestDatabase } from '../../../test/database.ts'
import { newEpoch, newId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import { plusMillis, type Instant } from '../../platform/clock.ts'
import { changesAfter } from './log.ts'
import { changesSince, type Place } from './since.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openDatabase(6)
})
afterAll(() => database.close())

test('L9: whoever says where it stands gets the rest, a page at a time', async () => {
  const log = await openLog(database)
  expect(await log.since({})).toMatchObject({ kind: 'changes', epoch: log.epoch, head: 0, floor: 0, changes: [] })
  const made = await log.add(7)
  expect(seqs(await log.since({}))).toEqual([1, 2, 3, 4, 5, 6, 7])
  expect(seqs(await log.since({ since: 2 }, 3))).toEqual([3, 4, 5])
  expect(seqs(await log.since({ since: 5, at: made[4]!.at }, 3))).toEqual([6, 7])
  expect(seqs(await log.since({ since: 7, at: made[6]!.at }))).toEqual([])
})

test('L10: a frame is the whole change as docs/protocol.md has it, its entries letter for letter', async () => {
  const log = await openLog(database)
  await log.add(3)
  const answer = await log.since({})
  const { restaurantId } = log
  const wanted = await changesAfter(database.db, restaurantId, 0)
  if (answer.kind !== 'changes') throw new Error(answer.reason)
  expect(answer.changes.map(({ frame }) => ({ restaurantId, ...(JSON.parse(frame) as object) }))).toEqual(wanted)
  const { epoch, seq, at, command, mutationId, actorId, device, entries } = wanted[0]!
  expect(answer.changes[0]!.frame).toBe(
    JSON.stringify({ epoch, seq, at, command, mutationId, actorId, device, entries }),
  )
  expect(at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
})

test("L9: another epoch, below the floor, ahead of the log and a last change that is not the log's: each says so", async () => {
  const log = await openLog(database)
  const made = await log.add(9)
  expect(seqs(await log.since({ epoch: newEpoch() }))).toBe('epoch')
  expect(seqs(await log.since({ epoch: 'no uuid' }))).toBe('epoch')
  expect(seqs(await log.since({ since: 10 }))).toBe('ahead')
  for (const millis of [-1, 1]) {
    const at = plusMillis(made[4]!.at, millis)
    expect(seqs(await log.since({ since: 5, at }))).toBe('diverged')
    expect(seqs(await log.since({ since: 9, at: plusMillis(made[8]!.at, millis) }))).toBe('diverged')
  }
  await database.sql('update qtable.heads set floor = 4 where restaurant_id = $1', [log.restaurantId])
  expect(await log.since({ since: 3 })).toEqual({
    kind: 'resync',
    reason: 'floor',
    epoch: log.epoch,
    head: 9,
    floor: 4,
  })
  expect(seqs(await log.since({ since: 4 }))).toEqual([5, 6, 7, 8, 9])
  // The change at the floor may be gone: nothing is said of its time.
  for (const at of [made[3]!.at, plusMillis(made[3]!.at, -1)])
    expect(seqs(await log.since({ since: 4, at }))).toEqual([5, 6, 7, 8, 9])
})

test('L9: a device of before a restore is told that it is ahead, and diverged once its number has passed again', async () => {
  const log = await openLog(database)
  const made = await log.add(8)
  const device = { since: 8, at: made[7]!.at }
  // What a restored copy is without a new epoch: the same log, shorter.
  await database.sql('delete from qtable.changes where restaurant_id = $1 and seq > 5', [log.restaurantId])
  await database.sql('update qtable.heads set seq = 5 where restaurant_id = $1', [log.restaurantId])
  expect(seqs(await log.since(device))).toBe('ahead')
  await log.add(2)
  expect(seqs(await log.since(device))).toBe('ahead')
  await log.add(1)
  expect(seqs(await log.since(device))).toBe('diverged')
  await log.add(4)
  expect(seqs(await log.since(device))).toBe('diverged')
  // A device that was not so far goes on.
  expect(seqs(await log.since({ since: 5, at: made[4]!.at }))).toEqual([6, 7, 8, 9, 10, 11, 12])
})

test('L9: an answer that would lack a change is a resync, wherever the gap is', async () => {
  for (const gone of [1, 5, 9]) {
    const log = await openLog(database)
    await log.add(9)
    await database.sql('delete from qtable.changes where restaurant_id = $1 and seq = $2', [log.restaurantId, gone])
    expect(seqs(await log.since({}))).toBe('floor')
    expect(seqs(await log.since({}, Math.min(9, gone + 1)))).toBe('floor')
    expect(seqs(await log.since({ since: gone }))).toEqual(Array.from({ length: 9 - gone }, (_, i) => gone + 1 + i))
  }
})

test('L9: what is missed is read the same in a snapshot', async () => {
  const log = await openLog(database)
  const { restaurantId, epoch } = log
  await log.add(2)
  const at = '2001-01-01T00:00:00.000000Z' as Instant
  const read = (place: Partial<Place>) =>
    database.db.snapshot({ restaurantId }, (tx) =>
      changesSince(tx, restaurantId, { epoch, since: 0, limit: 9, ...place }),
    )
  expect(seqs(await read({}))).toEqual([1, 2])
  expect(seqs(await read({ since: 2, at }))).toBe('diverged')
})

test('L9: what nobody may ask for is refused: no change at all, or more than are given at once', async () => {
  const log = await openLog(database)
  await log.add(2)
  expect(seqs(await log.since({}, 1))).toEqual([1])
  expect(seqs(await log.since({}, limits.changesPerResume))).toEqual([1, 2])
  for (const limit of [0, limits.changesPerResume + 1])
    await expect(log.since({}, limit)).rejects.toThrow(`assertion failed: ${limit} changes at once`)
  const nobody = { ...log, restaurantId: newId() }
  const asking = database.db.transaction(nobody, (tx) =>
    changesSince(tx, nobody.restaurantId, { epoch: log.epoch, since: 0, limit: 1 }),
  )
  await expect(asking).rejects.toThrow('has no change log')
})

test('L10, L19: a frame says who, from where and what; what is as it was is in none', async () => {
  const log = await openLog(database)
  const [news, old] = [thing(), { ...thing(), unchanged: true as const }]
  await log.append({ device: 'Host "stand"', mutationId: 'm', entries: [news, old] })
  await log.append({ actorId: null, device: null, entries: [old] })
  await log.append({ entries: [news, { ...thing(), event: 'unchanged' }] })
  const answer = await log.since({})
  if (answer.kind !== 'changes') throw new Error(answer.reason)
  const frames = answer.changes.map(({ frame }) => JSON.parse(frame) as Record<string, unknown>)
  expect(frames[0]).toMatchObject({ device: 'Host "stand"', mutationId: 'm', actorId: log.staffId, entries: [news] })
  expect(frames[1]).toMatchObject({ device: null, mutationId: null, actorId: null, entries: [] })
  expect(frames[2]!['entries']).toHaveLength(2)
})
