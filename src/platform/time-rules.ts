/** Instants as data: pure, so that rules that the client shares can move and compare them. */

/**
 * A point in time as fixed-width ISO 8601 text in UTC with microseconds: `2026-11-23T18:00:00.123456Z`.
 * Fixed width, so `<` and `>` compare instants; text, so it goes into JSON and PostgreSQL unchanged.
 */
export type Instant = string & { readonly __brand: 'Instant' }

// Most instants have the same second as the one before.
let [second, untilSecond] = [NaN, '']

/** Microseconds since 1970 to an instant. Years 1 to 9999. */
export function instantOfMicros(micros: number): Instant {
  const own = Math.floor(micros / 1_000_000)
  if (own !== second) [second, untilSecond] = [own, new Date(own * 1000).toISOString().slice(0, 20)]
  return `${untilSecond}${String(micros - own * 1_000_000).padStart(6, '0')}Z` as Instant
}

/** An instant to microseconds since 1970 (exact: below 2^53 for every year up to 2255). */
export function microsOf(instant: Instant): number {
  return Date.parse(`${instant.slice(0, 23)}Z`) * 1000 + Number(instant.slice(23, 26))
}

/** An instant moved by whole milliseconds. */
export const plusMillis = (instant: Instant, millis: number): Instant =>
  instantOfMicros(microsOf(instant) + millis * 1000)
