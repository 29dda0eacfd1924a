import { Agent, request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { register, type Answer, type Restaurant } from '../kit.ts'
import { StreamDevice } from './device.ts'
import { expectHeld } from './held.ts'
import { openFloor, write, type Floor } from './load.ts'
import { expectAcknowledged, expectWhole } from './oracle.ts'
import { familyOf, until } from './processes.ts'
import { steadyPort } from './ports.ts'
import { needsRedis, startRedis } from './redis.ts'
import { cleanUp, cleanUpAll, embeddedUrl, folder, startServer, type ServerProcess } from './server.ts'
import { answers } from './writers.ts'
import { upTo } from '../patience.ts'
import { randomFrom } from '../random.ts'

/** Rolling restarts under load: nobody's request fails, no device begins anew. A short form in every run; ROLLS=10 is the long one. */

const rolls = Number(process.env['ROLLS'] ?? 1)
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const ROLL_MILLIS = 60_000
const WRITERS = 12
const READERS = 4
const STREAMS = 40
const IPADS = 10
/** Writes that must be answered after the last roll. */
const WRITES_AFTER = 50

afterEach(cleanUpAll)

/** A restaurant whose calls go over connections of node:http that stay open; those of kit.ts go over undici's. */
function byAgent(base: string, restaurant: Restaurant, agent: Agent): Restaurant {
  const call = (method: string, path: string, body: unknown, headers: Record<string, string> = {}) =>
    new Promise<Answer>((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body)
      const all = {
        ...headers,
        authorization: `Bearer ${restaurant.token}`,
        ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      }
      const request = httpRequest(base + path, { method, agent, headers: all }, (response) => {
        let heard = ''
        response.setEncoding('utf8').on('data', (piece: string) => (heard += piece))
        response.on('error', reject)
        response.on('end', () => {
          const isJson = /json/.test(response.headers['content-type'] ?? '') && heard !== ''
          const headers = new Headers(Object.entries(response.headers).map(([k, v]) => [k, String(v)]))
          resolve({ status: response.statusCode!, headers, text: heard, body: isJson ? JSON.parse(heard) : heard })
        })
      })
      request.on('error', reject)
      request.end(text)
    })
  return {
    ...restaurant,
    call: (method, path, body) => call(method, `/restaurants/${restaurant.id}${path}`, body),
    v2: (method, path, body, headers) => call(method, `/v2/restaurants/${restaurant.id}${path}`, body, headers),
  }
}

/** The processes that serve. */
async function workersOf({ pid }: ServerProcess): Promise<number[]> {
  const family = await familyOf(pid)
  return family.filter((each) => each.parent === pid && each.program !== 'postgres').map((each) => each.pid)
}

/** SIGHUP, until each process that served is gone and as many new ones serve. */
async function roll(server: ServerProcess): Promise<void> {
  const before = await workersOf(server)
  server.child.kill('SIGHUP')
  await until(async () => {
    const now = await workersOf(server)
    return now.length === before.length && now.every((pid) => !before.includes(pid))
  }, ROLL_MILLIS)
}

/** Reads now and then, so that connections are idle when a process leaves. What failed is told. */
async function read(restaurant: Restaurant, random: () => number, stopped: () => boolean, failures: string[]) {
  let reads = 0
  while (!stopped()) {
    try {
      const { status, text } = await restaurant.v2('GET', random() < 0.5 ? '/tables' : '/snapshot')
      reads++
      if (status >= 500) failures.push(`read: ${status} ${text}`)
    } catch (error) {
      failures.push(`read: ${describe(error)}`)
    }
    await sleep(random() * 3_000)
  }
  return reads
}

function describe(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? `${message}: ${cause.message}` : message
}

/** A device on the iPad's socket that comes back at once, and remembers how it was closed. */
async function ipad(restaurant: Restaurant, stopped: () => boolean, closes: number[], failures: string[]) {
  while (!stopped()) {
    try {
      const device = await restaurant.device()
      cleanUp(async () => device.ws.terminate())
      const code = await device.closed
      if (!stopped()) closes.push(code)
    } catch (error) {
      failures.push(`iPad: ${describe(error)}`)
      return
    }
  }
}

