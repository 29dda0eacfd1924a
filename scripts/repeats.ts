/** How often the proofs repeat themselves, by the environment variables that they read. Without any it is as often as their files say. */
type Repeats = Readonly<Record<string, string>>

/** For while one works. */
export const quickRepeats: Repeats = {
  RACES: '40',
  STREAM_COMMANDS: '300',
  LOG_COMMANDS: '800',
  DELTA_CHANGES: '500',
  BATCHES: '60',
  INTERLEAVINGS: '500',
}

/** As often as a release asks for. */
export const longRepeats: Repeats = {
  RACES: '10000',
  STREAM_COMMANDS: '10000',
  LOG_COMMANDS: '10000',
  DELTA_CHANGES: '50000',
  BATCHES: '500',
  COMBINATIONS: '3000',
  INTERLEAVINGS: '100000',
  FUZZ_CASES: '200',
  KILL_CYCLES: '20',
  ROLLS: '10',
  FAILOVER_SOCKETS: '2000',
  STALLED_WINDOWS: '10',
  SOAK_MINUTES: '20',
  REPEATS: '5000',
  CORRUPTED: '100',
  MANY_COMMANDS: '1000000',
  PLANTED_SHARES: '1',
  KILL_MATRIX: '100',
  TOXIC_ROUNDS: '3',
  ORACLE_BATCHES: '1000',
  OUTBOX_ROUNDS: '2000',
  PLAN_GUESTS: '5000',
  HALF_OPEN_PEERS: '2000',
  PROMOTION_SEEDS: '20',
  SHEETS: '500',
  IMPORT_SCALE: 'full',
  MERGES: '1000',
  MESSAGE_KILLS: '100',
  PEOPLE: '200000',
  SEARCHES: '600',
  ROTATION_RUNS: '5000',
  TURNS_RESTAURANTS: '12',
  TURNS_VISITS: '1000000',
  TURNS_WORLDS: 'all',
}
