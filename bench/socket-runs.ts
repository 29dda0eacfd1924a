import { by } from './effort.ts'
import { median } from './figures.ts'
import type { Kind } from './socket-clients.ts'
import { Devices, SocketServer, type Ground } from './socket-processes.ts'
import type { Manner, Range, Told } from './socket-server.ts'

/** Runs of changes to devices: told as if they had been committed, or made by commands. */

const WARM_TURNS = by({ full: 1_000, quick: 500, short: 200 })
/**
 * A process that has become quiet is searched for garbage from end to end some ten seconds later, once, and the first pings, 20 s after the sockets opened, have code compiled anew: that is no part
 * of what a change costs.
 */
const SETTLING_TURNS = by({ full: 40, quick: 25, short: 0 })

/** What a run came to. */
export interface Run {
  readonly deliveriesPerCpuSecond: number
  /** From the commit to the last device, in milliseconds, change by change. */
  readonly lags: readonly number[]
}

/** What is sent to whom. */
export interface Load {
  readonly range: Range
  /** Of each restaurant. */
  readonly devices: number
  readonly turns: number
  readonly perTurn: number
  readonly everyMillis: number
}

/** The value below which so many percent are. */
export const percentile = (values: readonly number[], of: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * of) / 100))]!
}

function lagsOf({ committed }: Told, last: Float64Array): number[] {
  return Array.from(committed, (at, n) => last[n]! - at)
}

/** Changes that are told as if they had been committed: what sending costs, without what the commands cost. */
export async function telling(ground: Ground, kind: Kind, manner: Manner, load: Load): Promise<Run> {
  const { range, devices: each, turns, perTurn, everyMillis } = load
  const server = await SocketServer.open(...sideOf(ground, kind))
  await server.prepare(range, manner)
  // A server has run for a while when it is measured: its code is compiled.
  const settling = everyMillis >= 1_000 ? SETTLING_TURNS : 0
  const warm = (everyMillis > 0 ? WARM_TURNS : 0) + settling
  const devices = await Devices.open(server.port, kind, range, each, (warm + turns) * perTurn)
  if (kind !== 'plain') await ground.raiseHeads(range)
  if (warm > settling) await server.told({ what: 'tell', ...range, turns: warm - settling, perTurn, everyMillis: 10 })
  if (settling > 0) await server.told({ what: 'tell', ...range, turns: settling, perTurn, everyMillis })
  await devices.heard(warm * perTurn)
  const told = await server.told({ what: 'tell', ...range, turns, perTurn, everyMillis })
  const { frames, last } = await devices.heard((warm + turns) * perTurn)
  await devices.close()
  await server.end()
  const measured = (frames * turns) / (warm + turns)
  // At one change a second it is the second in the middle that counts: what is compiled or searched for garbage now and then is ten times as much as all that a second has, and falls on
  // either side by chance.
  const cpuMillis = settling > 0 ? median(told.turnMillis) * turns : told.cpuMillis
  // Of each restaurant the stamps behind those of warming up.
  const lags = lagsOf(
    told,
    last.filter((_, n) => n % ((warm + turns) * perTurn) >= warm * perTurn),
  )
  return { deliveriesPerCpuSecond: measured / (cpuMillis / 1e3), lags }
}

const sideOf = (ground: Ground, kind: Kind): ['app' | 'raw', string] =>
  kind === 'plain' ? ['raw', ground.sample] : ['app', ground.url]

/** Commands of the whole application, and how late the last device has each. */
export async function running(ground: Ground, kind: Kind, load: Load): Promise<Run & { seconds: number; told: Told }> {
  const { range, devices: each, turns, everyMillis } = load
  const server = await SocketServer.open('app', ground.url)
  const devices = await Devices.open(server.port, kind, range, each, turns)
  const told = await server.told({ what: 'run', ...range, turns, everyMillis })
  const { frames, last } = await devices.heard(turns)
  await devices.close()
  await server.end()
  const { seconds } = told
  return { deliveriesPerCpuSecond: frames / (told.cpuMillis / 1e3), lags: lagsOf(told, last), seconds, told }
}

let from = 0
/** Restaurants that no run has used yet. */
export const fresh = (restaurants: number): Range => {
  const range = { from, restaurants }
  from += restaurants
  return range
}