async function rollUnderLoad(env: Record<string, string>, rolls: number): Promise<void> {
  const random = randomFrom(seed)
  const dataDir = join(await folder(), 'data')
  const server = await startServer({
    ...env,
    QTABLE_DATA: dataDir,
    PORT: `${await steadyPort()}`,
    WEB_CONCURRENCY: '2',
  })
  const floors: Floor[] = []
  for (const name of ['Cedar', 'Maple']) floors.push(await openFloor(await register(server.base, name), 6))
  const agents = Array.from({ length: WRITERS + READERS }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
  cleanUp(async () => agents.forEach((agent) => agent.destroy()))
  const of = (n: number): Restaurant => {
    const { restaurant } = floors[n % 2]!
    return n % 4 < 2 ? byAgent(server.base, restaurant, agents[n]!) : restaurant
  }
  const devices = Array.from({ length: STREAMS }, (_, n) => {
    const { id, token } = floors[n % 2]!.restaurant
    return new StreamDevice({ bases: () => [server.base], restaurantId: id, token, random }).start()
  })
  cleanUp(async () => devices.forEach((device) => device.stop()))
  await until(() => devices.every(({ live }) => live))

  let stopped = false
  const [failures, closes]: [string[], number[]] = [[], []]
  const isStopped = () => stopped
  // Guests and what was sent are the floor's; only the way is another.
  const writers = Array.from({ length: WRITERS }, (_, n) =>
    write({ ...floors[n % 2]!, restaurant: of(n) }, random, isStopped),
  )
  const readers = Array.from({ length: READERS }, (_, n) => read(of(n), random, isStopped, failures))
  const ipads = Array.from({ length: IPADS }, (_, n) => ipad(floors[n % 2]!.restaurant, isStopped, closes, failures))
  const began = performance.now()
  for (let n = 0; n < rolls; n++) await roll(server)
  const seconds = Math.round((performance.now() - began) / 100) / 10
  await answers(floors, WRITES_AFTER)
  stopped = true
  await Promise.all(writers)
  const reads = (await Promise.all(readers)).reduce((sum, each) => sum + each, 0)
  for (const { sent } of floors)
    for (const { api, method, path, answer, fault } of sent)
      if (answer === null || answer.status >= 500)
        failures.push(`${api} ${method} ${path}: ${answer ? `${answer.status} ${answer.text}` : describe(fault)}`)
  const writes = floors.reduce((sum, { sent }) => sum + sent.length, 0)
  // A device waits as long as it was told to before it comes back: the last ones may do so after the roll.
  await until(() => devices.every(({ live }) => live))
  const resumes = devices.reduce((sum, { counts }) => sum + counts.resumes, 0)
  const figures = { rolls, seconds, writes, reads, failures: failures.length, resumes, ipadCloses: closes.length, seed }
  console.log(JSON.stringify(figures))
  expect(failures).toEqual([])
  const url = await embeddedUrl(dataDir)
  for (const [n, floor] of floors.entries()) {
    await expectAcknowledged(url, floor)
    await expectWhole(url, floor.restaurant)
    const mine = devices.filter((_, each) => each % 2 === n)
    await expectHeld(floor.restaurant, mine)
  }
  // Each of them was on a process that left, once in a roll at least.
  for (const { closes } of devices) expect(Object.keys(closes)).toEqual(['1001'])
  expect(resumes).toBeGreaterThanOrEqual(rolls * STREAMS)
  expect(new Set(closes)).toEqual(new Set([1001]))
  expect(closes.length).toBeGreaterThanOrEqual(rolls * IPADS)
  expect((await server.end('SIGTERM')).code).toBe(0)
  await Promise.all(ipads)
}

test(
  `H4: ${rolls} rolling restarts under load fail nobody's request and lose nothing (seed ${seed})`,
  { timeout: upTo(60_000 + rolls * ROLL_MILLIS) },
  () => rollUnderLoad({}, rolls),
)

test(`H4: the same beside Redis (seed ${seed})`, { timeout: upTo(60_000 + rolls * ROLL_MILLIS) }, async (context) => {
  needsRedis(context)
  const redis = await startRedis()
  await rollUnderLoad({ REDIS_URL: redis.url }, Math.ceil(rolls / 2))
})
