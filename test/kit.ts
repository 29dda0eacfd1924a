import { randomBytes } from 'node:crypto'
import { WebSocket } from 'ws'
import type { App, AppDeps } from '../src/app.ts'
import { readConfig, type Config } from '../src/config.ts'
import { Db } from '../src/platform/database/db.ts'
import type { SignedIn } from '../src/staff/sign-ins/start-sign-in.ts'
import { createLog, type Logger } from '../src/platform/observability/log.ts'
import { systemClock } from '../src/platform/clock.ts'
import { checkEpochs, openDatabase, type TestDatabase } from './database.ts'
import { upTo } from './patience.ts'

/** What tests are made with: a database of their own, the application on a real port, restaurants, devices. */

export { openDatabase, type TestDatabase } from './database.ts'

/** An answer of the server, its body read as JSON where it is JSON. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // Tests look into bodies of many shapes.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any
}

/** A signed-in owner of a restaurant of its own. */
export interface Restaurant {
  /** The server's address. */
  readonly base: string
  readonly id: string
  readonly staffId: string
  readonly email: string
  readonly token: string
  /** Calls below `/restaurants/{id}` of the iPad's contract: `call('GET', '/guests')`. */
  call(method: string, path: string, body?: unknown): Promise<Answer>
  /** Calls below `/v2/restaurants/{id}`. */
  v2(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  /** A device on one of the sockets, already welcomed. */
  device(path?: '/realtime' | '/ws/restaurant/sync'): Promise<Device>
  /** A new table; its id. */
  table(number: string, capacity?: number): Promise<string>
  /** A new walk-in; its id. */
  walkIn(name?: string, partySize?: number): Promise<string>
  /** A sign-in of the owner to the native API. */
  signIn(device?: string): Promise<SignedIn>
}

export interface TestApp {
  readonly app: App
  readonly base: string
  readonly database: TestDatabase
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  /** Registers a restaurant and signs its owner in. */
  restaurant(name?: string): Promise<Restaurant>
  close(): Promise<void>
}

/** The password of every owner that tests register. */
export const TEST_PASSWORD = 'Tall-Cedar-71'
export const TEST_SECRET = 'a secret key for tests only, long enough'

/**
 * The application on a free port of loopback, over a database of its own or, as a second process would be, over a given one, through a pool of its own unless `own`. Settings are environment
 * variables.
 */
export async function startApp(
  env: Record<string, string> = {},
  given: Partial<Pick<AppDeps, 'topics' | 'store' | 'isSole' | 'clock' | 'planner'>> & {
    readonly database?: TestDatabase
    readonly own?: boolean
    readonly log?: Logger
  } = {},
): Promise<TestApp> {
  const read = readConfig({ SECRET_KEY: TEST_SECRET, ENVIRONMENT: 'test', LOG_LEVEL: 'silent', ...env })
  if ('problems' in read) throw new Error(read.problems.join('; '))
  const config: Config = read.config
  const database = !given.database
    ? await openDatabase(config.POOL_SIZE, config.PREPARED_STATEMENTS)
    : given.own
      ? given.database
      : shared(given.database, config.POOL_SIZE)
  const log = given.log ?? createLog(config.LOG_LEVEL)
  // Here, and not at the top: tests that need a database alone do without all of it.
  const { buildApp } = await import('../src/app.ts')
  const app = await buildApp({
    config,
    secretKey: TEST_SECRET,
    db: database.db,
    clock: given.clock ?? systemClock(),
    log,
    ...(given.topics && { topics: given.topics }),
    ...(given.store && { store: given.store }),
    isSole: given.isSole ?? false,
    planner: given.planner ?? null,
  })
  await app.server.listen({ host: '127.0.0.1', port: 0 })
  const address = app.server.server.address()
  const base = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
  return {
    app,
    base,
    database,
    call: (method, path, body, headers) => request(base, method, path, body, headers),
    restaurant: (name) => register(base, name),
    async close() {
      await app.close()
      await database.close()
    },
  }
}

/** The same database through a pool of its own, which alone is closed in the end. */
function shared(database: TestDatabase, poolSize: number): TestDatabase {
  const db = new Db({ url: database.url, poolSize, checkEpochs })
  return { ...database, db, close: () => db.close() }
}

/** Signs in to the native API. */
export async function signIn(base: string, email: string, password: string, device?: string): Promise<SignedIn> {
  const answer = await request(base, 'POST', '/v2/sign-in', { email, password, device })
  if (answer.status !== 200) throw new Error(`sign-in failed: ${answer.text}`)
  return answer.body as SignedIn
}

/** One request; a body that is a string is sent as it is, anything else as JSON. */
export async function request(
  base: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(base + path, {
    method,
    redirect: 'manual',
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: isJson && text !== '' ? JSON.parse(text) : text,
  }
}

/** Registers a restaurant with a server and signs its owner in. */
export async function register(base: string, name = 'Cedar'): Promise<Restaurant> {
  const email = `owner-${randomBytes(6).toString('hex')}@cedar.example`
  const password = TEST_PASSWORD
  const made = await request(base, 'POST', '/auth/register', { restaurant_name: name, email, password })
  const login = await request(base, 'POST', '/auth/login', { email, password })
  if (login.status !== 200) throw new Error(`sign-in failed: ${made.text} ${login.text}`)
  const id: string = login.body.restaurant_id
  const token: string = login.body.access_token
  const authorization = { authorization: `Bearer ${token}` }
  const restaurant: Restaurant = {
    base,
    id,
    staffId: login.body.user_id,
    email,
    token,
    call: (method, path, body) => request(base, method, `/restaurants/${id}${path}`, body, authorization),
    v2: (method, path, body, headers) =>
      request(base, method, `/v2/restaurants/${id}${path}`, body, { ...authorization, ...headers }),
    device: (path = '/realtime') => openDevice(base, `${path}?restaurant_id=${id}&token=${token}`),
    async table(number, capacity = 4) {
      const body = { table_number: number, capacity, position: { x: 0.5, y: 0.5 } }
      return (await restaurant.call('POST', '/tables', body)).body.id
    },
    async walkIn(first_name = 'Ada', party_size = 2) {
      return (await restaurant.call('POST', '/guests', { first_name, party_size })).body.id
    },
    signIn: (device) => signIn(base, email, password, device),
  }
  return restaurant
}

/** A message of a socket. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Message = Record<string, any>

/** A device on a socket: what it heard, in order. */
export interface Device {
  readonly ws: WebSocket
  /** Without heartbeats: how many of them come depends on how fast the machine is. */
  readonly messages: Message[]
  /** With heartbeats. */
  readonly all: Message[]
  /** Resolves when `enough` holds of what was heard so far; rejects after `millis`, on a slow machine later. */
  until(enough: (messages: readonly Message[]) => boolean, millis?: number): Promise<void>
  /** The close code, once it is closed. */
  readonly closed: Promise<number>
  close(): Promise<void>
}

/** Opens a socket and waits for its first message. Rejects with the status when the upgrade is refused. */
export async function openDevice(
  base: string,
  path: string,
  options: { wait?: boolean; headers?: Record<string, string> } = {},
): Promise<Device> {
  const ws = new WebSocket(base.replace(/^http/, 'ws') + path, {
    headers: options.headers ?? {},
    perMessageDeflate: false,
  })
  const messages: Message[] = []
  const all: Message[] = []
  let wake = () => undefined as void
  ws.on('message', (data) => {
    const message = JSON.parse((data as Buffer).toString('utf8')) as Message
    all.push(message)
    if (message['type'] !== 'heartbeat') messages.push(message)
    wake()
  })
  const closed = new Promise<number>((resolve) => ws.on('close', resolve))
  await new Promise<void>((resolve, reject) => {
    ws.on('open', resolve)
    ws.on('error', reject)
    ws.on('unexpected-response', (_, response) => reject(new Error(`refused with ${response.statusCode}`)))
  })
  const until = async (enough: (messages: readonly Message[]) => boolean, millis = 10_000) => {
    const end = Date.now() + upTo(millis)
    while (!enough(messages)) {
      const left = end - Date.now()
      if (left <= 0)
        throw new Error(`waited ${upTo(millis)} ms in vain; heard ${all.length}: ${JSON.stringify(all.slice(-3))}`)
      await new Promise<void>((resolve) => {
        wake = resolve
        setTimeout(resolve, left)
      })
    }
  }
  const device: Device = {
    ws,
    messages,
    all,
    until,
    closed,
    async close() {
      ws.close()
      await closed
    },
  }
  if (options.wait !== false) await until((heard) => heard.length > 0)
  return device
}
