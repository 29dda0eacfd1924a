import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import { buildApp, type App } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { systemClock } from '../src/platform/clock.ts'
import { Db } from '../src/platform/database/db.ts'
import { createLog } from '../src/platform/observability/log.ts'
import type { Restaurant } from '../test/kit.ts'
import { missChanges } from '../test/process/missed.ts'
import { by } from './effort.ts'
import { layOut, median } from './figures.ts'
import { atMost, row } from './report.ts'
import { openPostgres } from './floor.ts'
import type { Order, Took } from './resume-client.ts'

/**
 * A device that missed 10,000 changes: from its hello to the last change applied, against a WebSocket server that has nothing to do but send the same frames. About 20 seconds.
 */

const MISSED = by({ full: 10_000, quick: 10_000, short: 1_000 })
const ROUNDS = by({ full: 9, quick: 5, short: 1 })
const GUESTS = 50

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const portOf = (address: AddressInfo | string | null): number =>
  typeof address === 'object' && address ? address.port : 0

async function openApp(db: Db): Promise<{ app: App; base: string }> {
  const read = readConfig({ SECRET_KEY: 'a secret key for the bench only', LOG_LEVEL: 'silent' })
  if ('problems' in read) throw new Error(read.problems.join('; '))
  const { config } = read
  const log = createLog(config.LOG_LEVEL)
  const app = await buildApp({ config, secretKey: config.SECRET_KEY!, db, clock: systemClock(), log })
  await app.server.listen({ host: '127.0.0.1', port: 0 })
  return { app, base: `http://127.0.0.1:${portOf(app.server.server.address())}` }
}

type Here = Pick<Restaurant, 'id' | 'token' | 'staffId' | 'v2'>

async function register(base: string): Promise<Here> {
  const post = async (path: string, body: object) => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(base + path, { method: 'POST', headers, body: JSON.stringify(body) })
    return (await response.json()) as { restaurant_id: string; access_token: string; user_id: string }
  }
  const who = { email: 'owner@bench.example', password: 'Tall-Cedar-71' }
  await post('/auth/register', { restaurant_name: 'Bench', ...who })
  const { restaurant_id: id, access_token: token, user_id: staffId } = await post('/auth/login', who)
  const v2: Restaurant['v2'] = async (method, path, body) => {
    const headers = {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    }
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const answer = await fetch(`${base}/v2/restaurants/${id}${path}`, { method, headers, ...sent })
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, text, body: JSON.parse(text) as unknown }
  }
  return { id, token, staffId, v2 }
}

/** What the server sends a device that comes back, frame by frame. */
async function record(base: string, { id, token }: Here, place: Order['place'], head: number): Promise<string[]> {
  const ws = new WebSocket(`${base.replace('http', 'ws')}/v2/restaurants/${id}/stream`, {
    perMessageDeflate: false,
    headers: { authorization: `Bearer ${token}` },
  })
  await once(ws, 'open')
  const frames: string[] = []
  const whole = new Promise<void>((resolve) =>
    ws.on('message', (data: Buffer) => {
      const text = data.toString('utf8')
      frames.push(text)
      const { changes } = JSON.parse(text) as { changes?: { seq: number }[] }
      if (changes?.at(-1)?.seq === head) resolve()
    }),
  )
  ws.send(JSON.stringify({ type: 'hello', epoch: place.epoch, since: place.seq, at: place.at }))
  await whole
  ws.terminate()
  return frames
}

/** The limit: sends the frames to whoever says hello. */
async function openRaw(frames: readonly string[]): Promise<{ server: WebSocketServer; base: string }> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
  server.on('connection', (ws) => ws.on('message', () => frames.forEach((frame) => ws.send(frame))))
  await once(server, 'listening')
  return { server, base: `http://127.0.0.1:${portOf(server.address())}` }
}

async function resume(client: ChildProcess, order: Order): Promise<number> {
  const answered = once(client, 'message', { signal: AbortSignal.timeout(60_000) })
  client.send(order)
  const [took] = (await answered) as [Took]
  if ('wrong' in took) throw new Error(`the device was not brought up as it should be: ${took.wrong}`)
  return took.millis
}

async function compare(url: string): Promise<void> {
  const db = new Db({ url, poolSize: 5 })
  const client = fork(new URL('./resume-client.ts', import.meta.url), { execArgv: process.execArgv })
  const first = await openApp(db)
  const here = await register(first.base)
  for (let n = 0; n < GUESTS; n++) await here.v2('POST', '/guests', { firstName: `G${n}`, partySize: 2 })
  const { epoch, seq, at, horizon } = (await here.v2('GET', '/snapshot')).body as Order['place']
  const place = { epoch, seq, at, horizon }
  const head = await missChanges(url, here, MISSED)
  await first.app.close()

  // A process that has never seen this restaurant, as after a restart.
  const { app, base } = await openApp(db)
  const order: Order = { base, restaurantId: here.id, token: here.token, place, head }
  const cold = await resume(client, order)
  const frames = await record(base, here, place, head)
  const raw = await openRaw(frames)
  const ours: number[] = []
  const limit: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(await resume(client, order))
    limit.push(await resume(client, { ...order, base: raw.base }))
  }
  const megabytes = frames.reduce((sum, frame) => sum + frame.length, 0) / 1e6
  const ms = (values: readonly number[]) => [median(values), Math.max(...values)].map((value) => value.toFixed(0))
  const ratio = median(ours.map((one, round) => one / limit[round]!)).toFixed(2)
  row(
    `${MISSED} missed changes, a WebSocket with the same frames`,
    `${ms(ours)[0]} ms`,
    `${ms(limit)[0]} ms`,
    Number(ratio),
    null,
  )
  row(`${MISSED} missed changes, 500 ms`, `${ms(ours)[0]} ms`, '500 ms', median(ours) / 500, atMost(1))
  say(
    `\n${MISSED} missed changes, ${megabytes.toFixed(1)} MB in ${frames.length} frames, ${ROUNDS} rounds; hello to the last change applied\n`,
  )
  say(
    layOut([
      ['what', 'median ms', 'worst ms', 'ratio'],
      ['the stream', ...ms(ours), ratio],
      ['the stream, restaurant not in memory', cold.toFixed(0), '', ''],
      ['a WebSocket that sends the same frames', ...ms(limit), '1.00'],
    ]),
  )
  client.disconnect()
  raw.server.close()
  for (const ws of raw.server.clients) ws.terminate()
  await app.close()
  await db.close()
}

const postgres = await openPostgres(false)
try {
  await compare(postgres.url)
} finally {
  await postgres.close()
}
