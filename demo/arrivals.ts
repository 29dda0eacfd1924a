import { meanDining, RESET_MINUTES, type Day } from './figures.ts'
import type { Random } from './random.ts'

/** When parties come: a Poisson process whose rate changes every quarter of an hour. */

export const QUARTER = 15

const clock = (hours: number, minutes: number): number => hours * 60 + minutes

// Against the mean of dinner, a quarter each: 17:00 to 22:00 with its peak, 2.2 times the mean, at 19:00 to 20:00. Their mean is 1.
const DINNER = [
  0.2, 0.25, 0.3, 0.45, 0.65, 0.85, 1.2, 1.7, 2.2, 2.2, 2.2, 2.2, 1.7, 1.2, 0.85, 0.65, 0.45, 0.3, 0.25, 0.2,
]
// A smaller lunch, 11:30 to 14:00, in the same measure.
const LUNCH = [0.2, 0.4, 0.6, 0.9, 1, 1, 0.8, 0.5, 0.3, 0.2]
// The mean of the busiest two hours of dinner.
const BUSIEST = 1.825

/** How busy a minute is against the mean of dinner. */
export function busyness(minute: number): number {
  const dinner = DINNER[Math.floor((minute - clock(17, 0)) / QUARTER)]
  const lunch = LUNCH[Math.floor((minute - clock(11, 30)) / QUARTER)]
  return dinner ?? lunch ?? 0
}

/** The quarters of an hour between two minutes, the first and last cut to fit. */
export function quartersOf(from: number, to: number): { from: number; to: number }[] {
  const parts: { from: number; to: number }[] = []
  for (let at = from; at < to; at = (Math.floor(at / QUARTER) + 1) * QUARTER)
    parts.push({ from: at, to: Math.min(to, (Math.floor(at / QUARTER) + 1) * QUARTER) })
  return parts
}

/** How many guests come, where the mean of dinner is one a minute. */
export const guestsExpected = (from: number, to: number): number =>
  quartersOf(from, to).reduce((sum, quarter) => sum + busyness(quarter.from) * (quarter.to - quarter.from), 0)

/**
 * Parties a minute at dinner's mean. With a load of 1 the busiest two hours bring as many parties as the tables can turn over; with more, a queue grows.
 */
export const partiesPerMinute = (tables: number, load: number, day: Day): number =>
  (load * tables) / (meanDining(day) + RESET_MINUTES) / BUSIEST

/** The minutes at which parties come, ascending. */
export function arrivals(random: Random, from: number, to: number, perMinute: number): number[] {
  return quartersOf(from, to).flatMap((quarter) => {
    const minutes = quarter.to - quarter.from
    const count = random.poisson(perMinute * busyness(quarter.from) * minutes)
    return Array.from({ length: count }, () => quarter.from + random.next() * minutes).sort((a, b) => a - b)
  })
}
