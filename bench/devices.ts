import { setTimeout as sleep } from 'node:timers/promises'
import { StreamDevice } from '../test/process/device.ts'

/** The devices of storm.ts and resume.ts, in a process of their own. */

/** A restaurant on a server, and a token for it. */
export interface At {
  readonly base: string
  readonly restaurantId: string
  readonly token: string
}

/** Where a device stands in a log. */
export interface Place {
  readonly epoch: string
  readonly seq: number
  readonly at: string
  readonly horizon: string
}

/**
 * What they are asked. `connect`: so many of each restaurant. `cut`: they are cut off together and come back. `resume`: one
 * that stands somewhere hears all until `head`.
 */
export type Order =
  | { readonly what: 'connect'; readonly houses: readonly At[]; readonly each: number }
  | { readonly what: 'cut' }
  | ({ readonly what: 'resume'; readonly place: Place; readonly head: number } & At)

/** After how many milliseconds they were back, in order, and how many of them were sent the whole floor. */
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

async function connect(houses: readonly At[], each: number): Promise<Back> {
  for (const { base, restaurantId, token } of houses)
    for (let n = 0; n < each; n++) {
      all.push(new StreamDevice({ bases: () => [base], restaurantId, token }).start())
      // The first time nobody hurries.
      if (all.length % 20 === 0) await untilLive()
    }
  await untilLive()
  return { millis: [], snapshots: snapshots() }
}

async function cut(): Promise<Back> {
  const [before, from] = [snapshots(), performance.now()]
  for (const device of all) {
    device.live = false
    device.drop()
  }
  await untilLive()
  const millis = all.map(({ liveAt }) => liveAt - from).sort((a, b) => a - b)
  return { millis, snapshots: snapshots() - before }
}

/** From its hello to the last change applied. */
function resume({ base, restaurantId, token, place, head }: Order & { what: 'resume' }): Promise<Back> {
  return new Promise((resolve) => {
    const onChange = ({ seq }: { readonly seq: number }) => {
      if (seq < head) return
      const millis = performance.now() - device.helloAt
      const { changes, twice, gaps, snapshots } = device.counts
      device.stop()
      if (changes !== head - place.seq || twice + gaps > 0) throw new Error(`resumed wrongly: ${changes} changes`)
      resolve({ millis: [millis], snapshots })
    }
    const device = new StreamDevice({ bases: () => [base], restaurantId, token, onChange })
    Object.assign(device, place)
    device.start()
  })
}

const obey = (order: Order): Promise<Back> =>
  order.what === 'resume' ? resume(order) : order.what === 'cut' ? cut() : connect(order.houses, order.each)

process.on('message', (order: Order) => void obey(order).then((back) => process.send!(back)))
process.on('disconnect', () => process.exit(0))
