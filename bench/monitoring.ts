import { Db } from '../src/platform/db.ts'
import type { Cost, Order } from './door-process.ts'
import { by } from './effort.ts'
import { furnish, openPostgres, tidy } from './floor.ts'
import { layOut, median, medianWithin } from './figures.ts'
import { Process } from './process.ts'
import { atLeast, row } from './report.ts'

/**
 * What measuring costs: reads of the dashboard and walk-ins over HTTP, of a server with all that feeds /metrics and of one without, which take turns. On a shared machine the same tenth of a second costs a
 * fifth more or less than the one before, so the turns are short and many, and the median of their ratios is told with the interval that it is in. Each side is a process of its own, as they would serve:
 * in one process each slows the other's code down. There are several pairs of them, because V8 compiles no two alike, and each side is started first in half of them. Nine minutes; `--quick` takes two.
 */

const PAIRS = by({ full: 16, quick: 4, short: 1 })
const WARM_UP = by({ full: 15, quick: 15, short: 1 })
const ROUNDS = by({
  full: { dashboard: 26, 'walk-in': 20 },
  quick: { dashboard: 20, 'walk-in': 10 },
  short: { dashboard: 4, 'walk-in': 4 },
})
const COUNT = by({
  full: { dashboard: 1_500, 'walk-in': 400 },
  quick: { dashboard: 1_500, 'walk-in': 400 },
  short: { dashboard: 200, 'walk-in': 100 },
})
const CONNECTIONS = 16
const LIMIT = 0.95

type What = keyof typeof COUNT
const WHATS = Object.keys(COUNT) as What[]
const SIDES = ['with', 'without'] as const
type Side = (typeof SIDES)[number]
type Both = Record<Side, Cost>

/** Measures one pair of processes, the sides in turn. The first of `order` is started and warmed up first. */
async function measure(url: string, order: readonly Side[], of: Record<What, Both[]>): Promise<void> {
  const doors = new Map(order.map((side) => [side, Process.start('door-process', [url, side])]))
  const run = (side: Side, what: What, count: number): Promise<Cost> =>
    doors.get(side)!.ask({ what, count, connections: CONNECTIONS } satisfies Order)
  try {
    for (const what of WHATS) {
      const count = COUNT[what]
      for (const side of order) await run(side, what, count * WARM_UP)
      for (let round = 0; round < ROUNDS[what]; round++) {
        const costs: Partial<Both> = {}
        for (const side of round % 2 === 0 ? order : order.toReversed()) costs[side] = await run(side, what, count)
        of[what].push(costs as Both)
      }
    }
  } finally {
    for (const door of doors.values()) await door.end()
  }
}

const postgres = await openPostgres(false)
const all: Record<What, Both[]> = { dashboard: [], 'walk-in': [] }
try {
  const db = new Db({ url: postgres.url, poolSize: 1 })
  await furnish(postgres.url, db, 200)
  await db.close()
  for (let n = 0; n < PAIRS; n++) {
    await measure(postgres.url, n % 2 === 0 ? SIDES : SIDES.toReversed(), all)
    // The next pair has the same dashboards as the first.
    await tidy(postgres.url)
  }
} finally {
  await postgres.close()
}

const table = [['', ...SIDES, 'ratio', '95 % of it', 'at least']]
for (const what of WHATS) {
  const costs = all[what]
  const say = (
    name: string,
    unit: string,
    of: (cost: Cost) => number,
    ratioOf: (both: Both) => number,
    goal: boolean,
  ) => {
    const [ours, limit] = SIDES.map((side) => `${Math.round(median(costs.map((both) => of(both[side]))))}${unit}`)
    const ratios = costs.map(ratioOf)
    const [ratio, within] = [
      median(ratios),
      medianWithin(ratios)
        .map((end) => end.toFixed(3))
        .join(' to '),
    ]
    row(`${name}, without measuring (${within})`, ours!, limit!, ratio, goal ? atLeast(LIMIT) : null)
    table.push([name, ours!, limit!, ratio.toFixed(3), within, goal ? `${LIMIT}` : ''])
  }
  say(
    what,
    '/s',
    (cost) => cost.perSecond,
    (both) => both.with.perSecond / both.without.perSecond,
    true,
  )
  say(
    `${what}, processor time`,
    ' µs',
    (cost) => cost.micros,
    (both) => both.without.micros / both.with.micros,
    false,
  )
}
process.stdout.write(`${layOut(table)}\n`)
