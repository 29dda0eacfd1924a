import { layOut, median } from './figures.ts'
import { by } from './effort.ts'
import { atLeast, atMost, goalText, row as tell, type Goal } from './report.ts'
import { openGround, type Ground } from './socket-processes.ts'
import { fresh, percentile, running, telling, type Load } from './socket-runs.ts'
import type { Manner } from './socket-server.ts'

/**
 * What a change costs on its way to the devices, and how long that takes, against a WebSocket server that sends the same frames one by one to each socket (`ws.send` in a loop).
 * Deliveries are frames; processor time is the server's alone, and the application's has its timers, heartbeats and reviews in it. About fifteen minutes; `--quick` four, `--short` less than one.
 */

const isFull = by({ full: true, quick: false, short: false })
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const RESTAURANTS = 300
const DEVICES = 500
const ROUNDS = by({ full: 3, quick: 1, short: 1 })

const HEARINGS = by({ full: ['realtime', 'stream'], quick: ['realtime', 'stream'], short: ['stream'] } as const)
const whole = (n: number): string => Math.round(n).toLocaleString('en')
const rows: string[][] = [['what', 'ours', 'raw ws', 'ratio', 'limit']]
const row = (what: string, ours: string, limit: string, ratio: number, goal: Goal) => {
  rows.push([what, ours, limit, ratio.toFixed(2), goalText(goal)])
  say(`${what}: ${ours} against ${limit}, ${ratio.toFixed(2)} (${goalText(goal)})`)
  tell(what, ours, limit, ratio, goal)
}

/**
 * The median of the ratios of runs: each side alone on the machine, in turn, where it has all that the machine can do, else both at once, so that what the machine does beside them hits both. At one
 * change a second, which is some thousandths of it, the same second of the machine may cost half as much again as another.
 */
async function compare(ground: Ground, what: string, load: Omit<Load, 'range'>, restaurants: number, goal: Goal) {
  for (const hearing of HEARINGS) {
    const manner: Manner = { as: 'text', hearing }
    const [ours, raw]: [number[], number[]] = [[], []]
    for (let round = 0; round < ROUNDS; round++) {
      const range = fresh(restaurants)
      const sides = [
        async () => ours.push((await telling(ground, hearing, manner, { ...load, range })).deliveriesPerCpuSecond),
        async () => raw.push((await telling(ground, 'plain', manner, { ...load, range })).deliveriesPerCpuSecond),
      ]
      if (load.everyMillis > 0) await Promise.all(sides.map((run) => run()))
      else for (const run of round % 2 === 0 ? sides : sides.toReversed()) await run()
    }
    const ratio = median(ours.map((one, n) => one / raw[n]!))
    row(`${what}, ${hearing}, deliveries per CPU second`, whole(median(ours)), whole(median(raw)), ratio, goal)
  }
}

async function commitToLast(ground: Ground): Promise<void> {
  const load = { devices: 200, turns: by({ full: 600, quick: 200, short: 40 }), perTurn: 1, everyMillis: 50 }
  for (const hearing of HEARINGS) {
    const range = fresh(1)
    const [ours, raw] = await Promise.all([
      running(ground, hearing, { ...load, range }),
      telling(ground, 'plain', { as: 'text', hearing }, { ...load, range }),
    ])
    const [a, b] = [percentile(ours.lags, 99), percentile(raw.lags, 99)]
    const both = (lags: readonly number[], p99: number) => `${percentile(lags, 50).toFixed(1)}/${p99.toFixed(1)}`
    const what = `20 commands/s to 200 devices, ${hearing}, commit to the last one, p50/p99 ms`
    row(what, both(ours.lags, a), both(raw.lags, b), a / b, atMost(3))
  }
}

/** Lag over time: the median of each second's, and the slope of a line through them in milliseconds a minute. */
async function slope(ground: Ground): Promise<void> {
  const turns = by({ full: 60, quick: 10, short: 5 })
  const range = { from: 0, restaurants: RESTAURANTS }
  const load = { range, devices: 10, turns, perTurn: 1, everyMillis: 1_000 }
  const { lags, seconds, told } = await running(ground, 'stream', load)
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
  const sustained = (RESTAURANTS * turns) / seconds
  // What the lag would have risen by in a minute, beside what a blink takes.
  row(
    `${RESTAURANTS} restaurants x 10 devices x 1 command/s, rise of the lag per minute`,
    `${(rise * 60).toFixed(1)} ms`,
    '100 ms',
    (rise * 60) / 100,
    atMost(0.1),
  )
  say(
    `\n${RESTAURANTS} restaurants x 10 devices x 1 command/s, whole application, ${turns} s: ${sustained.toFixed(0)} commands/s sustained, ` +
      `${(sustained * 10).toFixed(0)} deliveries/s; commit to last device p50 ${percentile(lags, 50).toFixed(1)} ms, p99 ${percentile(lags, 99).toFixed(1)} ms; ` +
      `slope ${(rise * 60).toFixed(2)} ms a minute\n`,
  )
}

const ground = await openGround(RESTAURANTS, DEVICES)
try {
  const alone = { turns: by({ full: 25, quick: 15, short: 3 }), perTurn: 1, everyMillis: 1_000 }
  await compare(ground, '1 command/s to 200 devices', { ...alone, devices: 200 }, 1, atLeast(0.7))
  const many = { devices: 200, turns: by({ full: 100, quick: 40, short: 10 }), perTurn: 25, everyMillis: 0 }
  await compare(ground, '25 commands a tick to 200 devices', many, 1, atLeast(7))
  if (isFull) await compare(ground, '25 commands a tick to 1,000 devices', { ...many, devices: 500 }, 2, atLeast(7))
  await commitToLast(ground)
  await slope(ground)
  say(layOut(rows))
} finally {
  await ground.close()
}
