import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { openDatabase, register, request, type Restaurant } from '../kit.ts'
import { startAppProcess, type AppFigures } from './app-figures.ts'
import { openFloor, write, type Floor, type Sent } from './load.ts'
import { until } from './processes.ts'
import { needsRedis, startRedis, type RedisServer } from './redis.ts'
import { cleanUp, cleanUpAll } from './server.ts'
import { upTo } from '../patience.ts'
import { randomFrom } from '../random.ts'

/** Thousands of sockets come and go in every manner; at the end the process is as it was. A short form in every run; SOAK_MINUTES=20 is the long one. */

const minutes = Number(process.env['SOAK_MINUTES'] ?? 0)
const isLong = minutes > 0
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const soakMillis = isLong ? minutes * 60_000 : 10_000
// 20,000 in 20 minutes.
const visits = isLong ? minutes * 1_000 : 300
const RESTAURANTS = isLong ? 50 : 10
const WRITERS = 2
/** Idle floors are let go after a minute; a sweep later that is seen. */
const FLOORS_GONE_MILLIS = 80_000
/** How long somebody stays who says nothing more; beyond 21 s the server ends it itself. */
const HALF_OPEN_MILLIS = isLong ? 25_000 : 2_000
const KEPT_BYTES = 2_000_000

beforeEach((context) => needsRedis(context))
afterEach(cleanUpAll)

interface Surroundings {
  readonly base: string
  readonly restaurant: Restaurant
  readonly random: () => number
}

const socketAt = ({ base }: Surroundings, path: string, token?: string): WebSocket => {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const ws = new WebSocket(base.replace(/^http/, 'ws') + path, { perMessageDeflate: false, headers })
  return ws.on('error', () => undefined)
}

const streamOf = ({ restaurant }: Surroundings): string => `/v2/restaurants/${restaurant.id}/stream`
const realtimeOf = ({ restaurant }: Surroundings): string => `/realtime?restaurant_id=${restaurant.id}`

const closed = (ws: WebSocket): Promise<number> =>
  new Promise((resolve) => (ws.readyState === WebSocket.CLOSED ? resolve(0) : ws.once('close', resolve)))

async function opened(ws: WebSocket): Promise<WebSocket> {
  await new Promise<void>((resolve) => {
    ws.once('open', resolve)
    ws.once('close', () => resolve())
  })
  return ws
}

const hello = (ws: WebSocket, place: object = {}): void => {
  if (ws.readyState === WebSocket.OPEN) ws.send(JSON.stringify({ type: 'hello', ...place }))
}

/** Somebody comes, and goes. Resolves when they are gone. */
type Visit = (s: Surroundings) => Promise<unknown>

const VISITS: Readonly<Record<string, Visit>> = {
  async streamPolite(s) {
    const ws = await opened(socketAt(s, streamOf(s), s.restaurant.token))
    hello(ws)
    await sleep(s.random() * 1_500)
    ws.close()
    return closed(ws)
  },
  async streamResumes(s) {
    const { epoch, seq } = (await s.restaurant.v2('GET', '/snapshot')).body
    const ws = await opened(socketAt(s, streamOf(s)))
    hello(ws, { token: s.restaurant.token, epoch, since: Math.max(0, seq - Math.floor(s.random() * 20)) })
    await sleep(s.random() * 1_500)
    ws.terminate()
  },
  async streamAsksAgain(s) {
    const ws = await opened(socketAt(s, streamOf(s), s.restaurant.token))
    for (let n = 0; n < 3; n++) hello(ws)
    await sleep(s.random() * 30)
    ws.terminate()
  },
  async streamAtOnceGone(s) {
    const ws = socketAt(s, streamOf(s), s.restaurant.token)
    await sleep(s.random() * 20)
    ws.terminate()
  },
  async streamSaysNothing(s) {
    expect([4401, 1006]).toContain(await closed(socketAt(s, streamOf(s))))
  },
  async streamStopsReading(s) {
    const ws = await opened(socketAt(s, streamOf(s), s.restaurant.token))
    hello(ws)
    ws.pause()
    await sleep(HALF_OPEN_MILLIS)
    ws.terminate()
  },
  async wrongTokens(s) {
    await closed(socketAt(s, streamOf(s), 'nonsense'))
    await closed(socketAt(s, realtimeOf(s), `${s.restaurant.token}x`))
    const ws = await opened(socketAt(s, streamOf(s)))
    hello(ws, { token: 'nonsense' })
    expect(await closed(ws)).toBe(4401)
  },
  async ipadPolite(s) {
    const ws = await opened(socketAt(s, realtimeOf(s), s.restaurant.token))
    await sleep(s.random() * 1_500)
    ws.close()
    return closed(ws)
  },
  async ipadGone(s) {
    const ws = socketAt(s, realtimeOf(s), s.restaurant.token)
    await sleep(s.random() * 200)
    ws.terminate()
  },
  async ipadSigns(s) {
    const ws = await opened(socketAt(s, '/ws/restaurant/sync'))
    ws.send(JSON.stringify({ type: 'authenticate', token: s.restaurant.token }))
    await sleep(s.random() * 500)
    ws.close()
    return closed(ws)
  },
  async halfHandshake(s) {
    const socket = connect(Number(new URL(s.base).port), '127.0.0.1').on('error', () => undefined)
    socket.write(`GET ${streamOf(s)} HTTP/1.1\r\nUpgrade: websocket\r\n`)
    await sleep(s.random() * 2_000)
    socket.destroy()
  },
  async signsIn({ base, restaurant: { email }, random }) {
    const password = random() < 0.5 ? 'Tall-Cedar-71' : 'Wrong'
    const { status } = await request(base, 'POST', '/auth/login', { email, password })
    expect(status).toBe(password === 'Wrong' ? 401 : 200)
  },
}

