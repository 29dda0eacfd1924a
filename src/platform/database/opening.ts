import type { Instant } from '../clock.ts'
import { limits } from '../limits.ts'
import { statement, type Statement } from './statement.ts'

/** How a transaction opens: which rows it sees, how long it may take, how its statements are planned. */

/**
 * The rows that a transaction may see: one restaurant's, a row of staff, heads to compare, staff by id with their
 * sign-ins, sign-ins and messages that were over before a time, lanes of messages that are due, messages to a phone
 * number, or the device that has a pairing code, by the code's hash.
 */
export type Scope =
  | { readonly restaurantId: string }
  | { readonly staffId: string }
  | { readonly email: string }
  | { readonly watched: readonly string[] }
  | { readonly watchedStaff: readonly string[] }
  | { readonly forgottenBefore: Instant }
  | { readonly dueBefore: Instant }
  | { readonly pairing: string }
  | { readonly repliedBy: string }

/** The first statements of a transaction. */
export interface Opening {
  /** A `begin`. */
  readonly text: string
  readonly scope: Statement
  readonly values: readonly string[]
  /** How long the whole transaction may take. */
  readonly millis: number
}

/** The role of a transaction: the server's rights on the rows of restaurants. */
export const ROLE = 'qtable_app'

// One statement sets everything that a transaction needs. All of it ends with the transaction, so that a pooler in
// transaction mode (PgBouncer) may stand between; session state is never used. The statement fails while the epochs
// may belong to another server (migrations/0013). Then nothing of the transaction runs, and `EpochGuard` has the
// epochs checked.
const begin = statement(
  'begin',
  `select set_config('role', coalesce(
       (select '${ROLE}' from qtable.epoch_guard where home = pg_relation_filepath(tableoid) limit 1), qtable.refuse_stale_epochs()), true),
     set_config('search_path', 'qtable, pg_temp', true), set_config('timezone', 'UTC', true),
     set_config('qtable.restaurant_id', $1, true), set_config('qtable.staff_id', $2, true), set_config('qtable.email', $3, true),
     set_config('qtable.watched', $4, true), set_config('qtable.watched_staff', $5, true),
     set_config('qtable.forgotten_before', $6, true), set_config('plan_cache_mode', $7, true),
     set_config('qtable.due_before', $8, true), set_config('qtable.pairing', $9, true), set_config('qtable.replied_by', $10, true),
     set_config('statement_timeout', '${limits.statementMillis}', true), set_config('lock_timeout', '${limits.lockMillis}', true),
     set_config('idle_in_transaction_session_timeout', '${limits.idleTransactionMillis}', true)`,
)

// The same without a role, for the login that owns the tables. It waits only briefly for locks, because later
// transactions wait as long.
const beginAsOwner = statement(
  'begin-as-owner',
  `select set_config('search_path', 'qtable, pg_temp', true), set_config('timezone', 'UTC', true),
     set_config('statement_timeout', '${limits.ownerStatementMillis}', true),
     set_config('lock_timeout', '${limits.ownerLockMillis}', true),
     set_config('idle_in_transaction_session_timeout', '${limits.idleTransactionMillis}', true)`,
)

// PostgreSQL assumes ten elements for an unknown list. So it finds it cheaper to plan `= any ($1)` again each time,
// for the one element: a third of the cost of a change of status. Commands name rows by their keys, and one plan
// suits all values. Lists with optional filters gain from a plan for their values.
const PLANNED_ONCE = 'force_generic_plan'
const PLANNED_BY_VALUES = 'auto'

const opening = (text: string, scope: Scope, planned: string): Opening => ({
  text,
  scope: begin,
  values: [
    'restaurantId' in scope ? scope.restaurantId : '',
    'staffId' in scope ? scope.staffId : '',
    'email' in scope ? scope.email : '',
    'watched' in scope ? scope.watched.join(',') : '',
    'watchedStaff' in scope ? scope.watchedStaff.join(',') : '',
    'forgottenBefore' in scope ? scope.forgottenBefore : '',
    planned,
    'dueBefore' in scope ? scope.dueBefore : '',
    'pairing' in scope ? scope.pairing : '',
    'repliedBy' in scope ? scope.repliedBy : '',
  ],
  millis: limits.transactionMillis,
})

/** The opening of a transaction that writes (read committed). */
export const toWrite = (scope: Scope): Opening =>
  opening('begin', scope, 'restaurantId' in scope ? PLANNED_ONCE : PLANNED_BY_VALUES)

/** The opening of a single query. */
export const toRead = (scope: Scope): Opening => opening('begin', scope, PLANNED_BY_VALUES)

/** The opening of a transaction on one snapshot (repeatable read). */
export const toLook = (scope: Scope): Opening =>
  opening('begin isolation level repeatable read read only', scope, PLANNED_BY_VALUES)

/** The opening of housekeeping, which row-level security does not limit. */
export const AS_OWNER: Opening = {
  text: 'begin',
  scope: beginAsOwner,
  values: [],
  millis: limits.ownerTransactionMillis,
}
