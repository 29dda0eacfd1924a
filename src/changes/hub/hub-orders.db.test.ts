import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type HeldReads, useHeldReads } from '../../../test/held-reads.ts'
import type { TestDatabase } from '../../../test/database.ts'
import { addGuest } from '../../guests/add-guest.ts'
import { systemClock } from '../../platform/clock.ts'
import { newId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import { createLog } from '../../platform/observability/log.ts'
import { registerRestaurant } from '../../staff/register-restaurant.ts'
import type { ChangeDeps, Context } from '../command/command.ts'
import { execute } from '../command/execute.ts'
import { Hub } from './hub.ts'
import type { Change } from '../log/log.ts'

/** Rare orders of events at the hub, each made on purpose: what the database answers comes when the test says so, and no poll helps. */

const NEVER_MILLIS = 2_000_000_000
// Not on the timer that the whole process shares.
const TICK_MILLIS = 1_001
const log = createLog('silent')
let database: TestDatabase
let db: HeldReads
let deps: ChangeDeps
let context: Context
let hub: Hub
let made: Change[]
let heard: (number | 'anew')[]

useHeldReads(5, (a, b) => {
  database = a
  db = b
  deps = { db: database.db, clock: systemClock(), newId, publish: (change) => void made.push(change) }
})
beforeEach(async () => {
  const names = { restaurantName: 'Hub', firstName: null, lastName: null, password: 'x' }
  const owner = await registerRestaurant(deps, { ...names, email: `${newId()}@hub.example` })
  context = { restaurantId: owner.restaurantId, actor: { staffId: owner.staffId, role: 'owner' } }
  hub = new Hub(db, log, NEVER_MILLIS)
  made = []
  heard = []
})
afterEach(() => {
  db.letAll()
  hub.close()
})

const write = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await execute(deps, addGuest, context, { firstName: 'Ada', partySize: 2 })
}
const listen = (to = hub) =>
  to.subscribe(
    context.restaurantId,
    ({ seq }) => void heard.push(seq),
    () => void heard.push('anew'),
  )
const sql = (text: string) => database.sql(text, [context.restaurantId])
const renew = async (set = ''): Promise<string> => {
  const rows = await sql(
    `update qtable.heads set epoch = gen_random_uuid() ${set} where restaurant_id = $1 returning epoch`,
  )
  return rows[0]!['epoch'] as string
}
async function held(count: number): Promise<void> {
  await expect.poll(() => db.held).toBe(count)
}
const newest = () => hub.newest(context.restaurantId)?.seq

test('L4, F2: a log that ends earlier than what was delivered, in the same epoch, begins anew', async () => {
  await write(3)
  await listen()
  await sql('update qtable.heads set seq = 2 where restaurant_id = $1')
  await hub.poll()
  expect(heard).toEqual(['anew'])
  expect(newest()).toBe(2)
  await hub.poll()
  expect(heard).toEqual(['anew'])
})

test('L4: what was delivered while the heads were asked for is no log that begins anew', async () => {
  await write(1)
  await listen()
  db.hold('read-heads')
  const polled = hub.poll()
  await held(1)
  await write(2)
  for (const change of made.slice(1)) hub.publish(change)
  db.letAll()
  await polled
  expect(heard).toEqual([2, 3])
})

test('L4: what commits while a new listener asks where the log stands is heard at once, and once', async () => {
  db.hold('read-heads')
  const listening = listen()
  await held(1)
  await write(3)
  for (const change of made.toReversed()) hub.publish(change)
  db.letAll()
  await listening
  expect(heard).toEqual([1, 2, 3])
  expect(hub.figures.early).toBe(0)
})

test('L4: a question that was asked before a commit was in doubt says nothing of it', async () => {
  await write(1)
  await listen()
  db.hold('read-heads')
  const polled = hub.poll()
  await held(1)
  await write(1)
  hub.doubt(context.restaurantId)
  await held(2)
  db.let()
  await polled
  expect(hub.newest(context.restaurantId)).toBeNull()
  db.letAll()
  await expect.poll(newest).toBe(2)
  expect(heard).toEqual([2])
})

