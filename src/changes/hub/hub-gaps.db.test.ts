import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openLog, type ChangeLog } from '../../../test/change-log.ts'
import type { TestDatabase } from '../../../test/database.ts'
import { type HeldReads, useHeldReads } from '../../../test/held-reads.ts'
import { instantOfMicros } from '../../platform/clock.ts'
import { newId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import { createLog } from '../../platform/observability/log.ts'
import { Hub } from './hub.ts'
import type { Change } from '../log/log.ts'

/** What is read of the log, no more often than it must be, and what comes meanwhile. */

let database: TestDatabase
let db: HeldReads
let log: ChangeLog
let hub: Hub
let heard: (number | 'anew')[]
let lines: string[]
const said = createLog('warn', { write: (line) => void lines.push(line) })

useHeldReads(4, (a, b) => {
  database = a
  db = b
})
beforeEach(async () => {
  log = await openLog(database)
  hub = new Hub(db, said, 2_000_000_000)
  heard = []
  lines = []
  db.asked.clear()
})
afterEach(() => {
  db.letAll()
  hub.close()
})

const listen = (to = hub) =>
  to.subscribe(
    log.restaurantId,
    ({ seq }) => void heard.push(seq),
    () => void heard.push('anew'),
  )
const anew = async () => {
  const set = 'update qtable.heads set epoch = gen_random_uuid() where restaurant_id = $1 returning epoch'
  return (await database.sql(set, [log.restaurantId]))[0]!['epoch'] as string
}
const reads = (name: string) => db.asked.get(name) ?? 0
const held = (count: number) => expect.poll(() => db.held).toBe(count)
const newest = () => hub.newest(log.restaurantId)
/** So long that what is under way would have come. */
const settled = async () => {
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve))
  await database.db.read({ restaurantId: log.restaurantId }, { name: '', text: 'select 1', isPlannedAnew: false }, [])
}

test('L4: word of more than one page is read page by page, and of more than the log has once', async () => {
  await listen()
  const made = await log.fill(limits.changesPerRead + 3)
  hub.hint(log.restaurantId, log.epoch, made.length)
  await expect.poll(() => heard.length).toBe(made.length)
  await settled()
  expect([heard.at(-1), reads('read-changes'), reads('read-heads')]).toEqual([made.length, 2, 1])
  // Old word moves nobody back.
  hub.hint(log.restaurantId, log.epoch, 1)
  expect([newest()?.seq, hub.lag.changes]).toEqual([made.length, 0])
  hub.hint(log.restaurantId, log.epoch, made.length + 9)
  await expect.poll(() => reads('read-changes')).toBe(3)
  await settled()
  expect(reads('read-changes')).toBe(3)
})

test('L4: what was delivered while a gap was read is not delivered again', async () => {
  await listen()
  const [first, , third] = (await log.add(3)) as [Change, Change, Change]
  db.hold('read-changes')
  hub.publish(third)
  await held(1)
  hub.publish(first)
  expect(heard).toEqual([1])
  db.letAll()
  await expect.poll(() => heard).toEqual([1, 2, 3])
  await settled()
  expect([heard, reads('read-changes')]).toEqual([[1, 2, 3], 1])
})

test('L4, W9: of a room that was left no second page is read', async () => {
  const stop = await listen()
  const made = await log.fill(limits.changesPerRead + 3)
  db.hold('read-changes')
  hub.hint(log.restaurantId, log.epoch, made.length)
  await held(1)
  stop()
  db.letAll()
  await settled()
  expect([heard, reads('read-changes')]).toEqual([[], 1])
})

test('L4: what came early and is not news when the head is known is kept no longer', async () => {
  const [, second] = (await log.add(2)) as [Change, Change]
  db.hold('read-heads')
  const listening = listen()
  await held(1)
  hub.publish(second)
  hub.publish({ ...second, seq: 5, epoch: newId() })
  expect(hub.figures.early).toBe(2)
  db.letAll()
  await listening
  expect([heard, hub.figures.early]).toEqual([[], 0])
})

test('L4: heads that come when nobody listens any more, or where it is not known yet, trouble nobody', async () => {
  const stop = await listen()
  db.hold('read-heads')
  const polled = hub.poll()
  await held(1)
  stop()
  db.let()
  await polled
  const listening = listen()
  await held(1)
  const [early, confirming] = [hub.poll(), hub.confirm(log.restaurantId)]
  await held(3)
  db.letAll()
  await Promise.all([listening, early, confirming])
  // Nor does a restaurant that is gone, to others that are asked for with it.
  const other = await openLog(database)
  await other.add(1)
  const elsewhere: number[] = []
  await hub.subscribe(other.restaurantId, ({ seq }) => void elsewhere.push(seq))
  await database.sql('delete from qtable.heads where restaurant_id = $1', [log.restaurantId])
  await other.add(1)
  await hub.poll()
  await hub.confirm(log.restaurantId)
  expect([elsewhere, heard, lines]).toEqual([[2], [], []])
  await expect(hub.subscribe(newId(), () => undefined)).rejects.toThrow('has no change log')
})

test('L4, F2: whoever was moved to another epoch while the heads were asked for is moved once', async () => {
  await listen()
  const second = await anew()
  db.hold('read-heads')
  const polled = hub.poll()
  await held(1)
  hub.hint(log.restaurantId, await anew(), 1)
  await held(2)
  db.let()
  await polled
  db.letAll()
  await settled()
  expect([heard, newest()?.epoch]).toEqual([['anew'], second])
})

test('L4: a doubt stays until its change was read', async () => {
  await listen()
  await log.add(1)
  db.hold('read-heads')
  hub.doubt(log.restaurantId)
  await held(1)
  db.fail()
  db.letAll()
  await expect.poll(() => lines.length).toBe(1)
  await settled()
  expect([newest(), heard]).toEqual([null, []])
  await hub.poll()
  expect([newest()?.seq, heard]).toEqual([1, [1]])
  db.fail()
  await hub.poll()
  expect(lines).toHaveLength(2)
})

test('L21: another change with the newest number is a new beginning before it; one too old to tell has the log looked at', async () => {
  const [first] = (await log.add(1)) as [Change]
  await listen()
  const [second] = (await log.add(1)) as [Change]
  hub.publish(second)
  hub.publish({ ...second, at: instantOfMicros(1) })
  expect([heard, newest()?.seq]).toEqual([[2, 'anew'], 1])
  await anew()
  hub.publish({ ...first, at: instantOfMicros(1) })
  await expect.poll(() => heard).toEqual([2, 'anew', 'anew'])
})

test('L4: a listener that throws is told of in the log, and the others hear', async () => {
  await hub.subscribe(log.restaurantId, () => {
    throw new Error('planted')
  })
  await listen()
  hub.publish((await log.add(1))[0]!)
  expect([heard, lines.length]).toEqual([[1], 1])
  expect(JSON.parse(lines[0]!)).toMatchObject({ err: { message: 'planted' }, restaurantId: log.restaurantId, seq: 1 })
})

test('L4: where others write too the heads are asked for at each tick', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  // Not on the timer that the whole process shares.
  const ticking = new Hub(db, said, 1_001)
  try {
    await listen(ticking)
    db.hold('read-heads')
    for (const asked of [2, 3]) {
      vi.advanceTimersByTime(1_001)
      expect(reads('read-heads')).toBe(asked)
      // Nobody asks again before the answer is there.
      await held(1)
      db.let()
      await settled()
    }
  } finally {
    ticking.close()
    vi.useRealTimers()
  }
})
