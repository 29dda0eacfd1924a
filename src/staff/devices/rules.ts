/** PINs of people on shared devices: what is one, and how long wrong ones make somebody wait. Pure. Server and client share this file. */

/** Four to six digits. */
export const PIN = /^\d{4,6}$/

/** Wrong PINs in a row after which the first wait begins. */
const FREE_TRIES = 4
const FIRST_WAIT_MILLIS = 30_000
const LONGEST_WAIT_MILLIS = 3_600_000

/**
 * How long to wait after so many wrong PINs in a row, in milliseconds. It doubles up to an hour: all 10,000 PINs of four
 * digits take more than a year.
 */
export const waitAfter = (failures: number): number =>
  failures <= FREE_TRIES ? 0 : Math.min(FIRST_WAIT_MILLIS * 2 ** (failures - FREE_TRIES - 1), LONGEST_WAIT_MILLIS)