/** What must be as it was. Of sockets and timers without those of the database's pool, which grows and stays. */
function likeness({ stream, sockets, floors, hub, topics, db, handles }: AppFigures, channels: number) {
  const { TCPSocketWrap = 0, PipeWrap = 0, Timeout = 0, TCPServerWrap = 0 } = handles
  return {
    stream,
    sockets,
    floors: floors.floors,
    idle: floors.idle,
    rooms: hub.rooms,
    early: hub.early,
    topics,
    channels,
    connections: TCPSocketWrap + PipeWrap - db.size,
    servers: TCPServerWrap,
    timers: Timeout - db.idle,
  }
}

const channelsOf = async (redis: RedisServer): Promise<number> =>
  ((await redis.command('pubsub', 'channels')) as unknown[]).length

test(
  `W9: ${visits} sockets come and go in every manner over ${RESTAURANTS} restaurants and leave nothing behind (seed ${seed})`,
  { timeout: upTo(soakMillis + 2 * FLOORS_GONE_MILLIS + 240_000) },
  async () => {
    const random = randomFrom(seed)
    const database = await openDatabase()
    cleanUp(() => database.close())
    const redis = await startRedis()
    const app = await startAppProcess({
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      WS_CONNECTION_TIMEOUT: '1',
    })
    const floors: Floor[] = []
    for (let n = 0; n < RESTAURANTS; n++) floors.push(await openFloor(await register(app.base, `Cedar ${n}`), 4))
    const some = () => floors[Math.floor(random() * RESTAURANTS)]!
    const now = { stopped: false }
    const counts: Record<string, number> = {}
    const failures: string[] = []
    const visit = async (name: string, { restaurant }: Floor) => {
      counts[name] = (counts[name] ?? 0) + 1
      try {
        await VISITS[name]!({ base: app.base, restaurant, random })
      } catch (error) {
        failures.push(`${name}: ${(error as Error).message}`)
      }
    }
    const writer = async () => {
      while (!now.stopped) {
        const floor = { ...some(), sent: [] }
        let asked = 0
        await write(floor, random, () => asked++ > 0)
        for (const { answer } of floor.sent as Sent[])
          if (answer === null || answer.status >= 500) failures.push(`write: ${answer?.text ?? 'no answer'}`)
        await sleep(isLong ? 100 : 30)
      }
    }
    /** When all are gone, and in the long form their floors too: what the process holds. */
    const settled = async () => {
      await until(async () => {
        const { stream, sockets } = await app.figures()
        return stream.sockets === 0 && sockets.sockets === 0
      }, 30_000)
      if (isLong) await until(async () => (await app.figures()).floors.floors === 0, FLOORS_GONE_MILLIS)
      // Answers to what was unsubscribed are on their way.
      await until(async () => (await channelsOf(redis)) === (await app.figures()).topics, 5_000)
      return app.atRest()
    }

    // Each manner once, and each floor: what is made at the first use stays.
    for (const floor of floors) await visit('streamPolite', floor)
    await Promise.all(Object.keys(VISITS).flatMap((name) => floors.slice(0, 3).map((floor) => visit(name, floor))))
    const before = await settled()
    const channelsBefore = await channelsOf(redis)

    const writers = Array.from({ length: WRITERS }, writer)
    const under = new Set<Promise<void>>()
    const began = performance.now()
    let most = 0
    for (let n = 0; n < visits; n++) {
      await sleep(Math.max(0, began + (n * soakMillis) / visits - performance.now()))
      const names = Object.keys(VISITS)
      const going = visit(names[Math.floor(random() * names.length)]!, some())
      under.add(going)
      most = Math.max(most, under.size)
      void going.finally(() => under.delete(going))
    }
    await Promise.all(under)
    now.stopped = true
    await Promise.all(writers)
    const after = await settled()
    const channelsAfter = await channelsOf(redis)
    const megabytes = (bytes: number) => Math.round(bytes / 10_000) / 100
    const sum = ({ heldBytes, rssBytes, handles }: AppFigures) => ({
      heldMB: megabytes(heldBytes),
      rssMB: megabytes(rssBytes),
      handles,
    })
    const seconds = Math.round((performance.now() - began) / 1000)
    console.log(JSON.stringify({ visits, seconds, most, counts, before: sum(before), after: sum(after), seed }))
    expect(failures).toEqual([])
    expect(likeness(after, channelsAfter)).toEqual(likeness(before, channelsBefore))
    // In the short form the floors are still there, with all that was written meanwhile.
    if (isLong) {
      expect(after.heldBytes).toBeLessThan(before.heldBytes * 1.05 + KEPT_BYTES)
      expect(after.rssBytes).toBeLessThan(before.rssBytes * 1.25)
    }
  },
)
