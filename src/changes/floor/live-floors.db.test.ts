import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { newOwner, openDatabase, type TestDatabase } from '../../../test/database.ts'
import { addGuest } from '../../guests/add-guest.ts'
import { guestsOnFloor } from '../../guests/guests.ts'
import { systemClock } from '../../platform/clock.ts'
import { newId } from '../../platform/ids.ts'
import { createLog } from '../../platform/observability/log.ts'
import type { Context } from '../command/command.ts'
import { execute } from '../command/execute.ts'
import { Hub } from '../hub/hub.ts'
import { LiveFloor, type FloorKind } from './live-floor.ts'
import { LiveFloors, type IdleLimits } from './live-floors.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await openDatabase(10)
})
afterAll(() => database.close())

const log = createLog('silent')
const walkIn = (context: Context, publish: Hub['publish'] = () => undefined) =>
  execute({ db: database.db, clock: systemClock(), newId, publish }, addGuest, context, {
    firstName: 'Ada',
    partySize: 2,
  })
/** So many restaurants; their ids. */
const restaurants = async (count: number): Promise<string[]> => {
  const owners = await Promise.all(Array.from({ length: count }, () => newOwner(database.db)))
  return owners.map(({ restaurantId }) => restaurantId)
}

test('F2: whoever watches a floor is told that its log began anew before any change of the new log, however long the reading takes', async () => {
  const owner = await newOwner(database.db)
  const { restaurantId } = owner
  const reads: (() => void)[] = []
  const slow: FloorKind = {
    kind: 'guest',
    read: async () => {
      await new Promise<void>((resolve) => reads.push(resolve))
      return []
    },
  }
  const hub = new Hub(database.db, log, 20)
  const floors = new LiveFloors({ db: database.db, hub, clock: systemClock(), log, kinds: [slow], historyDays: 7 })
  const reading = () => expect.poll(() => reads.length).toBeGreaterThan(0)
  const opening = floors.hold(restaurantId)
  await reading()
  reads.shift()!()
  const { live } = await opening
  const heard: string[] = []
  live.watch({
    onChange: ({ seq }) => void heard.push(`${seq}`),
    onReset: () => void heard.push(`anew at ${live.floor.standing.seq}`),
    onLost: () => void heard.push('lost'),
  })
  const anew = () =>
    database.sql('update qtable.heads set epoch = gen_random_uuid() where restaurant_id = $1', [restaurantId])

  await walkIn(owner)
  await expect.poll(() => heard).toEqual(['1'])
  await anew()
  await reading()
  await walkIn(owner)
  await hub.catchUp(restaurantId, 2)
  // Meanwhile it begins anew once more: what the first reading saw is told to nobody.
  await anew()
  await walkIn(owner)
  await expect.poll(() => hub.catchUp(restaurantId, 3).then(() => true)).toBe(true)
  reads.shift()!()
  await reading()
  await walkIn(owner)
  await hub.catchUp(restaurantId, 4)
  reads.shift()!()
  await expect.poll(() => heard).toEqual(['1', 'anew at 3', '4'])
  floors.close()
  hub.close()
})

test('L20: a floor that is opened in a new epoch before its hub knows of it begins anew for nobody', async () => {
  const owner = await newOwner(database.db)
  const { restaurantId } = owner
  const hub = new Hub(database.db, log, 3_600_000)
  const floors = new LiveFloors({ db: database.db, hub, clock: systemClock(), log, kinds: [], historyDays: 7 })
  const resets: string[] = []
  await hub.subscribe(
    restaurantId,
    () => undefined,
    () => void resets.push('the hub'),
  )
  await database.sql('update qtable.heads set epoch = gen_random_uuid() where restaurant_id = $1', [restaurantId])
  const { live } = await floors.hold(restaurantId)
  const heard: string[] = []
  live.watch({
    onChange: ({ seq }) => void heard.push(`${seq}`),
    onReset: () => void heard.push('anew'),
    onLost: () => void heard.push('lost'),
  })
  const { epoch } = live.floor.standing
  await hub.poll()
  await live.settled
  await walkIn(owner)
  await hub.catchUp(restaurantId, 1)
  expect([resets, heard, live.floor.standing.epoch]).toEqual([['the hub'], ['1'], epoch])
  floors.close()
  hub.close()
})

