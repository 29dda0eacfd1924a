import { Db } from '../src/platform/db.ts'
import { figuresOf, layOut, median, type Figures } from './figures.ts'
import { furnish, openPostgres, tidy, type Where } from './floor.ts'
import { captureAll, scriptFor, type Match } from './matches.ts'
import { inProcess, quiet, WHATS } from './ours.ts'
import { findPgbench, pgbench } from './pgbench.ts'
import { AS_IT_IS, VariantDb, type Variant } from './variant-db.ts'

/** What other ways to talk to the database would bring, in process: `npx tsx bench/candidates.ts`, about five minutes. */

const VARIANTS: Record<string, Variant> = {
  'as it is': AS_IT_IS,
  'no pipeline': { ...AS_IT_IS, pipeline: false },
  'unnamed statements': { ...AS_IT_IS, named: false },
  corked: { ...AS_IT_IS, corked: true },
  folded: { ...AS_IT_IS, folded: true },
  'folded and corked': { ...AS_IT_IS, folded: true, corked: true },
}
const OUR_TRIPS = 'pgbench, our trips'
const LIMITS = { [OUR_TRIPS]: 'same', 'pgbench, one trip': 'all' } as const
const rounds = Number(process.argv[2] ?? 3)
/** Words of the variants' names, with commas between; all of them when none are given. */
const only = process.argv[3]?.split(',')
const count = 1_200
const poolSize = 20

const say = (line: string): void => void process.stdout.write(`${line}\n`)

interface Run extends Figures {
  /** Microseconds of this process's processor time for each command. */
  readonly cpu: number
}

async function measure(url: string, where: Where): Promise<void> {
  const setUp = new Db({ url, poolSize: 1 })
  const captured = await captureAll(setUp)
  await setUp.close()
  const match: Match = { where, poolSize, count, rounds, sides: [] }
  const dbs = new Map<string, Db>()
  for (const [name, variant] of Object.entries(VARIANTS).filter(([name]) => only?.includes(name) ?? true))
    dbs.set(name, new VariantDb(url, poolSize, variant, captured.seat.sent))
  const names = [...dbs.keys(), ...Object.keys(LIMITS)]
  const runs = new Map<string, Run[]>()
  for (let round = -1; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const db = dbs.get(name)
      for (const what of WHATS) {
        if (db) await inProcess(quiet(db), 'walk-in', where, 100, poolSize) // opens connections that idled away
        const before = process.cpuUsage()
        const timed = db
          ? await inProcess(quiet(db), what, where, count, poolSize)
          : await pgbench(url, scriptFor(captured[what], match, LIMITS[name as keyof typeof LIMITS]), count, poolSize)
        const { user, system } = process.cpuUsage(before)
        const run = { ...figuresOf(timed), cpu: db ? (user + system) / count : 0 }
        if (round >= 0) runs.set(`${name} ${what}`, [...(runs.get(`${name} ${what}`) ?? []), run])
      }
      await tidy(url)
    }
  }
  for (const db of dbs.values()) await db.close()
  report(where, names, runs)
}

function report(where: Where, names: readonly string[], runs: ReadonlyMap<string, readonly Run[]>): void {
  const title = where === 'hot' ? 'one hot restaurant' : '50 restaurants'
  const rows = [[title, ...WHATS.flatMap((what) => [`${what}/s`, 'ratio', 'p99', 'µs'])]]
  for (const name of names) {
    const cells = WHATS.flatMap((what) => {
      const own = runs.get(`${name} ${what}`)!
      const limit = runs.get(`${OUR_TRIPS} ${what}`)!
      const middle = (figure: (run: Run, round: number) => number) => median(own.map(figure))
      return [
        middle((run) => run.perSecond).toFixed(0),
        middle((run, round) => run.perSecond / limit[round]!.perSecond).toFixed(2),
        middle((run) => run.p99).toFixed(1),
        middle((run) => run.cpu).toFixed(0),
      ]
    })
    rows.push([name, ...cells])
  }
  say(`\n${layOut(rows)}`)
}

async function main(): Promise<void> {
  const found = await findPgbench()
  if ('reason' in found) return say(`not run: ${found.reason}`)
  const postgres = await openPostgres(!process.argv.includes('--no-fsync'))
  try {
    const setUp = new Db({ url: postgres.url, poolSize: 1 })
    await furnish(postgres.url, setUp, count)
    await setUp.close()
    for (const where of ['many', 'hot'] as const) await measure(postgres.url, where)
  } finally {
    await postgres.close()
  }
}

await main()
