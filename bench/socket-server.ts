import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocketServer, type WebSocket } from 'ws'
import { Db } from '../src/platform/database/db.ts'
import { newId } from '../src/platform/ids.ts'
import { systemClock } from '../src/platform/clock.ts'
import type { ChangeDeps } from '../src/changes/command/command.ts'
import { execute } from '../src/changes/command/execute.ts'
import type { Change } from '../src/changes/log/log.ts'
import { updateGuest } from '../src/guests/update-guest.ts'
import { pythonJson } from '../src/ios/sockets/python-json.ts'
import { messagesOf } from '../src/ios/sockets/messages.ts'
import { changeText } from '../src/changes/floor/live-floor.ts'
import { openApp as openOurs } from './app.ts'
import { placeOf, steadyMillis } from './places.ts'

/**
 * What is measured, in a process of its own: the whole application over a real database (`app`), or the limit (`raw`): a
 * WebSocket server that has nothing to do but send the same frames. Orders come from sockets.ts and fanout.ts.
 */

/**
 * `held`: bytes of heap and beside it, after the garbage was collected. `prepare`: before devices come. `tell`: changes that
 * are as if committed, so many of each restaurant in a turn of the event loop. `run`: commands, so many a second of each.
 */
export type Order =
  | { readonly what: 'held' }
  | { readonly what: 'devices' }
  | ({ readonly what: 'prepare' } & Range)
  | ({ readonly what: 'tell'; readonly turns: number; readonly perTurn: number; readonly everyMillis: number } & Range)
  | ({ readonly what: 'run'; readonly turns: number; readonly everyMillis: number } & Range)

/** Restaurants by their numbers. */
export interface Range {
  readonly from: number
  readonly restaurants: number
}

/** Whose frames are sent. */
export type Hearing = 'realtime' | 'stream'

/**
 * When each change was committed, as `Heard.last` is ordered, in milliseconds of the steady clock; and the processor time
 * that all took, and each turn of it.
 */
export interface Told {
  readonly committed: Float64Array
  readonly cpuMillis: number
  readonly turnMillis: readonly number[]
}

const cpuMillis = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** One that sends changes to sockets. */
interface Side {
  readonly port: number
  devices(): number
  /** Bytes that sockets have not taken. */
  backlog(): number
  tell(restaurant: number): void
  run(restaurant: number): Promise<unknown>
  /** Is called at each commit of `run`. */
  onCommit: (restaurantId: string) => void
}

async function openApp(url: string): Promise<Side> {
  const db = new Db({ url, poolSize: 20 })
  const { app, port } = await openOurs(db, true)
  const clock = systemClock()
  const heads = new Map<string, Change>()
  const publish = (change: Change) => {
    side.onCommit(change.restaurantId)
    heads.set(change.restaurantId, change)
    app.hub.publish(change)
  }
  const deps: ChangeDeps = { db, clock, newId, publish }
  // Of this process only: a note that stands already would be no change.
  let commands = 0
  const run = (restaurant: number) => {
    const { guestId, ...context } = placeOf(restaurant)
    return execute(deps, updateGuest, context, { guestId, notes: `by the window, ${process.pid}.${commands++}` })
  }
  const side: Side = {
    port,
    devices: () => app.sockets.figures.sockets + app.stream.figures.sockets,
    backlog: () => app.sockets.backlogBytes.realtime + app.stream.backlogBytes,
    onCommit: () => undefined,
    run,
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

async function openRaw(sample: Change, hearing: Hearing): Promise<Side> {
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
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const isRealtime = hearing === 'realtime'
  const sent = isRealtime
    ? pythonJson(messagesOf(sample).realtime[0])
    : `{"type":"changes","changes":[${changeText(sample)}]}`
  const all = () => [...rooms.values()].flatMap((room) => [...room])
  return {
    port: (server.address() as AddressInfo).port,
    devices: () => all().length,
    backlog: () => all().reduce((sum, ws) => sum + ws.bufferedAmount, 0),
    onCommit: () => undefined,
    // It has no commands.
    run: () => Promise.resolve(),
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
    else {
      do await sleep(2)
      while (side.backlog() > 0)
    }
    turnMillis.push(cpuMillis() - turnBefore)
  }
  return { committed, cpuMillis: cpuMillis() - before, turnMillis }
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
  await sleep(200)
  side.onCommit = () => undefined
  return { committed, cpuMillis: cpuMillis() - before, turnMillis: [] }
}

async function held(): Promise<number> {
  for (let n = 0; n < 5; n++) {
    // Handles that are closed are let go a turn of the event loop later.
    await sleep(100)
    globalThis.gc?.()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const [mode, given, hearing] = process.argv.slice(2)
const side = mode === 'app' ? await openApp(given!) : await openRaw(JSON.parse(given!) as Change, hearing as Hearing)

process.on('message', (order: Order) => {
  const answer = async (): Promise<Told | number> => {
    if (order.what === 'prepare') for (let n = 0; n < order.restaurants; n++) await side.run(order.from + n)
    if (order.what === 'tell') return tell(side, order)
    if (order.what === 'run') return run(side, order)
    return order.what === 'held' ? held() : side.devices()
  }
  void answer().then((made) => process.send!(made))
})
process.on('disconnect', () => process.exit(0))
process.send!(side.port)
