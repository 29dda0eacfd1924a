import { median, percentile } from './figures.ts'
import { atLeast, atMost, by, row, type Goal } from './report.ts'
import type { Process } from './process.ts'
import type { Heard, Kind, Order } from './socket-clients.ts'
import { openGround, startProcess, type Ground } from './socket-ground.ts'
import type { Hearing, Range, Told } from './socket-server.ts'

/**
 * What a change costs on its way to the devices, and how long that takes, against a WebSocket server that sends the same
 * frames one by one to each socket (`ws.send` in a loop). Deliveries are frames; processor time is the server's alone, and
 * the application's has its timers, heartbeats and reviews in it. About fifteen minutes; `--quick` four, `--short` less
 * than one.
 */

const RESTAURANTS = 300
const DEVICES = 500
const ROUNDS = by({ full: 3, quick: 1, short: 1 })
const HEARINGS: readonly Hearing[] = by({
  full: ['realtime', 'stream'],
  quick: ['realtime', 'stream'],
  short: ['stream'],
})
const WARM_TURNS = by({ full: 1_000, quick: 500, short: 200 })
/**
 * A process that has become quiet is searched for garbage from end to end some ten seconds later, once, and the first pings,
 * 20 s after the sockets opened, have code compiled anew: that is no part of what a change costs.
 */
const SETTLING_TURNS = by({ full: 40, quick: 25, short: 0 })

/** What is sent to whom. */
interface Load {
  readonly range: Range
  /** Of each restaurant. */
  readonly devices: number
  readonly turns: number
  readonly perTurn: number
  readonly everyMillis: number
}

let from = 0
/** Restaurants that no run has used yet. */
const fresh = (restaurants: number): Range => ({ from: (from += restaurants) - restaurants, restaurants })

/** From the commit to the last device, in milliseconds, change by change. */
const lagsOf = ({ committed }: Told, last: Heard): number[] => Array.from(committed, (at, n) => last[n]! - at)

/** Opens a server and devices that hear it, has `work` done and closes both. */
async function hearing<T>(
  ground: Ground,
  { kind, hearing, load, stamps }: { kind: Kind; hearing: Hearing; load: Load; stamps: number },
  work: (server: Process, heard: (changes: number) => Promise<Heard>) => Promise<T>,
): Promise<T> {
  const { range, devices } = load
  const { server, port } = await ground.start(kind === 'plain' ? 'raw' : 'app', hearing, range)
  const half = Math.ceil(devices / 2)
  // Two processes, so that reading is not what it waits for.
  const clients = [startProcess('socket-clients'), startProcess('socket-clients')]
  const askBoth = <Answer>(orderOf: (n: number) => Order) =>
    Promise.all(clients.map((client, n) => client.ask<Answer>(orderOf(n))))
  const counts = [half, devices - half]
  await askBoth((n) => ({ what: 'open', ...range, port, kind, devices: counts[n]!, first: n * half, stamps }))
  const made = await work(server, async (changes) => {
    const [one, other] = await askBoth<Heard>(() => ({ what: 'heard', changes }))
    return one!.map((at, n) => Math.max(at, other![n]!))
  })
  await Promise.all([...clients, server].map((each) => each.end()))
  return made
}

/** Changes that are told as if they had been committed: what sending costs, without what the commands cost. */
function telling(ground: Ground, kind: Kind, whose: Hearing, load: Load) {
  const { range, devices, turns, perTurn, everyMillis } = load
  // A server has run for a while when it is measured: its code is compiled.
  const settling = everyMillis >= 1_000 ? SETTLING_TURNS : 0
  const warming = everyMillis > 0 ? WARM_TURNS : 0
  const before = (warming + settling) * perTurn
  const all = before + turns * perTurn
  return hearing(ground, { kind, hearing: whose, load, stamps: all }, async (server, heard) => {
    if (kind !== 'plain') await ground.raiseHeads(range)
    const tell = (turns: number, everyMillis: number) =>
      server.ask<Told>({ what: 'tell', ...range, turns, perTurn, everyMillis })
    if (warming > 0) await tell(warming, 10)
    if (settling > 0) await tell(settling, everyMillis)
    await heard(before)
    const told = await tell(turns, everyMillis)
    const last = await heard(all)
    // At one change a second it is the second in the middle that counts: what is compiled or searched for garbage now and
    // then is ten times as much as all that a second has, and falls on either side by chance.
    const cpuMillis = settling > 0 ? median(told.turnMillis) * turns : told.cpuMillis
    const deliveries = range.restaurants * devices * turns * perTurn
    // Of each restaurant the stamps behind those of warming up.
    const stamps = last.filter((_, n) => n % all >= before)
    return { deliveriesPerCpuSecond: deliveries / (cpuMillis / 1e3), lags: lagsOf(told, stamps) }
  })
}

