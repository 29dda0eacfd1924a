import { by } from './effort.ts'
import { layOut, median, type Figures } from './figures.ts'
import { play, type Match, type Score, type Side } from './matches.ts'
import type { What } from './requests.ts'
import { findPgbench } from './pgbench.ts'
import { atLeast, atMost, row, type Goal } from './report.ts'

/**
 * Walk-in, status, seat and clear: commands a second of ours, against pgbench with the statements that the commands send. About fifteen minutes; `--quick` takes three, `--short` half
 * a one.
 */

const NAMES: Record<Side, string> = {
  execute: 'execute',
  http: 'HTTP door',
  limit: 'pgbench',
  single: 'pgbench, a trip a statement',
}

/** Commands a second of one worker of the server that QTable replaces, and how many times as fast at least. */
const BEFORE: Readonly<Partial<Record<What, number>>> = { 'walk-in': 180, status: 161 }
const BEATEN = 10
/** Of pgbench, and commands a second of one hot restaurant. */
const [OF_LIMIT, HOT] = [0.5, 500]

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const whole = (n: number): string => String(Math.round(n))
const tenth = (n: number): string => n.toFixed(1)

/** The median of the ratios of runs next to each other: what the machine does beside it hits both. */
function ratioOf(score: Score, side: Side): number {
  const limit = score.runs.get('limit')!
  return median(score.runs.get(side)!.map((run, round) => run.perSecond / limit[round]!.perSecond))
}

/** The rows of the common table. */
function tellOf({ what, match: { where }, figures, atHalf }: Score, side: Side, ratio: number): void {
  const [own, limit] = [figures.get(side)!, figures.get('limit')!]
  const name = `${what}, ${where === 'hot' ? 'one hot restaurant' : '50 restaurants'}, ${NAMES[side]}`
  if (side === 'execute' || side === 'http')
    row(`${name}, pgbench`, `${whole(own.perSecond)}/s`, `${whole(limit.perSecond)}/s`, ratio, atLeast(OF_LIMIT))
  if (side !== 'http') return
  const before = BEFORE[what]
  if (where === 'many' && before !== undefined)
    row(
      `${name}, the server before`,
      `${whole(own.perSecond)}/s`,
      `${before}/s`,
      own.perSecond / before,
      atLeast(BEATEN),
    )
  if (!atHalf) return
  row(name, `${whole(own.perSecond)}/s`, `${HOT}/s`, own.perSecond / HOT, atLeast(1))
  const half = (of: string, { p50, p99 }: Figures, goal: Goal | null) =>
    row(`${of}, at half of that, p99 against p50`, `${tenth(p99)} ms`, `${tenth(p50)} ms`, p99 / p50, goal)
  half(name, atHalf.own, atMost(10))
  half(`${what}, one hot restaurant, ${NAMES.limit}`, atHalf.limit, null)
}

function report(title: string, scores: readonly Score[], isDurable: boolean): void {
  const rows = [['what', 'pool', 'ours/s', 'limit/s', 'ratio', 'p50/p99 ms', "limit's p50/p99"]]
  for (const score of scores) {
    const { where, poolSize, sides } = score.match
    const limit = score.figures.get('limit')!
    for (const side of sides) {
      if (side === 'limit') continue
      const own = score.figures.get(side)!
      const ratio = ratioOf(score, side)
      if (isDurable && poolSize === 20) tellOf(score, side, ratio)
      rows.push([
        `${score.what}, ${where === 'hot' ? 'one hot restaurant' : '50 restaurants'}, ${NAMES[side]}`,
        `${poolSize}`,
        whole(own.perSecond),
        whole(limit.perSecond),
        ratio.toFixed(2),
        `${tenth(own.p50)}/${tenth(own.p99)}`,
        `${tenth(limit.p50)}/${tenth(limit.p99)}`,
      ])
    }
  }
  say(`\n${title}\n\n${layOut(rows)}`)
}

async function main(): Promise<void> {
  const found = await findPgbench()
  if ('reason' in found) {
    say(`writes against pgbench: not run, ${found.reason}. Install it: apt-get install postgresql-contrib`)
    return
  }
  say(`${found.version}; the limit is the same statements in the same trips, prepared, over as many connections`)
  const few = ['execute', 'http', 'limit'] as const
  const shape: Pick<Match, 'count' | 'rounds' | 'sides'> = by({
    full: { count: 2_000, rounds: 3, sides: ['execute', 'http', 'limit', 'single'] },
    quick: { count: 1_500, rounds: 2, sides: few },
    short: { count: 300, rounds: 1, sides: few },
  })
  const isFull = by({ full: true, quick: false, short: false })
  const at = (where: Match['where'], poolSize: number): Match => ({ where, poolSize, ...shape })
  const twenty = [at('many', 20), { ...at('hot', 20), atHalf: true }]
  const durable = !isFull ? twenty : [...twenty, at('many', 8), at('hot', 8)]
  report('Durable (fsync on)', (await play(durable, true, say)).scores, true)
  if (!isFull) return
  report(
    'Not durable (fsync off): what the processor alone allows',
    (await play([at('many', 20), at('hot', 20)], false, say)).scores,
    false,
  )
}

await main()
