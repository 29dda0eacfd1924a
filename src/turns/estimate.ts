import {
  CELLS,
  cellOf,
  expectedTurn,
  PUBLISHED,
  PUBLISHED_LOG_VARIANCE,
  turnOfCell,
  type TurnOf,
  type Turns,
} from './rules.ts'

/**
 * Turn times from a restaurant's own history. With y the logarithm of a stay in minutes, p the published log mean of its
 * cell and u the effects of house, size, weekday, period and cell:
 *
 *     y = p + u_house + u_size + u_weekday + u_period + u_cell + e,   u ~ N(0, t²),   e ~ N(0, s²)
 *
 * Each effect is the mean of what the other effects leave of its n stays, shrunk towards 0:
 *
 *     u = n / (n + s² / t²) × mean rest
 *
 * The effects are updated in turn until they settle. So a cell without stays follows its size, weekday and period, and a
 * cell with many follows its own stays. How far effects differ (t²) and how far stays scatter (s²) come from the history
 * too: t² = (k t0² + sum of (u² + s² / (n + s²/t²))) / (k + number of effects), with k assumed effects of variance t0².
 *
 * Sources: H. Bühlmann and E. Straub, "Glaubwürdigkeit für Schadensätze" (1970), for the weight n / (n + s²/t²);
 * B. Efron and C. Morris, "Data Analysis Using Stein's Estimator" (1975), for t² from the data; C. M. Bishop, "Pattern
 * Recognition and Machine Learning" (2006), section 10.1, for updating effects and t² in turn.
 */

/** The stays of one cell: how many, the sum of their logarithms of minutes, and of the squares of those. Old ones may weigh less than 1. */
export interface StaySums {
  readonly n: number
  readonly logs: number
  readonly squares: number
}

/** Effects of one kind: which of them a cell has, and what is assumed of their spread before there is a history. */
interface Effects {
  readonly of: (cell: TurnOf) => number
  readonly size: number
  readonly assumed: number
}

const EFFECTS: readonly Effects[] = [
  // Casual dinners take 1.3 to 1.6 times the published minutes, fine dining 3 times.
  { of: () => 0, size: 1, assumed: 0.4 },
  { of: ({ size }) => size - 1, size: 9, assumed: 0.1 },
  { of: ({ weekday }) => weekday, size: 7, assumed: 0.05 },
  { of: (turn) => cellOf({ ...turn, size: 1, weekday: 0 }), size: 4, assumed: 0.1 },
  // The published weekdays of one size differ as much.
  { of: cellOf, size: CELLS, assumed: 0.06 },
]

// So many effects, and so many stays, do the assumptions count for.
const ASSUMED_EFFECTS = 10
const ASSUMED_STAYS = 20
// Effects change by less than a thousandth after fewer.
const SWEEPS = 40

/** An estimate that nobody else holds. */
export type Estimated = { -readonly [K in keyof Turns]: Turns[K] extends readonly number[] ? number[] : Turns[K] }

/** The estimate of every cell. `sums` are numbered as cells are. Without any stays it is what is published. */
export function estimate(sums: readonly StaySums[]): Estimated {
  const logVariance = scatter(sums)
  const rest = sums.map(({ n, logs }, cell) => (n > 0 ? logs / n - PUBLISHED.logMeans[cell]! : 0))
  const groups = EFFECTS.map((effects) => groupOf(effects, sums))
  for (let sweep = 0; sweep < SWEEPS; sweep++) for (const group of groups) update(group, rest, sums, logVariance)
  const logMeans = PUBLISHED.logMeans.map((published, cell) =>
    groups.reduce((sum, { values, cells }) => sum + values[cells[cell]!]!, published),
  )
  return {
    logMeans: logMeans.map(rounded),
    visits: sums.map(({ n }) => Math.round(n)),
    logVariance: rounded(logVariance),
  }
}

/** s²: the scatter within cells, pooled over all of them. */
function scatter(sums: readonly StaySums[]): number {
  let [squares, freedom] = [ASSUMED_STAYS * PUBLISHED_LOG_VARIANCE, ASSUMED_STAYS]
  for (const { n, logs, squares: own } of sums) {
    if (n <= 1) continue
    squares += Math.max(0, own - logs ** 2 / n)
    freedom += n - 1
  }
  return squares / freedom
}

interface Group {
  readonly cells: readonly number[]
  readonly counts: readonly number[]
  readonly values: number[]
  readonly assumed: number
  variance: number
}

function groupOf({ of, size, assumed }: Effects, sums: readonly StaySums[]): Group {
  const cells = sums.map((_, cell) => of(turnOfCell(cell)))
  const counts = Array.from({ length: size }, () => 0)
  for (const [cell, { n }] of sums.entries()) counts[cells[cell]!]! += n
  const values = Array.from({ length: size }, () => 0)
  return { cells, counts, values, assumed: assumed ** 2, variance: assumed ** 2 }
}

/** Updates the effects of one kind and their variance. `rest` is what all effects together leave of each cell's mean. */
function update(group: Group, rest: number[], sums: readonly StaySums[], logVariance: number): void {
  const { cells, counts, values, assumed } = group
  const left = values.map((value, index) => value * counts[index]!)
  for (const [cell, { n }] of sums.entries()) left[cells[cell]!]! += n * rest[cell]!
  const ratio = logVariance / group.variance
  let [total, seen] = [ASSUMED_EFFECTS * assumed, ASSUMED_EFFECTS]
  for (const [index, n] of counts.entries()) {
    if (n === 0) continue
    const value = left[index]! / (n + ratio)
    total += value ** 2 + logVariance / (n + ratio)
    seen++
    left[index] = value
  }
  for (const cell of cells.keys()) rest[cell]! -= left[cells[cell]!]! - values[cells[cell]!]!
  for (const index of values.keys()) values[index] = left[index]!
  group.variance = total / seen
}

// A thousandth is 0.1 % of the minutes. What differs by less is the same estimate, and no change for devices.
const rounded = (value: number): number => Math.round(value * 1000) / 1000

/** A stay of a visit that is over. */
export interface Stay {
  readonly of: TurnOf
  readonly minutes: number
}

// Shorter and longer ones are slips of a finger, and tables that nobody cleared.
const MINUTES = { least: 5, most: 480 }
const DEVIATIONS = 3
// The shift of a batch counts in full only if it has many stays.
const ASSUMED_SHIFT = 20

/**
 * Which stays of a batch count. A stay does not count that is shorter than 5 minutes or longer than 8 hours, or more than
 * three standard deviations away from what is expected. So a table that nobody cleared spoils nothing. What is expected
 * moves with the median of the batch: the first batch of a slow restaurant is far from the published figures.
 */
export function countedStays(stays: readonly Stay[], turns: Turns | undefined): boolean[] {
  const deviations = stays.map(({ of, minutes }) => {
    const { logMean, logVariance } = expectedTurn(turns, of)
    const isPossible = minutes >= MINUTES.least && minutes <= MINUTES.most
    return isPossible ? (Math.log(minutes) - logMean) / Math.sqrt(logVariance) : Infinity
  })
  const possible = deviations.filter(Number.isFinite).toSorted((a, b) => a - b)
  const n = possible.length
  const median = n === 0 ? 0 : (possible[Math.floor((n - 1) / 2)]! + possible[Math.floor(n / 2)]!) / 2
  const shift = (median * n) / (n + ASSUMED_SHIFT)
  return deviations.map((each) => Math.abs(each - shift) <= DEVIATIONS)
}
