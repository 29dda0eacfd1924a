import { Db } from '../src/platform/db.ts'
import { by } from './effort.ts'
import { furnish, openPostgres } from './floor.ts'
import { layOut, median, type Figures } from './figures.ts'
import { Door } from './ours.ts'
import { atLeast, row } from './report.ts'

/**
 * What measuring costs: reads of the dashboard and walk-ins over HTTP, with all that feeds /metrics and without, in turn in one process. The processor time of a request
 * is the steadier figure, where a machine is shared. Two minutes; `--quick` takes half a one.
 */

const ROUNDS = by({ full: 20, quick: 6, short: 2 })
const COUNT = by({
  full: { dashboard: 8_000, 'walk-in': 2_000 },
  quick: { dashboard: 3_000, 'walk-in': 600 },
  short: { dashboard: 400, 'walk-in': 200 },
})
const CONNECTIONS = 16
const LIMIT = 0.95

type What = keyof typeof COUNT
const run = (door: Door, what: What, count: number): Promise<Figures> => door.run(what, 'many', count, CONNECTIONS)

interface Cost {
  readonly perSecond: number
  /** Processor time of this process for one request, in microseconds. */
  readonly micros: number
}

async function cost(door: Door, what: What): Promise<Cost> {
  const before = process.cpuUsage()
  const { perSecond } = await run(door, what, COUNT[what])
  const { user, system } = process.cpuUsage(before)
  return { perSecond, micros: (user + system) / COUNT[what] }
}

const postgres = await openPostgres(false)
const dbs = [true, false].map(() => new Db({ url: postgres.url, poolSize: 20 }))
await furnish(postgres.url, dbs[0]!, 200)
const doors = [await Door.open(dbs[0]!, true), await Door.open(dbs[1]!, false)] as const
const rows = [['', 'with', 'without', 'throughput', 'processor time', 'at least']]
try {
  for (const what of Object.keys(COUNT) as What[]) {
    for (const door of doors) for (let n = 0; n < 3; n++) await run(door, what, COUNT[what])
    const pairs: (readonly [Cost, Cost])[] = []
    for (let round = 0; round < ROUNDS; round++) {
      // Whoever goes first has the other's garbage.
      const first = round % 2
      const one = await cost(doors[first]!, what)
      const two = await cost(doors[1 - first]!, what)
      pairs.push(first === 0 ? [one, two] : [two, one])
    }
    const rate = median(pairs.map(([w, wo]) => w.perSecond / wo.perSecond))
    const micros = median(pairs.map(([w, wo]) => wo.micros / w.micros))
    const of = (side: 0 | 1) =>
      `${Math.round(median(pairs.map((pair) => pair[side].perSecond)))}/s ${Math.round(median(pairs.map((pair) => pair[side].micros)))} µs`
    row(`${what}, without measuring`, of(0), of(1), rate, atLeast(LIMIT))
    row(`${what}, without measuring, processor time`, of(0), of(1), micros)
    rows.push([what, of(0), of(1), rate.toFixed(3), micros.toFixed(3), `${LIMIT}`])
  }
  process.stdout.write(`${layOut(rows)}\n`)
} finally {
  for (const door of doors) await door.close()
  for (const db of dbs) await db.close()
  await postgres.close()
}
