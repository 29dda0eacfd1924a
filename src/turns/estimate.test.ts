import { expect, test } from 'vitest'
import { randomFrom } from '../../test/random.ts'
import { countedStays, estimate, type Stay, type StaySums } from './estimate.ts'
import {
  CELLS,
  cellOf,
  expectedTurn,
  meanMinutes,
  PERIODS,
  PUBLISHED,
  turnOfCell,
  type Period,
  type Turns,
} from './rules.ts'

/** Histories whose truth is known: each restaurant has effects of its own of house, size, weekday, period and cell. */

const SEED = Number(process.env['TURNS_SEED'] ?? 20261130)
const RESTAURANTS = Number(process.env['TURNS_RESTAURANTS'] ?? 8)
const VISITS = [0, 10, 30, 100, 300, 1_000, 3_000, 10_000]
const BATCH = 300

const PERIOD_NAMES = Object.keys(PERIODS) as Period[]
// More couples, dinners and weekends than others.
const SIZES = [0.08, 0.52, 0.14, 0.16, 0.04, 0.035, 0.012, 0.008, 0.005]
const DAYS = [0.13, 0.09, 0.1, 0.12, 0.14, 0.21, 0.21]
const HOURS = [0.05, 0.3, 0.6, 0.05]
const shares = Array.from({ length: CELLS }, (_, cell) => {
  const { size, weekday, period } = turnOfCell(cell)
  return SIZES[size - 1]! * DAYS[weekday]! * HOURS[PERIOD_NAMES.indexOf(period)]!
})

