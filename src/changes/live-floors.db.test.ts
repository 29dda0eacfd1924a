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
  // Meanwhile it begins anew once more: the second reading comes after the first, and nothing of either is told twice.
  await anew()
  await restaurant.walkIn('3')
  await expect.poll(() => hub.catchUp(restaurant.id, 3).then(() => true)).toBe(true)
  reads.shift()!()
  await reading()
  await restaurant.walkIn('4')
  await hub.catchUp(restaurant.id, 4)
  reads.shift()!()
  await expect.poll(() => heard).toEqual(['1', 'anew at 1', 'anew at 3', '4'])
  floors.close()
  hub.close()
})
