import { setTimeout as sleep } from 'node:timers/promises'
import { StreamDevice } from '../test/process/device.ts'

/** The devices of bench/storm.ts, in a process of their own. */

/** What they are asked: to connect, so many of each restaurant; or to be cut off together and come back. */
export type Order = { readonly base: string; readonly houses: readonly House[]; readonly each: number } | 'cut'

export interface House {
  readonly restaurantId: string
  readonly token: string
}

/** After how many milliseconds the devices were back, in order, and how many of them were sent the whole floor. */
export interface Back {
  readonly millis: readonly number[]
  readonly snapshots: number
}

const PATIENCE_MILLIS = 120_000
const all: StreamDevice[] = []

async function untilLive(): Promise<void> {
  const end = performance.now() + PATIENCE_MILLIS
  while (!all.every((device) => device.live)) {
    if (performance.now() > end) throw new Error(`${all.filter((one) => !one.live).length} devices are not back`)
    await sleep(5)
  }
}

const snapshots = (): number => all.reduce((sum, { counts }) => sum + counts.snapshots, 0)

async function obey(order: Order): Promise<Back> {
  if (order !== 'cut') {
    for (const { restaurantId, token } of order.houses)
      for (let n = 0; n < order.each; n++) {
        all.push(new StreamDevice({ bases: () => [order.base], restaurantId, token }).start())
        // The first time nobody hurries.
        if (all.length % 20 === 0) await untilLive()
      }
    await untilLive()
    return { millis: [], snapshots: snapshots() }
  }
  const [before, from] = [snapshots(), performance.now()]
  for (const device of all) {
    device.live = false
    device.drop()
  }
  await untilLive()
  const millis = all.map(({ liveAt }) => liveAt - from).sort((a, b) => a - b)
  return { millis, snapshots: snapshots() - before }
}

process.on('message', (order: Order) => void obey(order).then((back) => process.send!(back)))
process.on('disconnect', () => process.exit(0))
