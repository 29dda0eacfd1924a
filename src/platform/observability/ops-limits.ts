/** The limits of the operations page, each with its unit. They are part of `limits`. */
export const opsLimits = {
  /** The operations page: interval of samples, their number (15 minutes), period of a chart's point. */
  opsSampleMillis: 5_000,
  opsSamples: 181,
  opsPointMillis: 10_000,
  /** Its tables: the interval of ledgers, their number, rows of each table, and restaurants. */
  opsLedgerMillis: 60_000,
  opsLedgers: 16,
  opsRows: 100,
  opsRestaurants: 50,
  /** Latest errors on the page, and characters of each message. */
  opsErrors: 100,
  opsErrorCharacters: 300,
  /** The lifetime of a sign-in to the page. */
  opsSessionMillis: 12 * 3_600_000,
} as const
