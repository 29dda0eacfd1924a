import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { openDatabase, register, type Restaurant } from '../kit.ts'
import { startAppProcess } from './app-figures.ts'
import { StreamDevice } from './device.ts'
import { cleanUp, cleanUpAll } from './server.ts'
import { upTo, within } from '../patience.ts'

/** Sockets that stop reading while their restaurant is busy. A short form in every run; STALLED_WINDOWS=10 is the long one. */

const windows = Number(process.env['STALLED_WINDOWS'] ?? 1)
const STALLED = 100
const READING = 5
const WRITERS = 4
const NOTE_CHARACTERS = 8_000
const CLOSED_MILLIS = within(10_000)
// A megabyte, a second until it is dropped, and what the buffers of both ends of a connection take before the server feels anything.
const CLOSED_BYTES = 8_000_000
const WINDOW_MILLIS = 5_000
const NOISE_MILLIS = 3

afterEach(cleanUpAll)

const percentile = (values: readonly number[], of: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * of) / 100))] ?? 0
}
const median = (values: readonly number[]): number => percentile(values, 50)
const rounded = (values: readonly number[]): number[] => values.map((value) => Math.round(value * 10) / 10)

/** Where so many sockets are, half of them of each kind. */
const addressesOf = (base: string, { id }: Restaurant): string[] =>
  Array.from({ length: STALLED }, (_, n) => {
    const path = n % 2 ? `/v2/restaurants/${id}/stream` : `/realtime?restaurant_id=${id}`
    return base.replace(/^http/, 'ws') + path
  })

/** So many sockets in a process of their own, which read or stop reading. Call the result to end them. */
async function openSockets(
  manner: 'read' | 'stall',
  base: string,
  restaurant: Restaurant,
): Promise<() => Promise<unknown>> {
  const program = fileURLToPath(new URL('socket-process.ts', import.meta.url))
  const child = fork(program, [manner, restaurant.token, ...addressesOf(base, restaurant)], {
    execArgv: ['--import', 'tsx'],
    env: { PATH: '/usr/bin:/bin' },
  })
  const gone = once(child, 'exit')
  const end = async () => {
    child.kill('SIGKILL')
    await gone
  }
  cleanUp(end)
  const ended = gone.then(() => {
    throw new Error('the sockets ended')
  })
  ended.catch(() => undefined)
  await Promise.race([once(child, 'message'), ended])
  return end
}

test(
  `W5: ${STALLED} sockets that stop reading are closed in time, leave no memory behind and slow nobody (${windows} times)`,
  { timeout: upTo(60_000 + windows * 40_000) },
  async () => {
    const database = await openDatabase()
    cleanUp(() => database.close())
    const app = await startAppProcess({ DATABASE_URL: database.url })
    const restaurant = await register(app.base)
    const guests: string[] = []
    for (let n = 0; n < 10; n++) guests.push(await restaurant.walkIn(`G${n}`))

    // Delivery: from the time that the server gave a change to the moment a device has it.
    let times: number[] = []
    const onChange = ({ at }: { at: string }) =>
      times.push(performance.timeOrigin + performance.now() - (Date.parse(at) + Number(at.slice(23, 26)) / 1000))
    const devices = Array.from({ length: READING }, () => {
      const { id, token } = restaurant
      return new StreamDevice({ bases: () => [app.base], restaurantId: id, token, onChange }).start()
    })
    cleanUp(async () => devices.forEach((device) => device.stop()))
    for (let n = 0; n < READING; n++) await restaurant.device()
    const now = { stopped: false }
    let writes = 0
    const writer = async (mine: string) => {
      while (!now.stopped) {
        const notes = `${writes++} `.padEnd(NOTE_CHARACTERS, 'x')
        const { status } = await restaurant.v2('PATCH', `/guests/${mine}`, { notes })
        if (status !== 200) throw new Error(`a write was answered with ${status}`)
        await sleep(20)
      }
    }
    const writing = Promise.all(Array.from({ length: WRITERS }, (_, n) => writer(guests[n]!)))
    // It is awaited at the end; one that fails ends the wait for a busy restaurant that isn't any more.
    const failed = writing.then(() => new Promise<never>(() => undefined))
    failed.catch(() => undefined)
    await sleep(2_000)

    const socketsOf = async () => {
      const { stream, sockets } = await app.figures()
      return stream.sockets + sockets.sockets
    }
    /** A window with sockets that stop reading. How long after that the last of them was closed, and delivery until then, in milliseconds. */
    const stall = async (): Promise<{ millis: number; bytes: number; p99: number }> => {
      const end = await openSockets('stall', app.base, restaurant)
      const [began, first] = [performance.now(), writes]
      times = []
      while ((await Promise.race([socketsOf(), failed])) > 2 * READING && performance.now() - began < 3 * CLOSED_MILLIS)
        await sleep(100)
      const millis = performance.now() - began
      const bytes = (writes - first) * NOTE_CHARACTERS
      // Before they end: the system then frees some hundred megabytes of its own, which every socket of a test's machine feels.
      const p99 = percentile(times, 99)
      await end()
      return { millis, bytes, p99 }
    }
    /** A window with as many sockets that read: what is sent to them costs too. */
    const readAlong = async (): Promise<number> => {
      const end = await openSockets('read', app.base, restaurant)
      times = []
      await sleep(WINDOW_MILLIS)
      const p99 = percentile(times, 99)
      await end()
      return p99
    }
    const [alone, reading, stalledP99]: [number[], number[], number[]] = [[], [], []]
    const [closed, told]: [number[], number[]] = [[], []]
    const memory: [number, number][] = []
    await stall() // warms up
    for (let n = 0; n < windows; n++) {
      reading.push(await readAlong())
      await sleep(1_500)
      const before = await app.collected()
      times = []
      await sleep(WINDOW_MILLIS / 2)
      alone.push(percentile(times, 99))
      const { millis, bytes, p99 } = await stall()
      closed.push(millis)
      told.push(bytes)
      expect(millis < CLOSED_MILLIS || bytes < CLOSED_BYTES, `closed after ${millis} ms and ${bytes} bytes`).toBe(true)
      stalledP99.push(p99)
      await sleep(1_500)
      const after = await app.collected()
      memory.push([after.heldBytes / before.heldBytes, after.rssBytes / before.rssBytes])
    }
    now.stopped = true
    await writing
    const figures = {
      windows,
      writes,
      lastClosedMillis: rounded(closed),
      toldMB: rounded(told.map((bytes) => bytes / 1e6)),
      p99Millis: { alone: rounded(alone), besideReaders: rounded(reading), besideStalled: rounded(stalledP99) },
      held: memory.map(([held]) => Math.round(held * 1000) / 1000),
      rss: memory.map(([, rss]) => Math.round(rss * 1000) / 1000),
    }
    console.log(JSON.stringify(figures))
    for (const [held, rss] of memory) {
      expect(held).toBeLessThan(1.05)
      expect(rss).toBeLessThan(1.05)
    }
    // One window says nothing: other processes of the machine weigh more. Of many the median does, where the machine is quiet enough.
    if (windows >= 5) expect(median(stalledP99)).toBeLessThan(median(reading) * 1.1 + NOISE_MILLIS)
    for (const { counts } of devices) expect(counts).toMatchObject({ twice: 0, gaps: 0, snapshots: 1, connects: 1 })
  },
)