/** Commands of the whole application, and how late the last device has each. */
const running = (ground: Ground, whose: Hearing, load: Load) =>
  hearing(ground, { kind: whose, hearing: whose, load, stamps: load.turns }, async (server, heard) => {
    const { range, turns, everyMillis } = load
    const told = await server.ask<Told>({ what: 'run', ...range, turns, everyMillis })
    return { told, lags: lagsOf(told, await heard(turns)) }
  })

/**
 * The median of the ratios of runs: each side alone on the machine, in turn, where it has all that the machine can do, else
 * both at once, so that what the machine does beside them hits both. At one change a second, which is some thousandths of
 * it, the same second of the machine may cost half as much again as another.
 */
async function compare(ground: Ground, what: string, load: Omit<Load, 'range'>, restaurants: number, goal: Goal) {
  const whole = (all: readonly number[]): string => Math.round(median(all)).toLocaleString('en')
  for (const hearing of HEARINGS) {
    const [ours, raw]: [number[], number[]] = [[], []]
    for (let round = 0; round < ROUNDS; round++) {
      const range = fresh(restaurants)
      const run = async (kind: Kind, into: number[]) =>
        into.push((await telling(ground, kind, hearing, { ...load, range })).deliveriesPerCpuSecond)
      const sides = [() => run(hearing, ours), () => run('plain', raw)]
      if (load.everyMillis > 0) await Promise.all(sides.map((side) => side()))
      else for (const side of round % 2 === 0 ? sides : sides.toReversed()) await side()
    }
    const ratio = median(ours.map((one, n) => one / raw[n]!))
    row(`${what}, ${hearing}, deliveries per CPU second`, whole(ours), whole(raw), ratio, goal)
  }
}

async function commitToLast(ground: Ground): Promise<void> {
  const load = { devices: 200, turns: by({ full: 600, quick: 200, short: 40 }), perTurn: 1, everyMillis: 50 }
  for (const hearing of HEARINGS) {
    const range = fresh(1)
    const sides = await Promise.all([
      running(ground, hearing, { ...load, range }),
      telling(ground, 'plain', hearing, { ...load, range }),
    ])
    const [ours, raw] = sides.map(({ lags }) => [percentile(lags, 50), percentile(lags, 99)] as const)
    const both = (all: readonly number[]) => all.map((lag) => lag.toFixed(1)).join('/')
    const what = `20 commands/s to 200 devices, ${hearing}, commit to the last one, p50/p99 ms`
    row(what, both(ours!), both(raw!), ours![1] / raw![1], atMost(3))
  }
}

/** Lag over time: the median of each second's, and the slope of a line through them in milliseconds a minute. */
async function slope(ground: Ground): Promise<void> {
  const turns = by({ full: 60, quick: 10, short: 5 })
  const range = { from: 0, restaurants: RESTAURANTS }
  const { lags, told } = await running(ground, 'stream', { range, devices: 10, turns, perTurn: 1, everyMillis: 1_000 })
  const start = Math.min(...told.committed)
  const bySecond = new Map<number, number[]>()
  lags.forEach((lag, n) => {
    const second = Math.floor((told.committed[n]! - start) / 1000)
    bySecond.set(second, [...(bySecond.get(second) ?? []), lag])
  })
  const points = [...bySecond].filter(([second]) => second < turns).map(([x, all]) => [x, median(all)] as const)
  const mean = (values: readonly number[]) => values.reduce((sum, one) => sum + one, 0) / values.length
  const [mx, my] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))]
  const rise =
    points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) / points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0)
  // What the lag would have risen by in a minute, beside what a blink takes.
  const what = `${RESTAURANTS} restaurants x 10 devices x 1 command/s, rise of the lag per minute`
  row(what, `${(rise * 60).toFixed(1)} ms`, '100 ms', (rise * 60) / 100, atMost(0.1))
}

const ground = await openGround(RESTAURANTS, DEVICES)
try {
  const alone = { turns: by({ full: 25, quick: 15, short: 3 }), perTurn: 1, everyMillis: 1_000 }
  await compare(ground, '1 command/s to 200 devices', { ...alone, devices: 200 }, 1, atLeast(0.7))
  const many = { devices: 200, turns: by({ full: 100, quick: 40, short: 10 }), perTurn: 25, everyMillis: 0 }
  await compare(ground, '25 commands a tick to 200 devices', many, 1, atLeast(7))
  if (by({ full: true, quick: false, short: false }))
    await compare(ground, '25 commands a tick to 1,000 devices', { ...many, devices: 500 }, 2, atLeast(7))
  await commitToLast(ground)
  await slope(ground)
} finally {
  await ground.close()
}
