/**
 * Makes every time that is stored or sent. All other code is given an {@link Instant}, or reads the system's clock to
 * measure a duration.
 */

import { instantOfMicros, microsOf, type Instant } from './time-rules.ts'

export { instantOfMicros, microsOf, plusMillis, type Instant } from './time-rules.ts'

/** Gives the time. `now()` never repeats itself and never runs backwards within one process. */
export interface Clock {
  now(): Instant
  /**
   * The time in microseconds since 1970, where no instant is needed. It may repeat itself, and is no later than the
   * next `now()`.
   */
  micros(): number
}

const FORM = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/

/** Whether a text has the exact form of an {@link Instant}. */
export const isInstant = (text: string): text is Instant => FORM.test(text)

export const DAY_MILLIS = 86_400_000

/** The full hour that an instant is in. */
export const fullHour = (instant: Instant): Instant => `${instant.slice(0, 13)}:00:00.000000Z` as Instant

/** The system's clock, made strictly increasing so that two rows of one process never share a time. */
export function systemClock(): Clock {
  let last = 0
  return {
    now() {
      last = Math.max(last + 1, Date.now() * 1000)
      return instantOfMicros(last)
    },
    micros: () => Math.max(last, Date.now() * 1000),
  }
}

/** A clock that gives the time of a function. */
export const clockOf = (now: () => Instant): Clock => ({ now, micros: () => microsOf(now()) })

let origin = performance.timeOrigin

/**
 * Milliseconds since 1970 by the system's clock, with the resolution of performance.now(): measures durations between
 * processes.
 */
export function wallMillis(): number {
  const [now, since] = [Date.now(), performance.now()]
  // The origin of performance.now() stays when the system's clock is set.
  if (Math.abs(origin + since - now) > 2) origin = now - since
  return origin + since
}

/** Milliseconds since this process began: measures durations within it. */
export const elapsedMillis = (): number => performance.now()
