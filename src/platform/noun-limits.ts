/** How much a restaurant may have, and store, of what came with an evening's nouns. A part of `limits`. */
export const nounLimits = {
  /** Settings: service periods, days with hours of their own, turn times by size, and the length of a name of a period. */
  servicePeriods: 50,
  specialDays: 400,
  turnTargets: 20,
  periodNameCharacters: 60,
  /** The longest turn time, in minutes; and the most covers that a period lets arrive in a quarter of an hour. */
  turnMinutes: 1_440,
  coversPerQuarter: 10_000,
}
