import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { openDatabase, type TestDatabase } from '../../../test/database.ts'
import { createLog } from '../../platform/observability/log.ts'
import type { Db } from '../../platform/database/db.ts'
import { AppError } from '../../platform/errors.ts'
import { newId } from '../../platform/ids.ts'
import { systemClock } from '../../platform/clock.ts'
import { registerRestaurant } from '../../staff/register-restaurant.ts'
import { addGuest } from '../../guests/add-guest.ts'
import type { ChangeDeps, Context } from '../command/command.ts'
import { execute } from '../command/execute.ts'
import { Hub } from './hub.ts'
import type { Change } from '../log/log.ts'

let database: TestDatabase
let deps: ChangeDeps
let publish: (change: Change) => void = () => undefined
let hub: Hub
let context: Context
const log = createLog('silent')

beforeAll(async () => {
  database = await openDatabase()
  deps = { db: database.db, clock: systemClock(), newId, publish: (change) => publish(change) }
})
afterAll(() => database.close())
beforeEach(async () => {
  const registration = {
    restaurantName: 'Hub',
    email: `${newId()}@hub.example`,
    password: 'x',
    firstName: null,
    lastName: null,
  }
  const { restaurantId, staffId } = await registerRestaurant(deps, registration)
  context = { restaurantId, actor: { staffId, role: 'owner' } }
  hub = new Hub(database.db, log, 50)
})
afterEach(() => hub.close())

const write = async (n: number) => {
  for (let i = 0; i < n; i++) await execute(deps, addGuest, context, { firstName: `g${i}`, partySize: 2 })
}
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1)
const heardAll = async (heard: number[], n: number) => {
  await expect.poll(() => heard.length, { interval: 10 }).toBe(n)
}

test('L4: what is published in order is heard at once', async () => {
  const heard: number[] = []
  await hub.subscribe(context.restaurantId, ({ seq }) => void heard.push(seq))
  publish = (change) => {
    hub.publish(change)
    expect(heard.at(-1)).toBe(change.seq)
  }
  await write(20)
  expect(heard).toEqual(upTo(20))
})

test('L4: lost, repeated and reordered, all is heard once and in order', async () => {
  const heard: number[] = []
  await hub.subscribe(context.restaurantId, ({ seq }) => void heard.push(seq))
  const held: Change[] = []
  publish = (change) => void held.push(change)
  await write(60)
  // A third lost, a third twice, all backwards.
  for (const change of held.toReversed()) {
    if (change.seq % 3 === 0) continue
    hub.publish(change)
    if (change.seq % 3 === 1) hub.publish(change)
  }
  await heardAll(heard, 60)
  expect(heard).toEqual(upTo(60))
})

test('L4: what nobody published, as by another process, is found by the poll', async () => {
  const heard: number[] = []
  await hub.subscribe(context.restaurantId, ({ seq }) => void heard.push(seq))
  publish = () => undefined
  await write(1_100) // more than two pages of the log
  await heardAll(heard, 1_100)
  expect(heard).toEqual(upTo(1_100))
})

test('L4: what was committed though its answer was lost is found at once, and until then nobody says where the log ends', async () => {
  const alone = new Hub(database.db, log, 3_600_000, true)
  try {
    const heard: number[] = []
    await alone.subscribe(context.restaurantId, ({ seq }) => void heard.push(seq))
    publish = (change) => alone.publish(change)
    await write(1)
    expect(alone.newest(context.restaurantId)).toMatchObject({ seq: 1 })
    // The change is made, and its command hears that nobody knows.
    const doubts: string[] = []
    const doubt = (restaurantId: string) => {
      doubts.push(restaurantId)
      alone.doubt(restaurantId)
      expect(alone.newest(context.restaurantId)).toBeNull()
    }
    const lost = {
      ...deps,
      doubt,
      publish: () => undefined,
      db: {
        transaction: async (...args: Parameters<Db['transaction']>) => {
          await database.db.transaction(...args)
          throw new AppError('outcome-unknown', 503, 'the connection broke')
        },
      } as unknown as Db,
    }
    await expect(execute(lost, addGuest, context, { firstName: 'lost', partySize: 2 })).rejects.toMatchObject({
      code: 'outcome-unknown',
    })
    expect(doubts).toEqual([context.restaurantId])
    await heardAll(heard, 2)
    await expect.poll(() => alone.newest(context.restaurantId)).toMatchObject({ seq: 2 })
  } finally {
    alone.close()
  }
})

test('L4: who subscribes while commands run misses nothing after its start', async () => {
  publish = (change) => hub.publish(change)
  const writing = write(200)
  const starts: number[][] = []
  for (let i = 0; i < 10; i++) {
    const heard: number[] = []
    starts.push(heard)
    await hub.subscribe(context.restaurantId, ({ seq }) => void heard.push(seq))
  }
  await writing
  for (const heard of starts) {
    await expect.poll(() => heard.at(-1)).toBe(200)
    expect(heard).toEqual(upTo(200).slice(heard[0]! - 1))
  }
})

test('L4, W2: a listener that throws does not keep the others from hearing; another restaurant hears nothing', async () => {
  publish = (change) => hub.publish(change)
  const other = await registerRestaurant(deps, {
    restaurantName: 'O',
    email: `${newId()}@hub.example`,
    password: 'x',
    firstName: null,
    lastName: null,
  })
  const heard: number[] = []
  const elsewhere: number[] = []
  await hub.subscribe(context.restaurantId, () => {
    throw new Error('planted')
  })
  await hub.subscribe(context.restaurantId, ({ seq }) => void heard.push(seq))
  await hub.subscribe(other.restaurantId, ({ seq }) => void elsewhere.push(seq))
  await write(3)
  expect(heard).toEqual([1, 2, 3])
  expect(elsewhere).toEqual([])
})

test('L4: when the last listener leaves, nothing of the restaurant is kept', async () => {
  const stops = await Promise.all(upTo(5).map(() => hub.subscribe(context.restaurantId, () => undefined)))
  expect(hub.figures.rooms).toBe(1)
  for (const stop of stops) stop()
  expect(hub.figures).toEqual({ rooms: 0, early: 0 })
  await expect(hub.subscribe(newId(), () => undefined)).rejects.toThrow('no change log')
  expect(hub.figures).toEqual({ rooms: 0, early: 0 })
})
