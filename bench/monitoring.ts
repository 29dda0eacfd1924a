import { Db } from '../src/platform/database/db.ts'
import type { Order } from './door-process.ts'
import { furnish, openPostgres, tidy } from './floor.ts'
import { median, medianWithin } from './figures.ts'
import { Process } from './process.ts'
import { atLeast, by, row } from './report.ts'

/**
 * What measuring costs: dashboards and walk-ins over HTTP, of a server that feeds /metrics and of the same one while it
 * does not, in turn. On a shared machine the same tenth of a second costs a fifth more or less than the one before, so the
 * turns are short and many, and the median of their ratios is told with the interval that it is in. It is one server that
 * stops measuring and begins again, because V8 compiles no two processes alike. There are several servers, so that none
 * has the word alone. Five minutes; `--quick` takes one.
 */

const SERVERS = by({ full: 6, quick: 2, short: 1 })
const ROUNDS = by({ full: 60, quick: 30, short: 4 })
const WARM_UP = by({ full: 40, quick: 20, short: 1 })

interface Play {
  readonly name: string
  /** A server that alone has its database knows that its kept answers are right; one of many asks where the log ends. */
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

/** Requests a second. */
interface Both {
  readonly measured: number
  readonly bare: number
}

/** Plays on one server, measured and not in turn; each is the first of every other round. */
async function play(url: string, { processes, what, count }: Play): Promise<Both[]> {
  const door = Process.start('door-process', [url, processes])
  const run = (isMeasured: boolean): Promise<number> =>
    door.ask({ what, count, connections: 16, isMeasured } satisfies Order)
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
    for (const [each, runs] of all) {
      runs.push(...(await play(postgres.url, each)))
      // The next has the same dashboards as the first.
      await tidy(postgres.url)
    }
} finally {
  await postgres.close()
}

for (const [{ name }, runs] of all) {
  const said = (side: keyof Both) => `${Math.round(median(runs.map((both) => both[side])))}/s`
  const ratios = runs.map(({ measured, bare }) => measured / bare)
  const within = medianWithin(ratios).map((end) => end.toFixed(3))
  const what = `${name}, without measuring (${within.join(' to ')})`
  row(what, said('measured'), said('bare'), median(ratios), atLeast(0.95))
}
