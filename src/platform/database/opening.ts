import type { Instant } from '../clock.ts'
import { limits } from '../limits.ts'
import { statement, type Statement } from './statement.ts'

/** How a transaction opens: whose rows it may see, how long it may take, how its statements are planned. */

/**
 * Whose rows a transaction may see; at most one restaurant's, or the one staff row it names, or heads to compare, or staff by id with their sign-ins, or
 * sign-ins that were over before a time.
 */
export type Scope =
  | { readonly restaurantId: string }
  | { readonly staffId: string }
  | { readonly email: string }
  | { readonly watched: readonly string[] }
  | { readonly watchedStaff: readonly string[] }
  | { readonly forgottenBefore: Instant }

/** What a transaction sends before anything else. */
export interface Opening {
  /** A `begin`. */
  readonly text: string
  readonly scope: Statement
  readonly values: readonly string[]
  /** How long all of it may take. */
  readonly millis: number
}

/** Whose rights a transaction has: those of the server on the rows of restaurants. */
export const ROLE = 'qtable_app'

// One statement sets everything a transaction works under; all of it ends with the transaction, so that a pooler in transaction mode
// (PgBouncer) may sit between. Session state is never used. The statement fails where the epochs may be another server's (migrations/0013): then nothing
// of the transaction runs, and `EpochGuard` has the epochs checked.
const begin = statement(
  'begin',
  `select set_config('role', coalesce(
       (select '${ROLE}' from qtable.epoch_guard where home = pg_relation_filepath(tableoid) limit 1), qtable.refuse_stale_epochs()), true),
     set_config('search_path', 'qtable, pg_temp', true), set_config('timezone', 'UTC', true),
     set_config('qtable.restaurant_id', $1, true), set_config('qtable.staff_id', $2, true), set_config('qtable.email', $3, true),
     set_config('qtable.watched', $4, true), set_config('qtable.watched_staff', $5, true),
     set_config('qtable.forgotten_before', $6, true), set_config('plan_cache_mode', $7, true),
     set_config('statement_timeout', '${limits.statementMillis}', true), set_config('lock_timeout', '${limits.lockMillis}', true),
     set_config('idle_in_transaction_session_timeout', '${limits.idleTransactionMillis}', true)`,
)

// The same without a role: the login itself, which owns the tables. It waits for locks a moment only, because whoever comes after it waits as long.
const beginAsOwner = statement(
  'begin-as-owner',
  `select set_config('search_path', 'qtable, pg_temp', true), set_config('timezone', 'UTC', true),
     set_config('statement_timeout', '${limits.ownerStatementMillis}', true),
     set_config('lock_timeout', '${limits.ownerLockMillis}', true),
     set_config('idle_in_transaction_session_timeout', '${limits.idleTransactionMillis}', true)`,
)

// PostgreSQL takes a list that it doesn't know for ten long, and so finds it cheaper to plan `= any ($1)` anew each time, for the one that there is: a third of what a change of status
// cost it. Commands name rows by their keys, and one plan is right for all values; lists with filters that may be left out gain by theirs.
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
  ],
  millis: limits.transactionMillis,
})

/** Of one that writes (read committed). */
export const toWrite = (scope: Scope): Opening =>
  opening('begin', scope, 'restaurantId' in scope ? PLANNED_ONCE : PLANNED_BY_VALUES)

/** Of one that asks one thing. */
export const toRead = (scope: Scope): Opening => opening('begin', scope, PLANNED_BY_VALUES)

/** Of one that sees the state of one moment (repeatable read). */
export const toLook = (scope: Scope): Opening =>
  opening('begin isolation level repeatable read read only', scope, PLANNED_BY_VALUES)

/** Of housekeeping, which no restaurant's wall holds back. */
export const AS_OWNER: Opening = {
  text: 'begin',
  scope: beginAsOwner,
  values: [],
  millis: limits.ownerTransactionMillis,
}
