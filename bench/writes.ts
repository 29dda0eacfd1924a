import { execFileSync } from 'node:child_process'
import { Db } from '../src/platform/database/db.ts'
import { capture, type Sent } from '../test/budgets/captured.ts'
import { figuresOf, median, medians, type Figures } from './figures.ts'
import { furnish, openPostgres, tidy } from './floor.ts'
import { Door, inProcess, quiet, runOne } from './ours.ts'
import { pairOf, type Where } from './pairs.ts'
import { pgbench, scriptOf, type Ids } from './pgbench.ts'
import { atLeast, atMost, by, row, say } from './report.ts'
import { WHATS, type What } from './requests.ts'

/**
 * Walk-in, status, seat and clear on a PostgreSQL with fsync: commands a second of ours, in process and through HTTP, against
 * pgbench with the statements that the commands send. The sides take turns on the same database. Ten minutes; `--quick`
 * takes three, `--short` half a one.
 */

const SIDES = ['execute', 'http', 'limit'] as const
type Side = (typeof SIDES)[number]
const NAMES: Record<Side, string> = { execute: 'execute', http: 'HTTP door', limit: 'pgbench' }

/** Commands a second of one worker of the server that QTable replaces, and how many times as fast at least. */
const BEFORE: Readonly<Partial<Record<What, number>>> = { 'walk-in': 180, status: 161 }
const BEATEN = 10
/** Of pgbench, and commands a second of one hot restaurant. */
const [OF_LIMIT, HOT] = [0.5, 500]

const POOL = 20
const { count, rounds } = by({
  full: { count: 2_000, rounds: 3 },
  quick: { count: 1_500, rounds: 2 },
  short: { count: 300, rounds: 1 },
})
/**
 * How often everything is run before it is measured, until connections are open, statements prepared and code compiled: V8
 * goes on optimizing for some ten thousand commands.
 */
const WARM_UPS = by({ full: 2, quick: 4, short: 1 })
/** Commands at half of the rate, and how many times: the median of all hides a slow moment of the disk. */
const HALF = by({
  full: { count: 1_500, rounds: 7 },
  quick: { count: 1_500, rounds: 3 },
  short: { count: 300, rounds: 1 },
})

/** What each command sends: the second time, when every statement is prepared. */
interface Captured {
  readonly sent: readonly Sent[]
  readonly ids: Ids
}

/** Runs each command in a restaurant of its own and writes down what goes to the database. */
async function captureAll(db: Db): Promise<Record<What, Captured>> {
  const captured: Partial<Record<What, Captured>> = {}
  for (const index of [0, 1]) {
    for (const what of WHATS) {
      const pair = pairOf('spare', index)
      let made = ''
      const sent = await capture(async () => {
        const { result } = await runOne(quiet(db), what, pair)
        made = what === 'walk-in' ? (result as { id: string }).id : ''
      })
      const { restaurantId, pairId, number } = pair
      const ids: Ids = { [restaurantId]: 'restaurant', [pairId]: 'pair', [number]: 'number', [made]: 'fresh' }
      captured[what] = { sent, ids }
    }
  }
  return captured as Record<What, Captured>
}

/** A way to run a command so many times, as fast as can be or, through HTTP, so many a second. */
type Run = (side: Side, what: What, count: number, perSecond?: number) => Promise<Figures>

const runOn =
  (url: string, where: Where, door: Door, captured: Record<What, Captured>): Run =>
  async (side, what, count, perSecond) => {
    if (side === 'execute') return figuresOf(await inProcess(door.deps, what, where, count, POOL))
    if (side === 'http') return door.run(what, where, count, POOL, perSecond)
    const script = scriptOf(captured[what].sent, captured[what].ids, where, POOL)
    return figuresOf(await pgbench(url, script, count, POOL))
  }

type Runs = ReadonlyMap<Side, readonly Figures[]>

async function playAll(url: string, run: Run): Promise<Map<What, Runs>> {
  for (let n = 0; n < WARM_UPS; n++) {
    for (const side of ['execute', 'http'] as const) for (const what of WHATS) await run(side, what, count)
    await tidy(url)
  }
  const all = new Map(WHATS.map((what) => [what, new Map(SIDES.map((side): [Side, Figures[]] => [side, []]))]))
  for (let round = 0; round < rounds; round++)
    for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed()) {
      for (const what of WHATS)
        all
          .get(what)!
          .get(side)!
          .push(await run(side, what, count))
      await tidy(url)
    }
  return all
}

/** The rows of one command. The ratio is the median of those of runs next to each other: what the machine does beside it hits both. */
function tell(name: string, runs: Runs, before: number | undefined): void {
  const limits = runs.get('limit')!
  const rate = (side: Side) => median(runs.get(side)!.map(({ perSecond }) => perSecond))
  const shown = (side: Side) => `${Math.round(rate(side))}/s`
  for (const side of ['execute', 'http'] as const) {
    const ratio = median(runs.get(side)!.map(({ perSecond }, n) => perSecond / limits[n]!.perSecond))
    row(`${name}, ${NAMES[side]}, pgbench`, shown(side), shown('limit'), ratio, atLeast(OF_LIMIT))
  }
  if (before === undefined) return
  row(`${name}, HTTP door, the server before`, shown('http'), `${before}/s`, rate('http') / before, atLeast(BEATEN))
}

/** Each command through HTTP at half of what it came to at most. */
async function playHalf(url: string, run: Run, rates: ReadonlyMap<What, number>): Promise<void> {
  const all = new Map(WHATS.map((what): [What, Figures[]] => [what, []]))
  for (let round = 0; round < HALF.rounds; round++) {
    for (const [what, runs] of all) runs.push(await run('http', what, HALF.count, rates.get(what)! / 2))
    await tidy(url)
  }
  for (const [what, runs] of all) {
    const { p50, p99 } = medians(runs)
    const name = `${what}, one hot restaurant, HTTP door, at half of that, p99 against p50`
    row(name, `${p99.toFixed(1)} ms`, `${p50.toFixed(1)} ms`, p99 / p50, atMost(10))
  }
}

async function play(url: string, where: Where, captured: Record<What, Captured>): Promise<void> {
  const db = new Db({ url, poolSize: POOL })
  const door = await Door.open(db)
  try {
    const run = runOn(url, where, door, captured)
    const all = await playAll(url, run)
    const place = where === 'hot' ? 'one hot restaurant' : '50 restaurants'
    for (const [what, runs] of all) tell(`${what}, ${place}`, runs, where === 'many' ? BEFORE[what] : undefined)
    if (where === 'many') return
    const rates = new Map(
      [...all].map(([what, runs]) => [what, median(runs.get('http')!.map((each) => each.perSecond))]),
    )
    for (const [what, rate] of rates)
      row(`${what}, ${place}, HTTP door`, `${Math.round(rate)}/s`, `${HOT}/s`, rate / HOT, atLeast(1))
    await playHalf(url, run, rates)
  } finally {
    await door.close()
    await db.close()
  }
}

async function main(): Promise<void> {
  try {
    execFileSync('pgbench', ['--version'])
  } catch {
    return say('writes: not run, there is no pgbench on the PATH. Install it: apt-get install postgresql-contrib')
  }
  const postgres = await openPostgres(true)
  try {
    const db = new Db({ url: postgres.url, poolSize: 1 })
    await furnish(postgres.url, db, Math.max(HALF.count, count))
    const captured = await captureAll(db)
    await db.close()
    for (const where of ['many', 'hot'] as const) await play(postgres.url, where, captured)
  } finally {
    await postgres.close()
  }
}

await main()
