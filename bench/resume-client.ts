import { StreamDevice } from '../test/process/device.ts'

/** The device of bench/resume.ts, a process of its own: told where it stands it connects, and says how long it took from its hello to the last change. */

/** What it is told. */
export interface Order {
  readonly base: string
  readonly restaurantId: string
  readonly token: string
  readonly place: { readonly epoch: string; readonly seq: number; readonly at: string; readonly horizon: string }
  readonly head: number
}

/** What it says: milliseconds, or what went wrong. */
export type Took = { readonly millis: number } | { readonly wrong: string }

process.on('message', ({ base, restaurantId, token, place, head }: Order) => {
  const device = new StreamDevice({
    bases: () => [base],
    restaurantId,
    token,
    onChange: ({ seq }) => {
      if (seq < head) return
      const millis = performance.now() - device.helloAt
      const { counts } = device
      device.stop()
      const isWhole = counts.changes === head - place.seq && counts.twice + counts.gaps + counts.snapshots === 0
      process.send!((isWhole ? { millis } : { wrong: JSON.stringify(counts) }) satisfies Took)
    },
  })
  Object.assign(device, place)
  device.start()
})
