import { afterEach, beforeEach, expect, test } from 'vitest'
import { openLog, type ChangeLog } from '../../../test/change-log.ts'
import type { TestDatabase } from '../../../test/database.ts'
import { type HeldReads, useHeldReads } from '../../../test/held-reads.ts'
import { newId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import { createLog } from '../../platform/observability/log.ts'
import { Hub } from './hub.ts'
import type { Change } from '../log/log.ts'

/** Logs that ran back or began anew under those who listen, and listeners who come, throw and go. */

const NEVER_MILLIS = 2_000_000_000
let database: TestDatabase
let db: HeldReads
let log: ChangeLog
let heard: (number | 'anew')[]
let renewed: [string, string][]
let lines: string[]
let hubs: Hub[]

useHeldReads(4, (a, b) => {
  database = a
  db = b
})
beforeEach(async () => {
  log = await openLog(database)
  heard = []
  renewed = []
  lines = []
  hubs = []
  db.asked.clear()
})
afterEach(() => {
  db.letAll()
  for (const hub of hubs) hub.close()
})

const anew = async (set = '') => {
  const rows = await database.sql(
    `update qtable.heads set epoch = gen_random_uuid() ${set} where restaurant_id = $1 returning epoch`,
    [log.restaurantId],
  )
  return rows[0]!['epoch'] as string
}
/** A hub; `renew` gives new epochs, as the owner of the database does. */
function start(renew?: (restaurantId: string, epoch: string) => Promise<unknown>): Hub {
  const said = createLog('warn', { write: (line) => void lines.push(line) })
  const ranBack =
    renew &&
    ((restaurantId: string, epoch: string) => {
      renewed.push([restaurantId, epoch])
      return renew(restaurantId, epoch)
    })
  const hub = new Hub(db, said, NEVER_MILLIS, false, ranBack)
  hubs.push(hub)
  return hub
}
const listen = (hub: Hub) =>
  hub.subscribe(
    log.restaurantId,
    ({ seq }) => void heard.push(seq),
    () => void heard.push('anew'),
  )
const newest = (hub: Hub) => hub.newest(log.restaurantId)
const reads = (name: string) => db.asked.get(name) ?? 0
const turn = () => new Promise((resolve) => setImmediate(resolve))

test('L21: another change with a number that was delivered ends the epoch, and listeners go on in the next', async () => {
  const hub = start(() => anew())
  await log.add(1)
  await listen(hub)
  const [second, third] = (await log.add(2)) as [Change, Change]
  hub.publish(second)
  hub.publish(third)
  // The same once more is what wires do.
  hub.publish(second)
  await turn()
  expect([heard, renewed, reads('read-heads')]).toEqual([[2, 3], [], 1])
  hub.publish({ ...second, at: third.at })
  expect(renewed).toEqual([[log.restaurantId, log.epoch]])
  await expect.poll(() => heard).toEqual([2, 3, 'anew'])
  expect(newest(hub)).toMatchObject({ seq: 3 })
  expect(newest(hub)!.epoch).not.toBe(log.epoch)
})

test('L21: a log that ends before what was delivered gets one new epoch, however often that is seen meanwhile', async () => {
  let give: () => void = () => undefined
  const hub = start(async () => {
    await new Promise<void>((resolve) => (give = resolve))
    return anew()
  })
  await log.add(3)
  await listen(hub)
  await database.sql('update qtable.heads set seq = 1 where restaurant_id = $1', [log.restaurantId])
  await hub.poll()
  await hub.poll()
  expect([renewed.length, heard, newest(hub)?.seq]).toEqual([1, [], 3])
  give()
  await expect.poll(() => heard).toEqual(['anew'])
  expect(newest(hub)).toMatchObject({ seq: 1 })
})

test('L21: where no new epoch can be given it is tried again when the log is looked at next', async () => {
  let fails = 1
  const hub = start(() => (fails-- > 0 ? Promise.reject(new Error('planted')) : anew()))
  await log.add(3)
  await listen(hub)
  await database.sql('update qtable.heads set seq = 1 where restaurant_id = $1', [log.restaurantId])
  await hub.poll()
  await expect.poll(() => lines.some((line) => line.includes('planted'))).toBe(true)
  expect(heard).toEqual([])
  await hub.poll()
  await expect.poll(() => heard).toEqual(['anew'])
  expect(renewed).toHaveLength(2)
})

test('L4: a change older than the times that are known is looked into, and is no new beginning', async () => {
  const hub = start(() => anew())
  const [first] = (await log.add(2)) as [Change]
  await listen(hub)
  hub.publish(first)
  await expect.poll(() => reads('read-heads')).toBe(2)
  await turn()
  expect([heard, renewed]).toEqual([[], []])
})

test('F2: whoever confirms the epoch is in the one that the database has, asked from then on', async () => {
  const hub = start()
  await log.add(2)
  await listen(hub)
  await hub.confirm(log.restaurantId)
  expect(heard).toEqual([])
  const epoch = await anew()
  await hub.confirm(log.restaurantId)
  expect([heard, newest(hub)]).toEqual([['anew'], { epoch, seq: 2 }])
  // Who was moved to another epoch meanwhile is where they are.
  const second = await anew()
  db.hold('read-heads')
  const polled = hub.poll()
  await expect.poll(() => db.held).toBe(1)
  await anew()
  const confirming = hub.confirm(log.restaurantId)
  await expect.poll(() => db.held).toBe(2)
  db.let()
  await polled
  db.letAll()
  await confirming
  expect([heard, newest(hub)?.epoch]).toEqual([['anew', 'anew'], second])
  db.fail()
  await expect(hub.confirm(log.restaurantId)).rejects.toThrow('planted')
  expect(() => hub.confirm(newId())).toThrow('listened to')
  await expect(hub.catchUp(newId(), 1)).rejects.toThrow('listened to')
})

test('L4: who cannot be told where the log stands does not listen; who comes next may', async () => {
  const hub = start()
  db.fail()
  await expect(listen(hub)).rejects.toThrow('planted')
  expect(hub.figures.rooms).toBe(0)
  await listen(hub)
  hub.publish((await log.add(1))[0]!)
  expect(heard).toEqual([1])
})

test('L4: what is for nobody here is nothing: changes, hints, doubts, and whether they are awaited', async () => {
  const hub = start()
  await log.add(1)
  hub.publish((await log.add(1))[0]!)
  hub.hint(log.restaurantId, log.epoch, 2)
  hub.doubt(log.restaurantId)
  await hub.poll()
  expect([newest(hub), hub.awaits(log.restaurantId, log.epoch, 2), reads('read-heads')]).toEqual([null, false, 0])
  // While it is not known where the log stands all is awaited, and nothing known.
  db.hold('read-heads')
  const listening = listen(hub)
  await expect.poll(() => db.held).toBe(1)
  hub.hint(log.restaurantId, log.epoch, 9)
  expect([newest(hub), hub.awaits(log.restaurantId, log.epoch, 1), hub.lag]).toEqual([
    null,
    true,
    { changes: 0, seconds: 0 },
  ])
  db.letAll()
  await listening
  expect([heard, newest(hub)]).toEqual([[], { epoch: log.epoch, seq: 2 }])
})

test('L4: of what comes before its turn so much is kept as the limit says; the log has the rest', async () => {
  const hub = start()
  await listen(hub)
  const made = await log.fill(limits.changesPerRead + 3)
  db.hold('read-changes')
  for (const change of made.slice(1)) hub.publish(change)
  expect(hub.figures).toEqual({ rooms: 1, early: limits.changesPerRead })
  db.letAll()
  await expect.poll(() => heard.length).toBe(made.length)
  expect(heard).toEqual(made.map(({ seq }) => seq))
  expect(hub.figures.early).toBe(0)
})

test('L4: a gap that cannot be read is tried again at the next poll; nobody polls twice at once', async () => {
  const hub = start()
  await listen(hub)
  const made = await log.add(3)
  db.fail()
  hub.publish(made[2]!)
  await expect.poll(() => lines.length).toBe(1)
  expect([heard, hub.lag.changes]).toEqual([[], 3])
  db.hold('read-heads')
  const polls = [hub.poll(), hub.poll()]
  await expect.poll(() => db.held).toBe(1)
  await turn()
  expect(reads('read-heads')).toBe(2)
  db.letAll()
  await Promise.all(polls)
  expect([heard, hub.lag.changes]).toEqual([[1, 2, 3], 0])
  db.fail()
  await hub.poll()
  await hub.poll()
  expect(reads('read-heads')).toBe(4)
})

test('W9: a room that was left while its log was read is read no further; whoever comes then has their own', async () => {
  const hub = start()
  const stop = await listen(hub)
  const made = await log.add(2)
  db.hold('read-changes')
  hub.publish(made[1]!)
  await expect.poll(() => db.held).toBe(1)
  stop()
  expect(hub.figures).toEqual({ rooms: 0, early: 0 })
  db.letAll()
  await listen(hub)
  stop()
  expect([hub.figures.rooms, newest(hub)?.seq]).toEqual([1, 2])
  hub.publish((await log.add(1))[0]!)
  expect(heard).toEqual([3])
})
