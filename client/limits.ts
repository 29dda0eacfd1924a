/** Every bound of the client, with its unit. */
export const limits = {
  /** Mutations that wait to be sent. */
  queuedMutations: 10_000,
  /** UTF-8 bytes of one mutation's body. The server takes 1 MiB. */
  bodyBytes: 1_000_000,
  /** Refusals that nobody has dismissed; the oldest go beyond it. */
  conflicts: 10_000,
  /** How long one request may take. */
  requestMillis: 15_000,
  /** Nothing heard for so long: the socket is taken for dead. Opening one may take as long. */
  silenceMillis: 12_000,
  /** While a person looks: nothing heard for so long, and the server is asked for a sign of life. */
  quietMillis: 1_000,
  /** How long that sign may take; doubled with each connection lost in the last minute, up to `silenceMillis`. */
  pongMillis: 2_000,
  /** How often the clock is looked at for a jump while a person looks, and the jump that is taken for a sleep. */
  pulseMillis: 2_000,
  sleptMillis: 3_000,
  /** Heartbeats whose median tells how far the device's clock is off. */
  clockBeats: 5,
  /** That everything is there is stored this often at most, where nothing else is. */
  syncedMillis: 30_000,
  /** Answers of `read` that are kept for their ETags; the oldest go beyond it. */
  keptReads: 50,
  /** `hello` and `applied` are sent this often at most. */
  helloMillis: 1_000,
  appliedMillis: 1_000,
  /** While what was missed comes in it is shown this often at most. */
  catchUpMillis: 250,
  /** Waits between attempts: the first, the longest, and the time of being connected after which they begin anew. */
  backoffMillis: 250,
  backoffMostMillis: 10_000,
  settledMillis: 60_000,
  /** How often a restaurant that is suspended is tried again. */
  barredMillis: 60_000,
  /** A repair that did not help is repeated after this, doubled each time. */
  repairMillis: 4_000,
  repairMostMillis: 300_000,
  /** The state is stored this often at most. */
  saveMillis: 3_000,
  /** An access token is renewed when so little of its life is left, but never sooner than half of it. */
  tokenMarginMillis: 60_000,
  /** How long a person may act on this device since they entered their PIN with a network. The server allows as long. */
  grantMillis: 14 * 86_400_000,
  /** Rounds of the slow hash by which PINs are checked without a network. */
  pinRounds: 300_000,
  /** Entities whose sums are made anew at each heartbeat. */
  recheckedEntities: 2_000,
} as const
