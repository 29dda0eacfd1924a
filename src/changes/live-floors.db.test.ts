import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../test/kit.ts'
import { until } from '../../test/process/processes.ts'
import { systemClock } from '../platform/clock.ts'
import { createLog } from '../platform/log.ts'
import { Hub } from './hub.ts'
import type { FloorKind } from './live-floor.ts'
import { LiveFloors } from './live-floors.ts'

let app: TestApp

beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

test('F2: whoever watches a floor is told that its log began anew before any change of the new log, however long the reading takes', async () => {
  const restaurant = await app.restaurant()
  const reads: (() => void)[] = []
  const slow: FloorKind = {
    kind: 'guest',
    read: async () => {
      await new Promise<void>((resolve) => reads.push(resolve))
      return []
    },
  }
  const log = createLog('silent')
  const hub = new Hub(app.database.db, log, 20)
  const floors = new LiveFloors({ db: app.database.db, hub, clock: systemClock(), log, kinds: [slow], historyDays: 7 })
  const reading = () => until(() => reads.length > 0)
  const opening = floors.hold(restaurant.id)
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
    app.database.sql('update qtable.heads set epoch = gen_random_uuid() where restaurant_id = $1', [restaurant.id])

  await restaurant.walkIn('1')
  await expect.poll(() => heard).toEqual(['1'])
  await anew()
  await reading()
  await restaurant.walkIn('2')
  await hub.catchUp(restaurant.id, 2)
  // Meanwhile it begins anew once more: what the first reading saw is told to nobody.
  await anew()
  await restaurant.walkIn('3')
  await expect.poll(() => hub.catchUp(restaurant.id, 3).then(() => true)).toBe(true)
  reads.shift()!()
  await reading()
  await restaurant.walkIn('4')
  await hub.catchUp(restaurant.id, 4)
  reads.shift()!()
  await expect.poll(() => heard).toEqual(['1', 'anew at 3', '4'])
  floors.close()
  hub.close()
})

test('L20: a floor that is opened in a new epoch before its hub knows of it begins anew for nobody', async () => {
  const restaurant = await app.restaurant()
  const log = createLog('silent')
  const hub = new Hub(app.database.db, log, 3_600_000)
  const floors = new LiveFloors({ db: app.database.db, hub, clock: systemClock(), log, kinds: [], historyDays: 7 })
  const resets: string[] = []
  await hub.subscribe(
    restaurant.id,
    () => undefined,
    () => void resets.push('the hub'),
  )
  await app.database.sql('update qtable.heads set epoch = gen_random_uuid() where restaurant_id = $1', [restaurant.id])
  const { live } = await floors.hold(restaurant.id)
  const heard: string[] = []
  live.watch({
    onChange: ({ seq }) => void heard.push(`${seq}`),
    onReset: () => void heard.push('anew'),
    onLost: () => void heard.push('lost'),
  })
  const { epoch } = live.floor.standing
  await hub.poll()
  await live.settled
  await restaurant.walkIn('1')
  await hub.catchUp(restaurant.id, 1)
  expect([resets, heard, live.floor.standing.epoch]).toEqual([['the hub'], ['1'], epoch])
  floors.close()
  hub.close()
})

test('W9: a floor that nobody holds is let go with its subscription, at once where there are too many; one that is held stays', async () => {
  const restaurants = [await app.restaurant(), await app.restaurant(), await app.restaurant(), await app.restaurant()]
  const log = createLog('silent')
  const hub = new Hub(app.database.db, log, 1_000)
  const deps = { db: app.database.db, hub, clock: systemClock(), log, kinds: [], historyDays: 7 }
  const many = new LiveFloors(deps, {
    floorIdleMillis: 3_600_000,
    idleFloors: 1,
    idleFloorCharacters: 1e9,
    floorSweepMillis: 10,
  })
  const held = await Promise.all(restaurants.map(({ id }) => many.hold(id)))
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
  const { release } = await soon.hold(restaurants[0]!.id)
  const stays = await soon.hold(restaurants[1]!.id)
  release()
  await expect.poll(() => [soon.figures.floors, soon.figures.idle, hub.figures.rooms]).toEqual([1, 0, 1])
  stays.release()
  await expect.poll(() => [soon.figures, hub.figures.rooms]).toEqual([{ floors: 0, idle: 0, characters: 0 }, 0])
  soon.close()
  hub.close()
})
