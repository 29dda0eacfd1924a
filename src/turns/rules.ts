import { instantOfMicros, microsOf, type Instant } from '../platform/clock.ts'
import { clockAt, dayOf, type Days } from '../settings/hours/rules.ts'

/**
 * How long parties stay, and when one that is seated will leave. A stay is lognormal: its logarithm has a mean and a
 * variance. Pure. The server, the client and the web share this file.
 */

/** Party sizes that are told apart; the last one stands for all larger ones. */
export const TURN_SIZES = 9

/** Weekdays, Sunday first. */
export const WEEKDAYS = 7

/** The parts of a day, and the hour at which each begins in the restaurant's zone. The last one ends at the first. */
export const PERIODS = { morning: 4, midday: 11, evening: 16, late: 22 } as const
export type Period = keyof typeof PERIODS
const PERIOD_NAMES = Object.keys(PERIODS) as Period[]

/** The number of cells of the estimate. */
export const CELLS = TURN_SIZES * WEEKDAYS * PERIOD_NAMES.length

/** Which stay is meant. `weekday`: 0 is Sunday. */
export interface TurnOf {
  readonly size: number
  readonly weekday: number
  readonly period: Period
}

/** The distribution of a stay. `logMean` and `logVariance` are of the logarithm of minutes; `n` visits of this cell were counted. */
export interface Turn {
  readonly logMean: number
  readonly logVariance: number
  readonly n: number
}

/** The estimate of a restaurant, cell by cell as `cellOf` numbers them. */
export interface Turns {
  readonly logMeans: readonly number[]
  readonly visits: readonly number[]
  readonly logVariance: number
}

/**
 * Mean minutes by party size (1 to 8, then 9 and more) and weekday, Sunday first. Source: S. E. Kimes and
 * G. M. Thompson, study of table mixes: a Californian restaurant with 240 seats that had a wait every night.
 */
const PUBLISHED_MINUTES: readonly (readonly number[])[] = [
  [40.5, 38.3, 43.0, 35.7, 40.6, 48.3, 42.9],
  [45.5, 47.0, 47.8, 47.5, 47.9, 47.4, 46.4],
  [48.4, 53.4, 52.6, 52.9, 49.7, 53.7, 50.5],
  [51.1, 52.6, 52.8, 56.7, 53.0, 55.7, 54.9],
  [54.5, 62.3, 60.3, 59.5, 66.1, 55.4, 55.2],
  [69.9, 67.0, 61.8, 66.3, 59.8, 63.5, 61.0],
  [68.7, 73.5, 83.0, 74.1, 58.8, 59.8, 62.4],
  [62.6, 76.2, 89.0, 59.5, 92.5, 74.8, 72.2],
  [64.3, 51.4, 61.2, 67.8, 59.8, 83.2, 71.8],
]

// The spread is not published. A coefficient of variation of 0.35 is an assumption.
const PUBLISHED_VARIATION = 0.35
export const PUBLISHED_LOG_VARIANCE = Math.log(1 + PUBLISHED_VARIATION ** 2)

/** The number of a cell: by size, then weekday, then period. */
export const cellOf = ({ size, weekday, period }: TurnOf): number =>
  ((Math.min(Math.max(size, 1), TURN_SIZES) - 1) * WEEKDAYS + weekday) * PERIOD_NAMES.length +
  PERIOD_NAMES.indexOf(period)

/** What a cell is about. */
export const turnOfCell = (cell: number): TurnOf => {
  const day = Math.floor(cell / PERIOD_NAMES.length)
  return {
    size: Math.floor(day / WEEKDAYS) + 1,
    weekday: day % WEEKDAYS,
    period: PERIOD_NAMES[cell % PERIOD_NAMES.length]!,
  }
}

/** What the published figures say of each cell; they know no periods. */
export const PUBLISHED: Turns = {
  logMeans: Array.from({ length: CELLS }, (_, cell) => {
    const { size, weekday } = turnOfCell(cell)
    return Math.log(PUBLISHED_MINUTES[size - 1]![weekday]!) - PUBLISHED_LOG_VARIANCE / 2
  }),
  visits: Array.from({ length: CELLS }, () => 0),
  logVariance: PUBLISHED_LOG_VARIANCE,
}

/** The period of an hour of the day, 0 to 23. */
export const periodOf = (hour: number): Period => PERIOD_NAMES.findLast((name) => PERIODS[name] <= hour) ?? 'late'

/** How long such a party stays. Without an estimate of the restaurant's own, the published figures count. */
export function expectedTurn(turns: Turns | undefined, of: TurnOf): Turn {
  const { logMeans, visits, logVariance } = turns ?? PUBLISHED
  const cell = cellOf(of)
  return { logMean: logMeans[cell]!, logVariance, n: visits[cell]! }
}

/** The expected minutes of a stay. */
export const meanMinutes = ({ logMean, logVariance }: Turn): number => Math.exp(logMean + logVariance / 2)

/**
 * The expected minutes of a stay that has lasted `elapsed` minutes: the mean of the lognormal above `elapsed`,
 * `mean × Φ(s - z) / Φ(-z)` with `z = (ln elapsed - logMean) / s`. It is never below `elapsed`.
 */
export function meanMinutesAfter(turn: Turn, elapsed: number): number {
  if (elapsed <= 0) return meanMinutes(turn)
  const s = Math.sqrt(turn.logVariance)
  const z = (Math.log(elapsed) - turn.logMean) / s
  return Math.max(elapsed, meanMinutes(turn) * Math.exp(logUpperTail(z - s) - logUpperTail(z)))
}

/** When a party that sat down at `seatedAt` is expected to leave, as it looks at `now`: a full second, never before `now`. */
export function expectedEnd(seatedAt: Instant, turn: Turn, now: Instant): Instant {
  const [from, at] = [microsOf(seatedAt), microsOf(now)]
  const minutes = meanMinutesAfter(turn, (at - from) / MINUTE_MICROS)
  return instantOfMicros(Math.ceil(Math.max(at, from + minutes * MINUTE_MICROS) / SECOND_MICROS) * SECOND_MICROS)
}

// Devices differ in the last digits of a logarithm.
const SECOND_MICROS = 1_000_000
const MINUTE_MICROS = 60_000_000

/** The weekday of the service day of an instant, and the period by the clocks of the restaurant. */
export const turnTimeOf = (at: Instant, days: Days): Pick<TurnOf, 'weekday' | 'period'> => ({
  weekday: weekdayOf(dayOf(at, days)),
  period: periodOf(Math.floor(clockAt(days.timeZone, at).minutes / 60)),
})

/** The weekday of a day such as `2026-11-27`; 0 is Sunday. */
export const weekdayOf = (day: string): number => new Date(`${day}T00:00:00Z`).getUTCDay()

/**
 * The logarithm of the standard normal's upper tail, exact to 1e-7 for every z. Source: `erfcc` of Numerical Recipes. In
 * logarithms, because tails of a party that sits far too long are too small for a number.
 */
function logUpperTail(z: number): number {
  const x = Math.abs(z) / Math.SQRT2
  const t = 1 / (1 + x / 2)
  const sum = ERFC.reduceRight((total, each) => total * t + each, 0)
  const log = Math.log(t / 2) - x * x + sum
  return z >= 0 ? log : Math.log1p(-Math.exp(log))
}

const ERFC = [
  -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
  0.17087277,
]
