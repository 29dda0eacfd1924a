import { setTimeout as sleep } from 'node:timers/promises'
import { Connection, requestOf } from './connection.ts'
import type { At, Back, Order } from './devices.ts'
import { drive, median, percentile } from './figures.ts'
import { Process } from './process.ts'
import { furnish, startServer } from './served.ts'
import { atMost, by, row, say } from './report.ts'

/**
 * A storm: a network cuts off 1,000 devices of twenty restaurants in one moment, and they come back as fast as they can,
 * having missed a few changes. How long until the last is back, and what another restaurant's writes take meanwhile.
 * The server as `npm start` runs it; devices, server and database share the machine. About two minutes.
 */

const HOUSES = by({ full: 20, quick: 20, short: 2 })
const EACH = by({ full: 50, quick: 50, short: 5 })
const ROUNDS = by({ full: 10, quick: 5, short: 1 })
const BACK_MILLIS = 10_000
/** Writes of the other restaurant. */
const PER_SECOND = 50
/** How long nothing happens before each storm: what it is compared with. */
const CALM_MILLIS = by({ full: 6_000, quick: 5_000, short: 1_000 })
/** What a storm leaves to do (sweeps, garbage) is part of it. */
const AFTER_MILLIS = 1_000

interface Writer {
  readonly at: At
  readonly write: () => Promise<void>
  close(): void
}

async function openHouse(base: string, n: number): Promise<Writer> {
  const { restaurantId, token, waiting } = await furnish(base, { name: `${n}`, tables: 0, guests: 30 })
  const connection = new Connection(Number(new URL(base).port))
  let turn = 0
  return {
    at: { base, restaurantId, token },
    async write() {
      const guest = `/restaurants/${restaurantId}/guests/${waiting[turn % waiting.length]!}`
      const status = await connection.ask(requestOf('PUT', guest, token, { notes: `note ${turn++}` }))
      if (status !== 200) throw new Error(`a write: ${status}`)
    },
    close: () => connection.close(),
  }
}

const ms = (value: number): string => `${value.toFixed(value < 100 ? 1 : 0)} ms`

const server = await startServer()
const devices = Process.start('devices')
const writers: Writer[] = []
try {
  for (let n = 0; n <= HOUSES; n++) writers.push(await openHouse(server.base, n))
  const [other, ...hit] = writers as [Writer, ...Writer[]]
  await devices.ask<Back>({ what: 'connect', houses: hit.map(({ at }) => at), each: EACH } satisfies Order)
  const [calm, storm, last]: [number[], number[], number[]] = [[], [], []]
  let snapshots = 0
  for (let round = 0; round < ROUNDS; round++) {
    // At fixed moments: a write that waits for the one before counts from its moment on.
    calm.push(...(await drive((CALM_MILLIS / 1_000) * PER_SECOND, 1, other.write, PER_SECOND)).took)
    let isOver = false
    const during = drive(() => !isOver, 1, other.write, PER_SECOND)
    const back = devices.ask<Back>({ what: 'cut' } satisfies Order)
    // What they miss.
    for (const writer of hit) await writer.write()
    const { millis, snapshots: whole } = await back
    await sleep(AFTER_MILLIS)
    isOver = true
    storm.push(...(await during).took)
    snapshots += whole
    last.push(millis.at(-1)!)
  }
  const [p99, stormP99] = [percentile(calm, 99), percentile(storm, 99)]
  const count = `${HOUSES * EACH} devices cut off at once`
  row(`${count}, the last is back`, ms(median(last)), ms(BACK_MILLIS), median(last) / BACK_MILLIS, atMost(1))
  row(`${count}, another restaurant's writes, p99`, ms(stormP99), ms(p99), stormP99 / p99, atMost(1.2))
  say(`${snapshots} of them were sent the whole floor`)
} finally {
  for (const writer of writers) writer.close()
  await devices.end()
  await server.close()
}
