/**
 * The figures of a believable evening.
 *
 * Dining minutes by party size and day are those that Kimes and Thompson measured for their study of table mixes, in a Californian restaurant of 240 seats
 * with a queue every night. How much they spread within a size was not published: a lognormal with a coefficient of variation of 0.35 is ASSUMED here.
 * The shares of party sizes are an assumption too, made to fit two published facts: more than 60 % of parties are one or two people, and the
 * average party is 2.5 to 3 people. Houses differ: elsewhere a table for four is kept for 65 to 120 minutes.
 */

export const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const
export type Day = (typeof DAYS)[number]

// One row a party size, the last for nine and more; one column a day, Sunday first.
const DINING_MINUTES: readonly (readonly number[])[] = [
  [40.5, 38.3, 43, 35.7, 40.6, 48.3, 42.9],
  [45.5, 47, 47.8, 47.5, 47.9, 47.4, 46.4],
  [48.4, 53.4, 52.6, 52.9, 49.7, 53.7, 50.5],
  [51.1, 52.6, 52.8, 56.7, 53, 55.7, 54.9],
  [54.5, 62.3, 60.3, 59.5, 66.1, 55.4, 55.2],
  [69.9, 67, 61.8, 66.3, 59.8, 63.5, 61],
  [68.7, 73.5, 83, 74.1, 58.8, 59.8, 62.4],
  [62.6, 76.2, 89, 59.5, 92.5, 74.8, 72.2],
  [64.3, 51.4, 61.2, 67.8, 59.8, 83.2, 71.8],
]

/** Assumed, see above. */
export const DINING_VARIATION = 0.35

/** Mean minutes that a party keeps its table. */
export function diningMinutes(size: number, day: Day): number {
  const row = DINING_MINUTES[Math.min(Math.max(size, 1), DINING_MINUTES.length) - 1]!
  return row[DAYS.indexOf(day)]!
}

/** Party sizes and how many of a hundred parties have each. Mean 2.78. */
export const PARTY_SIZES: readonly (readonly [size: number, percent: number])[] = [
  [1, 8],
  [2, 52],
  [3, 14],
  [4, 16],
  [5, 4],
  [6, 3.5],
  [7, 1.2],
  [8, 1.3],
]

/** Mean dining minutes over all sizes. */
export const meanDining = (day: Day): number =>
  PARTY_SIZES.reduce((sum, [size, percent]) => sum + (percent / 100) * diningMinutes(size, day), 0)

/** Share of covers that comes at an agreed time. */
export const RESERVED_SHARE = 0.4
/** Of those: never come; ring up and cancel. */
export const NO_SHOW_SHARE = 0.1
export const CANCEL_SHARE = 0.04
/** Those who are late are so by a lognormal with this mean, in minutes. */
export const LATE_MINUTES = 8
export const LATE_SHARE = 0.5
/** How many walk-in parties leave when they have waited this many times what they were told. */
export const GIVE_UP_SHARE = 0.1
export const GIVE_UP_FACTOR = 1.5
/** Minutes from a party's leaving until the table is set again; assumed. */
export const RESET_MINUTES = 4