test('W9: a floor that nobody holds is let go with its subscription, at once where there are too many; one that is held stays', async () => {
  const ids = await restaurants(4)
  const hub = new Hub(database.db, log, 1_000)
  const deps = { db: database.db, hub, clock: systemClock(), log, kinds: [], historyDays: 7 }
  const many = new LiveFloors(deps, {
    floorIdleMillis: 3_600_000,
    idleFloors: 1,
    idleFloorCharacters: 1e9,
    floorSweepMillis: 10,
  })
  const held = await Promise.all(ids.map((id) => many.hold(id)))
  expect([many.figures.floors, many.figures.idle, hub.figures.rooms]).toEqual([4, 0, 4])
  for (const { release } of held.slice(1)) release()
  await expect.poll(() => [many.figures.floors, many.figures.idle, hub.figures.rooms]).toEqual([2, 1, 2])
  many.close()
  expect([many.figures.floors, hub.figures.rooms]).toEqual([0, 0])

  const soon = new LiveFloors(deps, {
    floorIdleMillis: 20,
    idleFloors: 100,
    idleFloorCharacters: 1e9,
    floorSweepMillis: 10,
  })
  const { release } = await soon.hold(ids[0]!)
  const stays = await soon.hold(ids[1]!)
  release()
  await expect.poll(() => [soon.figures.floors, soon.figures.idle, hub.figures.rooms]).toEqual([1, 0, 1])
  stays.release()
  await expect.poll(() => [soon.figures, hub.figures.rooms]).toEqual([{ floors: 0, idle: 0, characters: 0 }, 0])
  soon.close()
  hub.close()
})

/** Floors whose time is the test's. */
async function timed(idle: Partial<IdleLimits>) {
  const hub = new Hub(database.db, log, 2_000_000_000)
  vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] })
  const deps = { db: database.db, hub, clock: systemClock(), log, kinds: [guestsOnFloor], historyDays: 7 }
  const times = { floorIdleMillis: 1_000, idleFloors: 100, idleFloorCharacters: 1e9, floorSweepMillis: 11 }
  const floors = new LiveFloors(deps, { ...times, ...idle })
  const close = () => {
    floors.close()
    vi.useRealTimers()
    hub.close()
  }
  return { hub, floors, pass: (millis: number) => void vi.advanceTimersByTime(millis), close }
}

test('W9: a floor is one for all who hold it, and stays until the last of them has let it go, however often', async () => {
  const [id] = (await restaurants(1)) as [string]
  const { hub, floors, pass, close } = await timed({})
  const [one, two] = await Promise.all([floors.hold(id), floors.hold(id)])
  expect(one.live).toBe(two.live)
  for (let times = 0; times < 3; times++) one.release()
  pass(5_000)
  expect(floors.figures).toMatchObject({ floors: 1, idle: 0 })
  two.release()
  expect(floors.figures).toMatchObject({ floors: 1, idle: 1 })
  const again = await floors.hold(id)
  expect(again.live).toBe(one.live)
  again.release()
  pass(990)
  expect(floors.now(id)).toBe(one.live)
  pass(30)
  expect([floors.has(id), floors.now(id), hub.figures.rooms]).toEqual([false, null, 0])
  // Of what is not there nothing is kept.
  floors.touch(id)
  expect(floors.figures).toEqual({ floors: 0, idle: 0, characters: 0 })
  close()
})

test('W9: a floor is kept for its time after it was held or used last; those that are held are kept whatever their age', async () => {
  const [used, unused, held] = (await restaurants(3)) as [string, string, string]
  const { floors, pass, close } = await timed({})
  for (const id of [used, unused]) (await floors.hold(id)).release()
  const { release } = await floors.hold(held)
  pass(700)
  floors.touch(used)
  pass(700)
  expect([used, unused, held].map((id) => floors.has(id))).toEqual([true, false, true])
  release()
  pass(400)
  expect([used, held].map((id) => floors.has(id))).toEqual([false, true])
  close()
})

test('W9: of floors that nobody holds those go first that were used longest ago, until their characters fit', async () => {
  const owners = await Promise.all(Array.from({ length: 4 }, () => newOwner(database.db)))
  for (const owner of owners) await walkIn(owner)
  const ids = owners.map(({ restaurantId }) => restaurantId)
  const first = await timed({})
  const { release, live } = await first.floors.hold(ids[0]!)
  const { characters } = live.floor
  expect(characters).toBeGreaterThan(100)
  expect(first.floors.figures).toEqual({ floors: 1, idle: 0, characters })
  release()
  first.close()

  for (const idle of [{ idleFloorCharacters: 2 * characters + 9 }, { idleFloors: 2 }]) {
    const { floors, pass, close } = await timed(idle)
    for (const id of ids) {
      ;(await floors.hold(id)).release()
      vi.advanceTimersByTime(1)
    }
    floors.touch(ids[0]!)
    pass(11)
    expect(ids.map((id) => floors.has(id))).toEqual([true, false, false, true])
    expect(floors.figures).toEqual({ floors: 2, idle: 2, characters: 2 * characters })
    close()
  }
})

test('N5: whoever needs a change waits until the floor has come to it', async () => {
  const owner = await newOwner(database.db)
  const hub = new Hub(database.db, log, 2_000_000_000)
  const deps = { db: database.db, hub, clock: systemClock(), log, kinds: [guestsOnFloor], historyDays: 7 }
  const live = new LiveFloor(owner.restaurantId, deps, () => undefined)
  await live.open()
  await walkIn(owner)
  await live.reach(1)
  expect([live.floor.standing.seq, live.floor.size]).toEqual([1, 1])
  await live.reach(0)
  await expect(live.reach(2)).rejects.toMatchObject({ code: 'ahead-of-log' })
  live.close()
  hub.close()
})
