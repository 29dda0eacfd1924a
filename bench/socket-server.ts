import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'
import { buildApp, type App } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { Db } from '../src/platform/database/db.ts'
import { createLog } from '../src/platform/observability/log.ts'
import { newId } from '../src/platform/ids.ts'
import { systemClock } from '../src/platform/clock.ts'
import type { ChangeDeps } from '../src/changes/command/command.ts'
import { execute } from '../src/changes/command/execute.ts'
import type { Change } from '../src/changes/log/log.ts'
import { updateGuest } from '../src/guests/update-guest.ts'
import { pythonJson } from '../src/ios/sockets/python-json.ts'
import { messagesOf } from '../src/ios/sockets/messages.ts'
import { changeText } from '../src/changes/floor/live-floor.ts'
import { placeOf, SECRET, steadyMillis } from './socket-floor.ts'

/**
 * What is measured, in a process of its own: the whole application over a real database (`app`), or the limit (`raw`): a WebSocket server that has nothing to do but send the same
 * frames. Orders come from sockets.ts and fanout.ts.
 */

/** `prepare`: before devices come. `tell`: changes that are as if committed, so many of each restaurant in a turn of the event loop. `run`: commands, so many a second of each restaurant. */
export type Order =
  | { readonly what: 'measure' }
  | { readonly what: 'devices' }
  | ({ readonly what: 'prepare'; readonly manner: Manner } & Range)
  | ({ readonly what: 'tell'; readonly turns: number; readonly perTurn: number; readonly everyMillis: number } & Range)
  | ({ readonly what: 'run'; readonly turns: number; readonly everyMillis: number } & Range)

/** Restaurants by their numbers. */
export interface Range {
  readonly from: number
  readonly restaurants: number
}

/** How the limit sends: each message as text, as bytes made once; `hearing` tells whose frames it sends. */
export interface Manner {
  readonly as: 'text' | 'bytes'
  readonly hearing: 'realtime' | 'stream'
}

/** What a process has used and holds, after the garbage was collected. */
export interface Measured {
  readonly cpuMillis: number
  readonly heapBytes: number
  readonly externalBytes: number
  readonly rssBytes: number
}

/** When each change was committed, as `Heard.last` is ordered, in milliseconds of the steady clock, and the processor time that all took, and each turn of it. */
export interface Told {
  readonly committed: Float64Array
  readonly cpuMillis: number
  readonly turnMillis: readonly number[]
  readonly seconds: number
}

const cpuMillis = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
const sleep = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

/** One that sends changes to sockets. */
interface Side {
  readonly server: Server
  devices(): number
  /** Bytes that sockets have not taken. */
  backlog(): number
  prepare(range: Range, manner: Manner): Promise<void>
  tell(restaurant: number): void
  run(restaurant: number): Promise<unknown>
  /** Is called at each commit of `run`. */
  onCommit: (restaurantId: string) => void
}

async function openApp(url: string): Promise<Side> {
  const read = readConfig({ SECRET_KEY: SECRET, LOG_LEVEL: 'silent' })
  if ('problems' in read) throw new Error(read.problems.join('; '))
  const { config } = read
  const clock = systemClock()
  const db = new Db({ url, poolSize: config.POOL_SIZE })
  const app: App = await buildApp({ config, secretKey: SECRET, db, clock, log: createLog('silent'), isSole: true })
  const heads = new Map<string, Change>()
  const publish = (change: Change) => {
    side.onCommit(change.restaurantId)
    heads.set(change.restaurantId, change)
    app.hub.publish(change)
  }
  const deps: ChangeDeps = { db, clock, newId, publish }
  // Of this process only: a note that stands already would be no change.
  let commands = 0
  const run = async (restaurant: number) => {
    const { restaurantId, staffId, guestId } = placeOf(restaurant)
    const context = { restaurantId, actor: { staffId, role: 'owner' as const } }
    await execute(deps, updateGuest, context, { guestId, notes: `by the window, ${process.pid}.${commands++}` })
  }
  const side: Side = {
    server: app.server.server,
    devices: () => app.sockets.figures.sockets + app.stream.figures.sockets,
    backlog: () => app.sockets.backlogBytes.realtime + app.stream.backlogBytes,
    onCommit: () => undefined,
    run,
    async prepare({ from, restaurants }) {
      for (let n = 0; n < restaurants; n++) await run(from + n)
    },
    tell(restaurant) {
      const { restaurantId } = placeOf(restaurant)
      const before = heads.get(restaurantId)!
      const change = { ...before, seq: before.seq + 1, at: clock.now() }
      heads.set(restaurantId, change)
      app.hub.publish(change)
    },
  }
  return side
}

