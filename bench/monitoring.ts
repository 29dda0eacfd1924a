import { Db } from '../src/platform/database/db.ts'
import type { Cost, Order } from './door-process.ts'
import { by } from './effort.ts'
import { furnish, openPostgres, tidy } from './floor.ts'
import { layOut, median, medianWithin } from './figures.ts'
import { Process } from './process.ts'
import { atLeast, row } from './report.ts'

/**
 * What measuring costs: dashboards and walk-ins over HTTP, of a server that feeds /metrics and of the same one while it does not, in turn. On a shared machine the same tenth of a second costs a fifth more or
 * less than the one before, so the turns are short and many, and the median of their ratios is told with the interval that it is in. It is one server that stops measuring and begins again, because V8 compiles
 * no two processes alike: two of one kind differ by as much as is measured here. There are several servers, each for itself, so that none has the word alone. Five minutes; `--quick` takes one.
 */

const SERVERS = by({ full: 6, quick: 2, short: 1 })
const ROUNDS = by({ full: 60, quick: 30, short: 4 })
const WARM_UP = by({ full: 40, quick: 20, short: 1 })
const CONNECTIONS = 16
const LIMIT = 0.95

interface Play {
  readonly name: string
  /** Of a server that alone has its database, answers from memory are known to be right; one of many asks where the log ends. */
  readonly processes: 'alone' | 'of many'
  readonly what: Order['what']
  /** Requests in a turn: a tenth of a second. */
  readonly count: number
}

const PLAYS: readonly Play[] = [
  { name: 'dashboard', processes: 'alone', what: 'dashboard', count: by({ full: 3_000, quick: 3_000, short: 200 }) },
  {
    name: 'dashboard, one server of many',
    processes: 'of many',
    what: 'dashboard',
    count: by({ full: 2_000, quick: 2_000, short: 200 }),
  },
  { name: 'walk-in', processes: 'of many', what: 'walk-in', count: by({ full: 300, quick: 300, short: 100 }) },
]

interface Both {
  readonly measured: Cost
  readonly bare: Cost
}

/** Plays on one server, measured and not in turn; each is the first of every other round. */
async function play(url: string, { processes, what, count }: Play): Promise<Both[]> {
  const door = Process.start('door-process', [url, processes])
  const run = (isMeasured: boolean): Promise<Cost> =>
    door.ask({ what, count, connections: CONNECTIONS, isMeasured } satisfies Order)
  const both: Both[] = []
  try {
    for (let n = 0; n < WARM_UP; n++) await run(n % 2 === 0)
    for (let round = 0; round < ROUNDS; round++) {
      const isMeasuredFirst = round % 2 === 0
      const [one, other] = [await run(isMeasuredFirst), await run(!isMeasuredFirst)]
      both.push(isMeasuredFirst ? { measured: one, bare: other } : { measured: other, bare: one })
    }
  } finally {
    await door.end()
  }
  return both
}

const postgres = await openPostgres(false)
const all = new Map(PLAYS.map((each): [Play, Both[]] => [each, []]))
try {
  const db = new Db({ url: postgres.url, poolSize: 1 })
  await furnish(postgres.url, db, 200)
  await db.close()
  for (let n = 0; n < SERVERS; n++)
    for (const [each, costs] of all) {
      costs.push(...(await play(postgres.url, each)))
      // The next has the same dashboards as the first.
      await tidy(postgres.url)
    }
} finally {
  await postgres.close()
}

const table = [['', 'with', 'without', 'ratio', '95 % of it', 'at least']]

/** A row of the table and of the results: medians of both, and of their ratio in each round. */
function tell(name: string, unit: string, costs: readonly Both[], of: keyof Cost, goal: number | null): void {
  const said = (side: keyof Both) => `${Math.round(median(costs.map((both) => both[side][of])))}${unit}`
  // Of speeds and of times alike: below 1 is dearer with measuring.
  const ratioOf = ({ measured, bare }: Both) => (of === 'perSecond' ? measured[of] / bare[of] : bare[of] / measured[of])
  const ratios = costs.map(ratioOf)
  const [ratio, within] = [median(ratios), medianWithin(ratios).map((end) => end.toFixed(3))]
  row(
    `${name}, without measuring (${within.join(' to ')})`,
    said('measured'),
    said('bare'),
    ratio,
    goal === null ? null : atLeast(goal),
  )
  table.push([name, said('measured'), said('bare'), ratio.toFixed(3), within.join(' to '), `${goal ?? ''}`])
}

for (const [{ name }, costs] of all) {
  tell(name, '/s', costs, 'perSecond', LIMIT)
  tell(`${name}, processor time`, ' µs', costs, 'micros', null)
}
process.stdout.write(`${layOut(table)}\n`)
