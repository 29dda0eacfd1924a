import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type Restaurant, type TestApp } from '../../../test/kit.ts'
import { StreamDevice } from '../../../test/process/device.ts'
import { randomFrom } from '../../../test/random.ts'
import { missChanges } from '../../../test/process/missed.ts'
import { until } from '../../../test/process/processes.ts'
import { limits } from '../../platform/limits.ts'
import { upTo, within } from '../../../test/patience.ts'

/** Devices that missed much, and devices whose state went wrong. How long a resume takes is for bench/resume.ts; here it is printed. */

const MISSED = 10_000
const GUESTS = 50
const RESUMES = 5
// The long form: CORRUPTED=100.
const corrupted = Number(process.env['CORRUPTED'] ?? 5)
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

let app: TestApp

beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

/** Devices of a restaurant that are up to date; they find no server while `gate` is shut. */
async function open(count: number, base: () => string | null, { id, token }: Restaurant): Promise<StreamDevice[]> {
  const random = randomFrom(seed)
  const bases = () => [base()].filter((each) => each !== null)
  const devices = Array.from({ length: count }, () =>
    new StreamDevice({ bases, restaurantId: id, token, random }).start(),
  )
  await until(() => devices.every(({ live }) => live))
  return devices
}

test(
  `F1: ${MISSED} missed changes are resumed, each once and in order, and the floor is whole (seed ${seed})`,
  { timeout: upTo(120_000) },
  async () => {
    const before = await startApp({}, { database: app.database })
    const restaurant = await before.restaurant()
    for (let n = 0; n < GUESTS; n++) await restaurant.walkIn(`G${n}`)
    const allowed = new Map<StreamDevice, string>()
    const devices: StreamDevice[] = []
    for (let n = 0; n < RESUMES; n++) {
      const base = () => (devices[n] ? (allowed.get(devices[n]!) ?? null) : before.base)
      devices.push(...(await open(1, base, restaurant)))
    }
    await before.close()
    await until(() => devices.every(({ live }) => !live))
    // A restaurant of the process that never held this floor: `missChanges` asks it for nothing but where it stands.
    const here = { ...restaurant, v2: v2At(app, restaurant) }
    const head = await missChanges(app.database.url, here, MISSED)

    const took: number[] = []
    for (const device of devices) {
      allowed.set(device, app.base)
      while (device.seq < head) await new Promise((resolve) => setImmediate(resolve))
      took.push(Math.round(performance.now() - device.helloAt))
    }
    const { body } = await here.v2('GET', '/snapshot', undefined, { 'min-seq': `${head}` })
    for (const device of devices) {
      expect(device.counts).toMatchObject({ twice: 0, gaps: 0, snapshots: 1, resumes: 1, changes: MISSED })
      expect([device.seq, device.hash]).toEqual([head, body.hash])
      device.stop()
    }
    const median = took.toSorted((a, b) => a - b)[Math.floor(took.length / 2)]!
    process.stdout.write(`resume: ${MISSED} changes in ms ${took.join(', ')}; median ${median} (seed ${seed})\n`)
    expect(median).toBeLessThan(within(5_000))
  },
)

const v2At =
  (at: TestApp, { id, token }: Restaurant): Restaurant['v2'] =>
  (method, path, body, headers) =>
    at.call(method, `/v2/restaurants/${id}${path}`, body, { authorization: `Bearer ${token}`, ...headers })

test(
  `F3: ${corrupted} of ${corrupted} devices whose state is spoiled find it at the next heartbeat and repair it (seed ${seed})`,
  { timeout: upTo(60_000) },
  async () => {
    const restaurant = await app.restaurant()
    for (let n = 0; n < GUESTS; n++) await restaurant.walkIn(`G${n}`)
    const devices = await open(corrupted, () => app.base, restaurant)
    // The next heartbeat is one that comes after the harm.
    await until(() => devices.every(({ counts }) => counts.hashes > 0))
    const { body } = await restaurant.v2('GET', '/snapshot')
    expect(new Set(devices.map(({ hash }) => hash))).toEqual(new Set([body.hash]))
    const checked = devices.map((device) => {
      device.corrupt()
      expect(device.hash).not.toBe(body.hash)
      return device.counts.hashes
    })
    const began = performance.now()
    await until(() => devices.every(({ counts }) => counts.snapshots === 2), 2 * limits.streamBeatMillis)
    const took = Math.round(performance.now() - began)
    for (const [n, { counts, hash }] of devices.entries()) {
      expect(hash).toBe(body.hash)
      expect(counts).toMatchObject({ wrongHashes: 1, hashes: checked[n]! + 1, twice: 0, gaps: 0, connects: 1 })
    }
    process.stdout.write(`corrupted: ${corrupted} of ${corrupted} repaired within ${took} ms (seed ${seed})\n`)
    // And they go on from there.
    await restaurant.walkIn('later')
    await until(() => devices.every(({ seq }) => seq === GUESTS + 1))
    for (const device of devices) device.stop()
  },
)
