import { by } from './effort.ts'
import { layOut } from './figures.ts'
import { curve, row, type Curve } from './report.ts'
import { openGround, type Ground } from './socket-processes.ts'
import { fresh, running, telling } from './socket-runs.ts'

/**
 * How costs grow: of a change with the devices of its restaurant, beside a raw WebSocket server that sends the same frames; of a command with the restaurants that are open. Two minutes;
 * `--quick` takes one. What the past costs is in history.ts.
 */

const DEVICES = by({ full: [1, 5, 20, 50, 100, 200, 500], quick: [1, 20, 100, 500], short: [20] })
const RESTAURANTS = by({ full: [1, 10, 100, 300, 1_000], quick: [1, 100, 1_000], short: [10] })
const CHANGES = by({ full: 300, quick: 100, short: 20 })
const COMMANDS = by({ full: 2_000, quick: 1_000, short: 100 })
/** Commands a second of all restaurants: what a machine that is shared does easily. */
const RATE = 250

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const whole = (n: number): string => n.toLocaleString('en', { maximumFractionDigits: 0 })

/** Microseconds of the server's processor for a change, by the devices that hear it. */
async function byDevices(ground: Ground): Promise<void> {
  const kinds = ['realtime', 'stream', 'plain'] as const
  const names = { realtime: 'realtime', stream: 'stream', plain: 'raw ws, frames of the stream' }
  const rows = [['µs of the server for a change', ...kinds.map((kind) => names[kind]), 'stream : raw']]
  const points: Record<(typeof kinds)[number], [number, number][]> = { realtime: [], stream: [], plain: [] }
  for (const devices of DEVICES) {
    const range = fresh(1)
    const load = { range, devices, turns: CHANGES, perTurn: 1, everyMillis: 0 }
    const costs: number[] = []
    for (const kind of kinds) {
      const hearing = kind === 'plain' ? 'stream' : kind
      const { deliveriesPerCpuSecond } = await telling(ground, kind, { as: 'text', hearing }, load)
      const micros = (1e6 * devices) / deliveriesPerCpuSecond
      points[kind].push([devices, micros])
      costs.push(micros)
    }
    const [, stream, raw] = costs as [number, number, number]
    rows.push([`${devices} devices`, ...costs.map(whole), (stream / raw).toFixed(2)])
    row(
      `a change to ${devices} devices, processor time, raw ws`,
      `${whole(stream)} µs`,
      `${whole(raw)} µs`,
      stream / raw,
    )
  }
  say(`\n${layOut(rows)}`)
  const series: Curve['series'] = kinds.map((kind) => ({ name: names[kind], points: points[kind] }))
  curve({
    title: 'A change by the devices that hear it',
    x: 'devices of the restaurant',
    y: 'µs of the server',
    series,
  })
}

/** Microseconds of the server's processor for a command and its delivery to two devices, by the restaurants that are open, each with commands in turn. */
async function byRestaurants(ground: Ground): Promise<void> {
  const rows = [['restaurants', 'µs of the server for a command', 'commit to the last device, ms']]
  const points: [number, number][] = []
  const lags: [number, number][] = []
  for (const restaurants of RESTAURANTS) {
    const turns = Math.ceil(COMMANDS / restaurants)
    const everyMillis = (1_000 * restaurants) / RATE
    const load = { range: { from: 0, restaurants }, devices: 2, turns, perTurn: 1, everyMillis }
    const { told, lags: all } = await running(ground, 'stream', load)
    const micros = (told.cpuMillis * 1_000) / (turns * restaurants)
    const lag = [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)]!
    points.push([restaurants, micros])
    lags.push([restaurants, lag])
    rows.push([whole(restaurants), whole(micros), lag.toFixed(2)])
  }
  const [first, last] = [points[0]!, points.at(-1)!]
  const what = `a command with ${whole(last[0])} restaurants open, with ${whole(first[0])}, processor time`
  row(what, `${whole(last[1])} µs`, `${whole(first[1])} µs`, last[1] / first[1])
  say(`\n${layOut(rows)}`)
  const title = 'A command by the restaurants that are open'
  const series = [{ name: 'command, 2 devices', points }]
  curve({ title, x: 'restaurants, each with 2 devices', y: 'µs of the server', series })
}

const crowded = await openGround(DEVICES.length, DEVICES.at(-1)!)
try {
  await byDevices(crowded)
} finally {
  await crowded.close()
}
const wide = await openGround(RESTAURANTS.at(-1)!, 2)
try {
  await byRestaurants(wide)
} finally {
  await wide.close()
}