function openRaw(sample: Change): Side {
  const rooms = new Map<number, Set<WebSocket>>()
  const server = createServer()
  const wss = new WebSocketServer({ server, perMessageDeflate: false })
  wss.on('connection', (ws, request) => {
    const number = Number(request.url!.slice(1))
    const room = rooms.get(number) ?? new Set()
    rooms.set(number, room)
    room.add(ws)
    ws.on('message', () => undefined)
    ws.on('close', () => room.delete(ws))
    ws.send('{"type":"welcome"}')
  })
  let sent: string | Buffer = ''
  const all = () => [...rooms.values()].flatMap((room) => [...room])
  return {
    server,
    devices: () => all().length,
    backlog: () => all().reduce((sum, ws) => sum + ws.bufferedAmount, 0),
    onCommit: () => undefined,
    run: () => Promise.reject(new Error('the limit runs no commands')),
    async prepare(_, { as, hearing }) {
      const text =
        hearing === 'realtime'
          ? pythonJson(messagesOf(sample).realtime[0])
          : `{"type":"changes","changes":[${changeText(sample)}]}`
      sent = as === 'text' ? text : Buffer.from(text)
    },
    tell(restaurant) {
      for (const ws of rooms.get(restaurant) ?? []) ws.send(sent, { binary: false })
    },
  }
}

async function tell(side: Side, order: Order & { what: 'tell' }): Promise<Told> {
  const { from, restaurants, turns, perTurn, everyMillis } = order
  const committed = new Float64Array(restaurants * turns * perTurn)
  const turnMillis: number[] = []
  const [before, start] = [cpuMillis(), steadyMillis()]
  for (let turn = 0; turn < turns; turn++) {
    const turnBefore = cpuMillis()
    for (let n = 0; n < perTurn; n++)
      for (let restaurant = 0; restaurant < restaurants; restaurant++) {
        committed[(restaurant * turns + turn) * perTurn + n] = steadyMillis()
        side.tell(from + restaurant)
      }
    if (everyMillis > 0) await sleep(Math.max(0, start + (turn + 1) * everyMillis - steadyMillis()))
    else await taken(side)
    turnMillis.push(cpuMillis() - turnBefore)
  }
  return { committed, cpuMillis: cpuMillis() - before, turnMillis, seconds: (steadyMillis() - start) / 1e3 }
}

async function taken(side: Side): Promise<void> {
  do await sleep(2)
  while (side.backlog() > 0)
}

/** Commands at fixed times, each restaurant's at a moment of its own; a late one isn't waited for by the next. */
async function run(side: Side, { from, restaurants, turns, everyMillis }: Order & { what: 'run' }): Promise<Told> {
  const committed = new Float64Array(restaurants * turns)
  const counts = new Map<string, number>()
  for (let n = 0; n < restaurants; n++) counts.set(placeOf(from + n).restaurantId, n * turns)
  side.onCommit = (restaurantId) => {
    const at = counts.get(restaurantId)!
    counts.set(restaurantId, at + 1)
    committed[at] = steadyMillis()
  }
  const [before, start] = [cpuMillis(), steadyMillis()]
  const running: Promise<unknown>[] = []
  for (let n = 0; n < turns * restaurants; n++) {
    const wait = start + (n * everyMillis) / restaurants - steadyMillis()
    if (wait > 0) await sleep(wait)
    running.push(side.run(from + (n % restaurants)))
  }
  await Promise.all(running)
  const seconds = (steadyMillis() - start) / 1e3
  await sleep(200)
  side.onCommit = () => undefined
  return { committed, cpuMillis: cpuMillis() - before, turnMillis: [], seconds }
}

async function measure(): Promise<Measured> {
  const cpu = cpuMillis()
  for (let n = 0; n < 5; n++) {
    // Handles that are closed are let go a turn of the event loop later.
    await sleep(100)
    globalThis.gc?.()
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  return { cpuMillis: cpu, heapBytes: heapUsed, externalBytes: external, rssBytes: rss }
}

const [mode, given] = process.argv.slice(2)
const side = mode === 'app' ? await openApp(given!) : openRaw(JSON.parse(given!) as Change)
await new Promise<void>((resolve) => side.server.listen(0, '127.0.0.1', resolve))

process.on('message', (order: Order) => {
  const answer = async (): Promise<Measured | Told | number> => {
    if (order.what === 'prepare') await side.prepare(order, order.manner)
    if (order.what === 'tell') return tell(side, order)
    if (order.what === 'run') return run(side, order)
    return order.what === 'measure' ? measure() : side.devices()
  }
  void answer().then((made) => process.send!(made))
})
process.on('disconnect', () => process.exit(0))
process.send!((side.server.address() as AddressInfo).port)
