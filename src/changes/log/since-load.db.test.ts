import { afterAll, beforeAll, expect, test } from 'vitest'
import { openLog, seqs } from '../../../test/change-log.ts'
import { openDatabase, type TestDatabase } from '../../../test/database.ts'
import { statement } from '../../platform/database/db.ts'
import { LOG_VERSION } from './upgrades.ts'
import { newId } from '../../platform/ids.ts'
import type { Place } from './since.ts'

/** What devices missed, while others write and when it is much. */

let database: TestDatabase
beforeAll(async () => {
  database = await openDatabase(6)
})
afterAll(() => database.close())

test('L9: head and changes agree while four writers write', async () => {
  const log = await openLog(database)
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
  const log = await openLog(database)
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
     insert into qtable.changes (restaurant_id, seq, epoch, at, command, mutation_id, actor_id, device, entries, version)
     select $1, n, epoch, last_at - (10001 - n) * interval '1 second', 'seat-guest', gen_random_uuid()::text, gen_random_uuid(), 'Host stand',
       json_build_array($2::json, $2::json), ${LOG_VERSION} from head, generate_series(1, 10000) n`,
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
