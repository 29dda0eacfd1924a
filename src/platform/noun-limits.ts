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
  /** Shared devices of one restaurant, and in one list; how long a pairing code is valid and a revoked device is kept. */
  devicesPerRestaurant: 100,
  devicesListed: 1_000,
  pairingMillis: 600_000,
  revokedDeviceMillis: 30 * 86_400_000,
  /** How long a device may act for a person since they entered their PIN on it with a network; characters of the proof. */
  grantMillis: 14 * 86_400_000,
  grantCharacters: 200,
  /** Characters of a pairing code, as it is typed. */
  pairingCodeCharacters: 40,
  /** Characters of an access token in a body. */
  accessTokenCharacters: 1_000,
  /** Dining areas of one restaurant, the longest side of one in centimetres, and fixtures in one. */
  areasPerRestaurant: 200,
  areaCentimetres: 20_000,
  fixturesPerArea: 300,
  /** Holds and blocks that one run of `expire-due` ends in a restaurant. */
  tablesDue: 200,
  /** Tables that one party has beside its first. */
  joinedTables: 20,
  /** Servers, sections and saved section plans of one restaurant, and tables of one section. */
  serversPerRestaurant: 200,
  sectionsPerRestaurant: 200,
  plansPerRestaurant: 200,
  tablesPerSection: 200,
  /** Characters of a reason, such as why a table is blocked. */
  reasonCharacters: 200,
}
