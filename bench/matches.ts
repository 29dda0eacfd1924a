import { Db } from '../src/platform/database/db.ts'
import { capture, type Sent } from './captured.ts'
import { by } from './effort.ts'
import { figuresOf, median, medians, type Figures } from './figures.ts'
import { furnish, openPostgres, tidy } from './floor.ts'
import { Door, inProcess, quiet, runOne } from './ours.ts'
import { pairOf, type Where } from './pairs.ts'
import { pgbench, scriptOf, type Ids, type Script, type Trips } from './pgbench.ts'
import { WHATS, type What } from './requests.ts'

/** Matches: the same commands by each side, turn by turn on the same database, the order of the sides turned round every round. */

/** Ours: in process, through HTTP. Theirs: pgbench in our trips, and a trip for each statement. */
export const SIDES = ['execute', 'http', 'limit', 'single'] as const
export type Side = (typeof SIDES)[number]

export interface Match {
  readonly where: Where
  readonly poolSize: number
  /** Commands in a run. */
  readonly count: number
  readonly rounds: number
  readonly sides: readonly Side[]
  /** Whether the HTTP door is played at half of its rate too. */
  readonly atHalf?: boolean
}

/** How often everything is run before it is measured. */
const WARM_UPS = by({ full: 2, quick: 4, short: 1 })

/** Commands at half of the rate, and how many times: a slow moment of the disk in one of the runs is not what the median of all says. */
const AT_HALF = by({
  full: { count: 1_500, rounds: 7 },
  quick: { count: 1_500, rounds: 3 },
  short: { count: 300, rounds: 1 },
})

/** What a command came to with each side. */
export interface Score {
  readonly match: Match
  readonly what: What
  /** Medians over the rounds. */
  readonly figures: ReadonlyMap<Side, Figures>
  /** Every round. */
  readonly runs: ReadonlyMap<Side, readonly Figures[]>
  /** Through HTTP at half of the rate seen there, and the limit at the same rate: medians; null where that was not played. */
  readonly atHalf: { readonly own: Figures; readonly limit: Figures } | null
}

/** What each command sends: the second time, when every statement is prepared. */
export interface Captured {
  readonly sent: readonly Sent[]
  readonly ids: Ids
}

/** Runs each command in a restaurant of its own and writes down what goes to the database. */
export async function captureAll(db: Db): Promise<Record<What, Captured>> {
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

/** Opens a database and plays all matches on it. `say` is told how far it is. */
export async function play(
  matches: readonly Match[],
  durable: boolean,
  say: (line: string) => void,
): Promise<{ scores: Score[]; captured: Record<What, Captured> }> {
  const postgres = await openPostgres(durable)
  try {
    const setUp = new Db({ url: postgres.url, poolSize: 1 })
    await furnish(postgres.url, setUp, Math.max(AT_HALF.count, ...matches.map((match) => match.count)))
    const captured = await captureAll(setUp)
    await setUp.close()
    const scores: Score[] = []
    for (const match of matches) {
      say(`${durable ? 'fsync' : 'no fsync'}, ${match.where}, pool of ${match.poolSize}`)
      scores.push(...(await playOne(postgres.url, match, captured)))
    }
    return { scores, captured }
  } finally {
    await postgres.close()
  }
}

async function playOne(url: string, match: Match, captured: Record<What, Captured>): Promise<Score[]> {
  const db = new Db({ url, poolSize: match.poolSize })
  const door = await Door.open(db)
  const runs = new Map<string, Figures[]>()
  let halves: ReadonlyMap<What, Score['atHalf']> = new Map()
  try {
    await warmUp(url, match, door)
    for (let round = 0; round < match.rounds; round++) {
      const sides = round % 2 === 0 ? match.sides : match.sides.toReversed()
      for (const side of sides) {
        for (const what of WHATS) {
          const run = await runSide(url, match, side, what, door, captured[what])
          const key = `${side} ${what}`
          runs.set(key, [...(runs.get(key) ?? []), run])
        }
        await tidy(url)
      }
    }
    if (match.atHalf) {
      const most = (what: What) => median(runs.get(`http ${what}`)!.map((run) => run.perSecond))
      halves = await playHalf(url, match, door, captured, most)
    }
  } finally {
    await door.close()
    await db.close()
  }
  return WHATS.map((what) => {
    const own = new Map(match.sides.map((side) => [side, runs.get(`${side} ${what}`)!]))
    return {
      match,
      what,
      runs: own,
      atHalf: halves.get(what) ?? null,
      figures: new Map([...own].map(([side, all]) => [side, medians(all)])),
    }
  })
}

/** Each command at half of what it came to at most, through HTTP and by the limit in turn. */
async function playHalf(
  url: string,
  { where, poolSize, ...match }: Match,
  door: Door,
  captured: Record<What, Captured>,
  most: (what: What) => number,
): Promise<Map<What, Score['atHalf']>> {
  const { count, rounds } = AT_HALF
  const all = WHATS.map((what) => ({ what, own: [] as Figures[], limit: [] as Figures[] }))
  for (let round = 0; round < rounds; round++) {
    for (const { what, own } of all) own.push(await door.run(what, where, count, poolSize, most(what) / 2))
    await tidy(url)
    for (const { what, limit } of all) {
      const script = scriptFor(captured[what], { where, poolSize, ...match }, 'same')
      limit.push(figuresOf(await pgbench(url, script, count, poolSize, most(what) / 2)))
    }
    await tidy(url)
  }
  return new Map(all.map(({ what, own, limit }) => [what, { own: medians(own), limit: medians(limit) }]))
}

/**
 * Connections opened, statements prepared, code compiled: V8 goes on optimizing for some ten thousand commands, with threads of its own beside the database, and a server of an evening has long
 * had them.
 */
async function warmUp(url: string, match: Match, door: Door): Promise<void> {
  for (let round = 0; round < WARM_UPS; round++) {
    for (const side of ['execute', 'http'] as const)
      for (const what of WHATS) await runSide(url, match, side, what, door)
    await tidy(url)
  }
}

async function runSide(
  url: string,
  match: Match,
  side: Side,
  what: What,
  door: Door,
  captured?: Captured,
): Promise<Figures> {
  const { where, count, poolSize } = match
  if (side === 'execute') return figuresOf(await inProcess(door.deps, what, where, count, poolSize))
  if (side === 'http') return door.run(what, where, count, poolSize)
  const script = scriptFor(captured!, match, side === 'limit' ? 'same' : 'single')
  return figuresOf(await pgbench(url, script, count, poolSize))
}

export const scriptFor = ({ sent, ids }: Captured, { where, poolSize }: Match, trips: Trips): Script =>
  scriptOf(sent, ids, where, poolSize, trips)
