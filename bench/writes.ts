import { layOut, median } from './figures.ts'
import { play, type Match, type Score, type Side } from './matches.ts'
import { findPgbench } from './pgbench.ts'

/**
 * Walk-in, seat and clear: commands a second of ours, against pgbench with the statements that the commands send. `--quick` takes about 20 seconds and
 * says roughly; without it about five minutes.
 */

const NAMES: Record<Side, string> = {
  execute: 'execute',
  listened: 'execute, one listener',
  http: 'HTTP door',
  limit: 'pgbench',
  single: 'pgbench, a trip a statement',
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const whole = (n: number): string => String(Math.round(n))
const tenth = (n: number): string => n.toFixed(1)

/** The median of the ratios of runs next to each other: what the machine does beside it hits both. */
function ratioOf(score: Score, side: Side): number {
  const limit = score.runs.get('limit')!
  return median(score.runs.get(side)!.map((run, round) => run.perSecond / limit[round]!.perSecond))
}

function report(title: string, scores: readonly Score[]): void {
  const rows = [['what', 'pool', 'ours/s', 'limit/s', 'ratio', 'p50/p99 ms', "limit's p50/p99"]]
  for (const score of scores) {
    const { where, poolSize, sides } = score.match
    const limit = score.figures.get('limit')!
    for (const side of sides) {
      if (side === 'limit') continue
      const own = score.figures.get(side)!
      rows.push([
        `${score.what}, ${where === 'hot' ? 'one hot restaurant' : '50 restaurants'}, ${NAMES[side]}`,
        `${poolSize}`,
        whole(own.perSecond),
        whole(limit.perSecond),
        ratioOf(score, side).toFixed(2),
        `${tenth(own.p50)}/${tenth(own.p99)}`,
        `${tenth(limit.p50)}/${tenth(limit.p99)}`,
      ])
    }
  }
  say(`\n${title}\n\n${layOut(rows)}`)
}

async function main(): Promise<void> {
  const quick = process.argv.includes('--quick')
  const found = await findPgbench()
  if ('reason' in found) {
    say(
      `walk-in, seat, clear against pgbench: not run, ${found.reason}. Install it: apt-get install postgresql-contrib`,
    )
    return
  }
  say(`${found.version}; the limit is the same statements in the same trips, prepared, over as many connections`)
  const shape: Pick<Match, 'count' | 'rounds' | 'sides'> = quick
    ? { count: 600, rounds: 2, sides: ['execute', 'http', 'limit'] }
    : { count: 1_500, rounds: 3, sides: ['execute', 'listened', 'http', 'limit', 'single'] }
  const at = (where: Match['where'], poolSize: number): Match => ({ where, poolSize, ...shape })
  const twenty = [at('many', 20), at('hot', 20)]
  const durable = quick ? twenty : [...twenty, at('many', 8), at('hot', 8)]
  report('Durable (fsync on)', (await play(durable, true, say)).scores)
  if (quick) return
  report('Not durable (fsync off): what the processor alone allows', (await play(twenty, false, say)).scores)
}

await main()
