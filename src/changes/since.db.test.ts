import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase, type TestDatabase } from '../../test/kit.ts'
import { registerRestaurant } from '../staff/register-restaurant.ts'
import { statement } from '../platform/db.ts'
import { newEpoch, newId } from '../platform/ids.ts'
import { plusMillis, systemClock, type Instant } from '../platform/clock.ts'
import { append, changesAfter, headOf, type Change } from './log.ts'
import { changesSince, type Place, type Since } from './since.ts'

let database: TestDatabase
const clock = systemClock()
beforeAll(async () => {
  database = await openDatabase(6)
})
afterAll(() => database.close())

/** A restaurant with a log of its own. */
async function openLog() {
  const deps = { db: database.db, clock, newId, publish: () => undefined }
  const { restaurantId, staffId } = await registerRestaurant(deps, {
    restaurantName: 'Log',
    email: `${newId()}@log.example`,
    password: 'x',
    firstName: null,
    lastName: null,
  })
  const { epoch } = await database.db.transaction({ restaurantId }, (tx) => headOf(tx, restaurantId))
  const add = (n = 1): Promise<Change[]> =>
    database.db.transaction({ restaurantId }, async (tx) => {
      const made: Change[] = []
      for (let i = 0; i < n; i++) {
        const entries = [
          {
            op: 'put' as const,
            kind: 'thing',
            id: newId(),
            event: 'made',
            version: 1,
            value: { i, note: '"é\\\n\u{1F37D}' },
          },
        ]
        const draft = { restaurantId, command: 'test', mutationId: `m "${i}"`, actorId: staffId, device: null, entries }
        made.push(await append(tx, draft, clock.now()))
      }
      return made
    })
  const since = (place: Partial<Place>, limit = 500): Promise<Since> =>
    database.db.transaction({ restaurantId }, (tx) =>
      changesSince(tx, restaurantId, { epoch, since: 0, limit, ...place }),
    )
  return { restaurantId, epoch, add, since }
}

const seqs = (answer: Since) => (answer.kind === 'changes' ? answer.changes.map(({ seq }) => seq) : answer.reason)

test('L9: whoever says where it stands gets the rest, a page at a time', async () => {
  const log = await openLog()
  expect(await log.since({})).toMatchObject({ kind: 'changes', epoch: log.epoch, head: 0, floor: 0, changes: [] })
  const made = await log.add(7)
  expect(seqs(await log.since({}))).toEqual([1, 2, 3, 4, 5, 6, 7])
  expect(seqs(await log.since({ since: 2 }, 3))).toEqual([3, 4, 5])
  expect(seqs(await log.since({ since: 5, at: made[4]!.at }, 3))).toEqual([6, 7])
  expect(seqs(await log.since({ since: 7, at: made[6]!.at }))).toEqual([])
})

test('L10: a frame is the whole change as docs/protocol.md has it, its entries letter for letter', async () => {
  const log = await openLog()
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
  const log = await openLog()
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
  expect(seqs(await log.since({ since: 4, at: made[3]!.at }))).toEqual([5, 6, 7, 8, 9])
})

test('L9: a device of before a restore is told that it is ahead, and diverged once its number has passed again', async () => {
  const log = await openLog()
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
    const log = await openLog()
    await log.add(9)
    await database.sql('delete from qtable.changes where restaurant_id = $1 and seq = $2', [log.restaurantId, gone])
    expect(seqs(await log.since({}))).toBe('floor')
    expect(seqs(await log.since({ since: gone }))).toEqual(Array.from({ length: 9 - gone }, (_, i) => gone + 1 + i))
  }
})

test('L9: head and changes agree while four writers write', async () => {
  const log = await openLog()
  const stop = new AbortController()
  const writers = Array.from({ length: 4 }, async () => {
    while (!stop.signal.aborted) await log.add(1)
  })
  let last: Place = { epoch: log.epoch, since: 0 }
  let answers = 0
  while (last.since < 400) {
    const answer = await log.since(last)
    if (answer.kind !== 'changes') throw new Error(`${answer.reason} at ${last.since} of ${answer.head}`)
    const newest = answer.changes.at(-1)
    expect(newest?.seq ?? last.since).toBe(answer.head)
    if (newest) last = { epoch: log.epoch, since: newest.seq, at: newest.at }
    answers++
  }
  stop.abort()
  await Promise.all(writers)
  expect(answers).toBeGreaterThan(3)
})

test('L9: 10,000 missed changes are read and framed in one go', async () => {
  const log = await openLog()
  const value = {
    firstName: 'Ada',
    lastName: 'Lovelace',
    notes: 'by the window',
    partySize: 4,
    tags: ['a', 'b'],
    text: 'x'.repeat(400),
  }
  await database.sql(
    `with head as (update qtable.heads set seq = 10000, last_at = last_at + interval '10001 seconds' where restaurant_id = $1 returning epoch, last_at)
     insert into qtable.changes (restaurant_id, seq, epoch, at, command, mutation_id, actor_id, device, entries)
     select $1, n, epoch, last_at - (10001 - n) * interval '1 second', 'seat-guest', gen_random_uuid()::text, gen_random_uuid(), 'Host stand',
       json_build_array($2::json, $2::json) from head, generate_series(1, 10000) n`,
    [log.restaurantId, JSON.stringify({ op: 'put', kind: 'guest', id: newId(), event: 'seated', version: 2, value })],
  )
  const plain = statement('test-plain', 'select entries::text from changes where restaurant_id = $1 and seq > 0')
  const measured = { framed: [] as number[], plain: [] as number[] }
  for (let i = 0; i < 9; i++) {
    const began = performance.now()
    expect(seqs(await log.since({}, 10_000))).toHaveLength(10_000)
    const between = performance.now()
    const { restaurantId } = log
    await database.db.transaction({ restaurantId }, (tx) => tx.all(plain, [restaurantId]))
    measured.framed.push(between - began)
    measured.plain.push(performance.now() - between)
  }
  const [framed, read] = [Math.min(...measured.framed), Math.min(...measured.plain)]
  console.log(`10,000 changes: ${framed.toFixed(0)} ms as frames, ${read.toFixed(0)} ms as they are stored`)
  // A ratio, because the machine is shared.
  expect(framed).toBeLessThan(read * 4)
})

test('L9: what is missed is read the same in a snapshot', async () => {
  const log = await openLog()
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
