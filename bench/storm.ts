import { setTimeout as sleep } from 'node:timers/promises'
import { by } from './effort.ts'
import { layOut, median } from './figures.ts'
import { Process } from './process.ts'
import { furnish, startOurs } from './read-floor.ts'
import { atMost, row } from './report.ts'
import { percentile } from './socket-runs.ts'
import type { Back, House, Order } from './storm-devices.ts'

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
  readonly house: House
  write(): Promise<void>
}

async function openHouse(base: string, n: number): Promise<Writer> {
  const { restaurantId, token, path, waiting } = await furnish(base, { name: `${n}`, tables: 0, guests: 30 })
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
  let turn = 0
  return {
    house: { restaurantId, token },
    async write() {
      const guest = `${base}${path}/guests/${waiting[turn % waiting.length]!}`
      const answer = await fetch(guest, { method: 'PUT', headers, body: JSON.stringify({ notes: `note ${turn++}` }) })
      if (!answer.ok) throw new Error(`a write: ${answer.status} ${await answer.text()}`)
      await answer.arrayBuffer()
    },
  }
}

/** Writes at fixed moments until it is stopped; a write that waits for the one before counts from its moment on. */
function writing(writer: Writer): { stop(): Promise<number[]> } {
  const took: number[] = []
  const began = performance.now()
  const now = { isOver: false }
  const done = (async () => {
    for (let n = 0; !now.isOver; n++) {
      const due = began + (n * 1000) / PER_SECOND
      if (due > performance.now()) await sleep(due - performance.now())
      await writer.write()
      took.push(performance.now() - due)
    }
  })()
  return {
    async stop() {
      now.isOver = true
      await done
      return took
    },
  }
}

const ms = (value: number): string => `${value.toFixed(value < 100 ? 1 : 0)} ms`

async function main(): Promise<void> {
  const server = await startOurs()
  const devices = Process.start('storm-devices')
  try {
    const writers: Writer[] = []
    for (let n = 0; n < HOUSES; n++) writers.push(await openHouse(server.base, n))
    const other = await openHouse(server.base, HOUSES)
    const houses = writers.map(({ house }) => house)
    await devices.ask<Back>({ base: server.base, houses, each: EACH } satisfies Order)
    const [calm, storm, last, middle]: [number[], number[], number[], number[]] = [[], [], [], []]
    let snapshots = 0
    for (let round = 0; round < ROUNDS; round++) {
      const before = writing(other)
      await sleep(CALM_MILLIS)
      calm.push(...(await before.stop()))
      const during = writing(other)
      const back = devices.ask<Back>('cut' satisfies Order)
      // What they miss.
      for (const writer of writers) await writer.write()
      const { millis, snapshots: whole } = await back
      await sleep(AFTER_MILLIS)
      storm.push(...(await during.stop()))
      snapshots += whole
      last.push(millis.at(-1)!)
      middle.push(median(millis))
    }
    const [p99, stormP99] = [percentile(calm, 99), percentile(storm, 99)]
    const count = `${HOUSES * EACH} devices cut off at once`
    row(`${count}, the last is back`, ms(median(last)), ms(BACK_MILLIS), median(last) / BACK_MILLIS, atMost(1))
    row(`${count}, another restaurant's writes, p99`, ms(stormP99), ms(p99), stormP99 / p99, atMost(1.2))
    const figures = [
      ['what', 'median', 'worst'],
      ['a device is back', ms(median(middle)), ms(Math.max(...middle))],
      ['the last one', ms(median(last)), ms(Math.max(...last))],
      ['writes p50, calm, storm', ms(percentile(calm, 50)), ms(percentile(storm, 50))],
      ['writes p99, calm, storm', ms(p99), ms(stormP99)],
    ]
    process.stdout.write(`${layOut(figures)}\n${snapshots} of them were sent the whole floor\n`)
  } finally {
    await devices.end()
    await server.close()
  }
}

await main()
