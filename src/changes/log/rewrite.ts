import { statement, type Tx } from '../../platform/database/db.ts'
import type { Instant } from '../../platform/clock.ts'
import type { Write } from '../command/command.ts'
import type { Entry } from './log.ts'

/**
 * Rewriting what was stored of earlier changes, for what must be forgotten. The only place where a stored change is ever
 * written again: its number, time, kinds, ids and versions stay, so no reader notices but by the values. A command that
 * does it says `rewritesLog`, and every process forgets the changes and answers that it keeps. docs/decisions/0023.
 */

/** What must be forgotten, as it may stand in JSON: any of these texts, or an `id` or `guestId` of
 * these. */
export interface Marks {
  readonly texts: readonly string[]
  readonly ids: readonly string[]
}

/** A stored change that has one of the marks. */
export interface MarkedChange {
  readonly seq: number
  readonly at: Instant
  readonly entries: readonly Entry[]
}

/** A stored answer that has one of the marks. */
export interface MarkedOutcome {
  readonly mutation_id: string
  readonly outcome: unknown
}

const marked = (column: string): string => `(${column}::text like any ($2::text[]) or exists (
    select from regexp_matches(${column}::text, '"(?:id|guestId)":"([0-9a-f-]{36})"', 'g') as found where found[1] = any ($3::text[])))`

const findChanges = statement(
  'marked-changes',
  `select seq, at, entries from changes where restaurant_id = $1 and ${marked('entries')} order by seq`,
)

const rewriteChange = statement(
  'rewrite-changes',
  `update changes c set entries = n.entries::json
   from unnest($2::bigint[], $3::timestamptz[], $4::text[]) as n (seq, at, entries)
   where c.restaurant_id = $1 and c.seq = n.seq and c.at = n.at`,
)

const findOutcomes = statement(
  'marked-outcomes',
  `select mutation_id, outcome from mutations where restaurant_id = $1 and ${marked('outcome')}`,
)

const rewriteOutcome = statement(
  'rewrite-outcomes',
  `update mutations m set outcome = n.outcome::json
   from unnest($2::text[], $3::text[]) as n (mutation_id, outcome)
   where m.restaurant_id = $1 and m.mutation_id = n.mutation_id`,
)

const valuesOf = (restaurantId: string, { texts, ids }: Marks): unknown[] => {
  const inJson = texts.map((text) => JSON.stringify(text).slice(1, -1))
  return [restaurantId, inJson.map((text) => `%${text.replace(/[\\%_]/g, String.raw`\$&`)}%`), ids]
}

/** The changes of the log that have one of the marks, oldest first. */
export const markedChanges = (tx: Tx, restaurantId: string, marks: Marks): Promise<MarkedChange[]> =>
  tx.all<MarkedChange>(findChanges, valuesOf(restaurantId, marks))

/** Stores changes with other entries: as many, of the same entities, in the same order. */
export function rewriteChanges(w: Write, changes: readonly MarkedChange[]): void {
  if (changes.length === 0) return
  const [seqs, ats] = [changes.map(({ seq }) => seq), changes.map(({ at }) => at)]
  const entries = changes.map((each) => JSON.stringify(each.entries))
  w.tx.send(rewriteChange, [w.restaurantId, seqs, ats, entries])
}

/** The stored answers of mutations that have one of the marks. */
export const markedOutcomes = (tx: Tx, restaurantId: string, marks: Marks): Promise<MarkedOutcome[]> =>
  tx.all<MarkedOutcome>(findOutcomes, valuesOf(restaurantId, marks))

/** Stores other answers of mutations. */
export function rewriteOutcomes(w: Write, outcomes: readonly MarkedOutcome[]): void {
  if (outcomes.length === 0) return
  const ids = outcomes.map(({ mutation_id }) => mutation_id)
  w.tx.send(rewriteOutcome, [w.restaurantId, ids, outcomes.map(({ outcome }) => JSON.stringify(outcome))])
}