interface World {
  readonly variation: number
  /** How many tables nobody clears, as a share of all. */
  readonly neverCleared: number
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

function cellAt(random: number): number {
  let left = random
  const cell = shares.findIndex((each) => (left -= each) < 0)
  return cell < 0 ? cellOf({ size: 2, weekday: 5, period: 'evening' }) : cell
}

/** The true log mean of each cell of a restaurant. */
function truthOf(random: () => number): number[] {
  const effects = (n: number, deviation: number) => Array.from({ length: n }, () => deviation * normal(random))
  const [house, sizes, days, hours] = [effects(1, 0.25), effects(9, 0.1), effects(7, 0.04), effects(4, 0.12)]
  return PUBLISHED.logMeans.map((published, cell) => {
    const { size, weekday, period } = turnOfCell(cell)
    const own = hours[PERIOD_NAMES.indexOf(period)]! + 0.06 * normal(random)
    return published + house[0]! + sizes[size - 1]! + days[weekday]! + own
  })
}

/** The mean error of the minutes: of the raw mean of each cell, of what is published, and of the estimate. */
function errorsOf(visits: number, { variation, neverCleared }: World, seed: number): [number, number, number] {
  const random = randomFrom(seed)
  const truth = truthOf(random)
  const variance = Math.log(1 + variation ** 2)
  const sums: StaySums[] = truth.map(() => ({ n: 0, logs: 0, squares: 0 }))
  const raw = truth.map(() => ({ n: 0, minutes: 0 }))
  let turns: Turns | undefined
  for (let left = visits; left > 0; left -= BATCH) {
    const stays = Array.from({ length: Math.min(left, BATCH) }, (): Stay => {
      const cell = cellAt(random())
      const stay = Math.exp(truth[cell]! + Math.sqrt(variance) * normal(random))
      const minutes = random() < neverCleared ? stay * (3 + 5 * random()) : stay
      raw[cell]!.n++
      raw[cell]!.minutes += minutes
      return { of: turnOfCell(cell), minutes }
    })
    const isCounted = countedStays(stays, turns)
    for (const { of, minutes } of stays.filter((_, index) => isCounted[index])) {
      const [cell, log] = [cellOf(of), Math.log(minutes)]
      const { n, logs, squares } = sums[cell]!
      sums[cell] = { n: n + 1, logs: logs + log, squares: squares + log ** 2 }
    }
    turns = estimate(sums)
  }
  const errors: [number, number, number] = [0, 0, 0]
  for (const [cell, logMean] of truth.entries()) {
    const of = turnOfCell(cell)
    const minutes = meanMinutes({ logMean, logVariance: variance, n: 0 })
    const published = meanMinutes(expectedTurn(undefined, of))
    const { n, minutes: total } = raw[cell]!
    for (const [index, guess] of [
      n > 0 ? total / n : published,
      published,
      meanMinutes(expectedTurn(turns, of)),
    ].entries())
      errors[index]! += shares[cell]! * Math.abs(guess - minutes)
  }
  return errors
}

/** The errors by the number of visits, over some restaurants. */
const errorsByVisits = (world: World) =>
  VISITS.map((visits) => {
    const all = Array.from({ length: RESTAURANTS }, (_, n) => errorsOf(visits, world, SEED + n))
    const mean = (index: 0 | 1 | 2) => all.reduce((sum, errors) => sum + errors[index], 0) / RESTAURANTS
    return { visits, raw: mean(0), published: mean(1), estimate: mean(2) }
  })

const WORLDS: readonly World[] = [
  { variation: 0.35, neverCleared: 0 },
  { variation: 0.35, neverCleared: 0.02 },
  ...(process.env['TURNS_WORLDS'] === 'all'
    ? [0.25, 0.5].flatMap((variation) => [0, 0.02, 0.05].map((neverCleared) => ({ variation, neverCleared })))
    : []),
]

test.each(WORLDS)(
  'Q2: the estimate beats the raw means and the published minutes: variation $variation, never cleared $neverCleared',
  (world) => {
    const rows = errorsByVisits(world)
    const text = rows.map(({ visits, raw, published, estimate: own }) =>
      [visits, ...[raw, published, own].map((each) => each.toFixed(2))]
        .map((each) => String(each).padStart(10))
        .join(''),
    )
    const head = ['visits', 'raw', 'published', 'estimate'].map((each) => each.padStart(10)).join('')
    console.log([`seed ${SEED}, ${RESTAURANTS} restaurants, mean error in minutes`, head, ...text].join('\n'))
    for (const { visits, raw, published, estimate: own } of rows) {
      // Without a visit it is what is published. Never is it worse than the worse of both.
      expect(own, `${visits} visits`).toBeLessThanOrEqual(Math.max(raw, published) + 1e-9)
      if (visits >= 100) expect(own, `${visits} visits`).toBeLessThan(0.75 * Math.min(raw, published))
    }
    // The history takes over: what is left of the error falls with the visits.
    expect(rows.at(-1)!.estimate).toBeLessThan(0.6 * rows.find(({ visits }) => visits === 1_000)!.estimate)
  },
)

test('Q2: without stays the estimate is what is published', () => {
  const turns = estimate(PUBLISHED.logMeans.map(() => ({ n: 0, logs: 0, squares: 0 })))
  for (const [cell, logMean] of turns.logMeans.entries()) expect(logMean).toBeCloseTo(PUBLISHED.logMeans[cell]!, 3)
  expect(turns.visits.every((n) => n === 0)).toBe(true)
  expect(turns.logVariance).toBeCloseTo(PUBLISHED.logVariance, 3)
})

test('Q2: a cell with a long history follows it, whatever is published', () => {
  const of = { size: 2, weekday: 5, period: 'evening' } as const
  const log = Math.log(120)
  const sums = PUBLISHED.logMeans.map(() => ({ n: 0, logs: 0, squares: 0 }))
  sums[cellOf(of)] = { n: 5_000, logs: 5_000 * log, squares: 5_000 * (log ** 2 + 0.04) }
  const turn = expectedTurn(estimate(sums), of)
  expect(Math.exp(turn.logMean)).toBeCloseTo(120, 0)
  expect(turn.logVariance).toBeCloseTo(0.04, 2)
  expect(turn.n).toBe(5_000)
  // A cell without stays follows its neighbours.
  expect(Math.exp(expectedTurn(estimate(sums), { ...of, weekday: 4 }).logMean)).toBeGreaterThan(90)
})

test('Q2: stays that cannot be true do not count, in a slow restaurant neither', () => {
  const of = { size: 2, weekday: 5, period: 'evening' } as const
  const minutes = [
    95,
    110,
    120,
    130,
    140,
    150,
    160,
    175,
    ...Array.from({ length: 40 }, (_, n) => 110 + n),
    0,
    3,
    700,
    479,
  ]
  const isCounted = countedStays(
    minutes.map((each) => ({ of, minutes: each })),
    undefined,
  )
  expect(minutes.filter((_, index) => !isCounted[index])).toEqual([0, 3, 700, 479])
  expect(countedStays([], undefined)).toEqual([])
  expect(countedStays([{ of, minutes: -20 }], undefined)).toEqual([false])
})