test('L4: a doubt that the database did not end is asked about at the next tick, also by a process that is alone', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  const alone = new Hub(db, log, TICK_MILLIS, true)
  try {
    await listen(alone)
    const before = db.asked.get('read-heads')!
    vi.advanceTimersByTime(TICK_MILLIS)
    expect(db.asked.get('read-heads')).toBe(before)
    await write(1)
    db.fail()
    alone.doubt(context.restaurantId)
    expect(alone.newest(context.restaurantId)).toBeNull()
    await new Promise((resolve) => setImmediate(resolve))
    vi.advanceTimersByTime(TICK_MILLIS)
    await expect.poll(() => heard).toEqual([1])
    await expect.poll(() => alone.newest(context.restaurantId)).toMatchObject({ seq: 1 })
    // Without a doubt it asks each so many ticks only.
    const asked = db.asked.get('read-heads')!
    vi.advanceTimersByTime(TICK_MILLIS * limits.solePollTicks)
    expect(db.asked.get('read-heads')).toBe(asked + 1)
  } finally {
    alone.close()
    vi.useRealTimers()
  }
})

test('L4, H1: word of a change is known at once, read from the log, and tells how far behind it is', async () => {
  await write(3)
  await listen()
  await write(2)
  const { epoch } = made[0]!
  db.hold('read-changes')
  hub.hint(context.restaurantId, epoch, 4)
  hub.hint(context.restaurantId, epoch, 5)
  await held(1)
  expect(newest()).toBe(5)
  expect(hub.lag).toMatchObject({ changes: 2 })
  expect([4, 5, 6].map((seq) => hub.awaits(context.restaurantId, epoch, seq))).toEqual([true, true, true])
  db.letAll()
  await expect.poll(() => heard).toEqual([4, 5])
  expect(hub.lag).toEqual({ changes: 0, seconds: 0 })
  expect([4, 5, 6].map((seq) => hub.awaits(context.restaurantId, epoch, seq))).toEqual([false, false, true])
  expect(hub.awaits(context.restaurantId, newId(), 1)).toBe(true)
  expect(hub.awaits(newId(), epoch, 1)).toBe(false)
  // Word of what was delivered is no reason to ask.
  const asked = db.asked.get('read-changes')
  hub.hint(context.restaurantId, epoch, 5)
  expect(db.asked.get('read-changes')).toBe(asked)
})

test('L4, F2: word of another epoch, or a change of one, has the log looked at', async () => {
  await write(2)
  await listen()
  const epoch = await renew()
  hub.hint(context.restaurantId, epoch, 2)
  await expect.poll(() => heard).toEqual(['anew'])
  await renew()
  await write(1)
  hub.publish(made.at(-1)!)
  await expect.poll(() => heard).toEqual(['anew', 'anew'])
  expect(newest()).toBe(3)
})

test('L4, F2: what was being read of a log that ended is not delivered in the next one', async () => {
  await write(1)
  await listen()
  await write(3)
  db.hold('read-changes')
  // The second is missing, so it is read; the fourth waits for it.
  hub.publish(made[3]!)
  await held(1)
  expect(hub.figures.early).toBe(1)
  await renew(', seq = 1')
  await hub.poll()
  expect(heard).toEqual(['anew'])
  expect(hub.figures.early).toBe(0)
  db.letAll()
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(heard).toEqual(['anew'])
  expect(newest()).toBe(1)
})

test('N5: whoever waits for a change is told when it is there, that it is ahead, or that the log cannot be read', async () => {
  await listen()
  await write(3)
  await hub.catchUp(context.restaurantId, 2)
  expect(heard).toEqual([1, 2, 3])
  const asked = db.asked.get('read-heads')
  await hub.catchUp(context.restaurantId, 3)
  expect(db.asked.get('read-heads')).toBe(asked)
  await expect(hub.catchUp(context.restaurantId, 4)).rejects.toMatchObject({
    code: 'ahead-of-log',
    details: { head: 3 },
  })
  await write(1)
  const failing = hub.catchUp(context.restaurantId, 4)
  await expect.poll(() => db.asked.get('read-heads')).toBeGreaterThan(asked! + 1)
  db.fail()
  await expect(failing).rejects.toMatchObject({ code: 'busy', status: 503 })
  await hub.catchUp(context.restaurantId, 4)
  expect(heard).toEqual([1, 2, 3, 4])
})

test('L4, W9: a wire is told which restaurants are listened to, those of before it included, and which no longer', async () => {
  const said: string[] = []
  const first = await listen()
  hub.connect({ watch: (id) => said.push(`watch ${id}`), unwatch: (id) => said.push(`unwatch ${id}`) })
  const second = await listen()
  first()
  first()
  expect(said).toEqual([`watch ${context.restaurantId}`])
  second()
  await listen()
  hub.close()
  const id = context.restaurantId
  expect(said).toEqual([`watch ${id}`, `unwatch ${id}`, `watch ${id}`, `unwatch ${id}`])
  expect(hub.figures).toEqual({ rooms: 0, early: 0 })
})
