import { commands, queries } from '../../src/app.ts'

/**
 * How many statements each operation of both doors may send to the database, and in how many round trips; `begin`, the
 * scope and the commit count. Commands and queries declare their own. Whoever is asked for the first time costs one
 * transaction more (who is it?), which is remembered. This is a process alone on its database: reads of the floor are
 * answered from memory once it is there, and cost nothing. Each is exact, so that what gets cheaper is written down too.
 * A number that is raised is a decision: say why in the commit.
 */
export interface Budget {
  readonly statements: number
  readonly trips: number
}

const of = (statements: number, trips: number): Budget => ({ statements, trips })
const NONE = of(0, 0)

/** By the operation's name. */
export const budgets: Readonly<Record<string, Budget>> = {
  root: NONE,
  health: NONE,
  syncHealth: NONE,
  atomicHealth: NONE,
  register: of(10, 5),
  login: of(9, 4),
  me: NONE,
  guestsList: NONE,
  guestsCreate: of(5, 1),
  guestsGet: of(4, 2),
  guestsUpdate: of(7, 2),
  guestsDelete: of(10, 4),
  tablesList: NONE,
  tablesCreate: of(6, 3),
  tablesBulk: of(4, 2),
  tablesUpdate: of(6, 2),
  tablesDelete: of(7, 2),
  tablesClear: of(6, 2),
  reservationsList: of(5, 3),
  reservationsCreate: of(5, 1),
  reservationsUpdate: of(7, 3),
  reservationsCancel: of(7, 3),
  batchUpdate: of(4, 1),
  atomicBatch: of(8, 2),
  guestStatusAtomic: of(7, 2),
  syncFull: NONE,
  syncDelta: of(6, 4),
  syncBatch: of(10, 4),
  dashboardData: NONE,
  restaurantDashboard: NONE,
  v1Dashboard: NONE,
  dashboardUpdates: of(6, 4),
  'sign-in': of(13, 6),
  refresh: of(5, 3),
  'sign-out': NONE,
  'get-me': NONE,
  ...Object.fromEntries([...commands, ...queries].map(({ name, budget }) => [name, of(...budget)])),
  'pair-device': of(12, 4),
  'refresh-device': of(5, 3),
  'prove-pin': of(15, 7),
  'get-snapshot': NONE,
  'get-changes': of(4, 2),
}

/** Reads of a process that is one of several: the one question where the log ends, for whichever of them were asked in that moment. */
export const severalBudgets: Readonly<Record<string, Budget>> = {
  guestsList: of(4, 1),
  tablesList: of(4, 1),
  reservationsList: of(9, 4),
  syncFull: of(4, 1),
  dashboardData: of(4, 1),
  restaurantDashboard: of(4, 1),
  v1Dashboard: of(4, 1),
}

/** The same reads where lists go back further than the floor in memory (HISTORY_DAYS): the database is asked, in one transaction. */
export const endlessBudgets: Readonly<Record<string, Budget>> = {
  guestsList: of(5, 3),
  tablesList: NONE,
  reservationsList: of(5, 3),
  syncFull: of(7, 3),
  dashboardData: of(7, 3),
  restaurantDashboard: of(7, 3),
  v1Dashboard: of(7, 3),
}

/** Lists of commands: so many statements whatever is in them, so many more for each part, and so many trips however many parts there are. */
export const listBudgets: Readonly<Record<string, { fixed: number; each: number; trips: number }>> = {
  'atomic batch': { fixed: 11, each: 1, trips: 5 },
  'run-batch: seat': { fixed: 7, each: 2, trips: 4 },
  'run-each: clear': { fixed: 7, each: 4, trips: 4 },
  'sync batch': { fixed: 7, each: 3, trips: 4 },
}
