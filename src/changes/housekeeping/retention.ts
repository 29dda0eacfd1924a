import { statement, type Owner, type Tx } from '../../platform/database/db.ts'
import { limits } from '../../platform/limits.ts'
import type { Clock, Instant } from '../../platform/clock.ts'
import type { Job } from './housekeeping.ts'
import { inTurn, pause, Stopped, Taken } from './owner-step.ts'

/** What one run did. `busy`: another server was at it, and this one left it there. */
export interface Kept {
  readonly busy: boolean
  /** Days made and dropped, as `2026-11-23`. */
  readonly made: readonly string[]
  readonly dropped: readonly string[]
  /** Restaurants whose floor was raised, and answers of mutations that were deleted. */
  readonly raised: number
  readonly forgotten: number
  /** Why old days were left for the next run, or null. */
  readonly postponed: string | null
}

/** For how long things are kept, in whole days of UTC; `signal` ends a run early, between two steps. */
export interface RetentionSettings {
  readonly days: number
  readonly signal?: AbortSignal
  /** How long old days wait for transactions that began before the floors were raised; 60 s unless told. */
  readonly olderReadersMillis?: number
}

const findMissingDays = statement(
  'log-missing-days',
  `select distinct day::date::text as day from (
     select today + n as day from (select ($1::timestamptz at time zone 'UTC')::date as today) t, generate_series(-1, $2::int) n
     union all select (at at time zone 'UTC')::date from changes_other_days
     where at < (($1::timestamptz at time zone 'UTC')::date + $2::int + 1)::timestamp at time zone 'UTC') days
   where to_regclass('changes_' || to_char(day, 'YYYYMMDD')) is null order by 1 limit $3`,
)

const makeDay = statement('log-make-day', `select make_changes_day($1) as made`)

// The earlier of two clocks, so that one that runs ahead loses nothing.
const findCutoff = statement(
  'log-cutoff',
  `select ((least($1::timestamptz, now()) at time zone 'UTC')::date - $2::int)::timestamp at time zone 'UTC' as cutoff`,
)

// Of each restaurant the newest change before the cutoff, if it lies above the floor: one step into an index of the old days each.
const raiseFloors = statement(
  'log-raise-floors',
  `with page as materialized (
     select restaurant_id, floor from heads where $1::uuid is null or restaurant_id > $1 order by restaurant_id limit $3),
   due as materialized (
     select page.restaurant_id, old.seq, old.at from page, lateral (
       select seq, at from changes c where c.restaurant_id = page.restaurant_id and c.at < $2 order by c.at desc limit 1) old
     where old.seq > page.floor),
   raised as (
     update heads h set floor = greatest(h.floor, due.seq), floor_at = greatest(h.floor_at, due.at)
     from due where h.restaurant_id = due.restaurant_id returning 1)
   select restaurant_id as id, (select count(*) from raised) as raised from page order by restaurant_id desc limit 1`,
)

const readMoment = statement('log-moment', `select clock_timestamp() as moment`)

// A transaction that began before the floors were raised may still go by the old ones.
const countOlder = statement(
  'log-older-readers',
  `select count(*) as older from pg_stat_activity
   where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend' and xact_start < $1`,
)

const findOldDays = statement(
  'log-old-days',
  `select to_date(right(c.relname, 8), 'YYYYMMDD')::text as day from pg_inherits i join pg_class c on c.oid = i.inhrelid
   where i.inhparent = 'changes'::regclass and c.relname ~ '^changes_\\d{8}$'
     and to_date(right(c.relname, 8), 'YYYYMMDD') < ($1::timestamptz at time zone 'UTC')::date order by 1`,
)

const dropDay = statement('log-drop-day', `select drop_changes_day($1) as done`)

const forgetMutations = statement(
  'forget-mutations',
  `delete from mutations where ctid = any (array(select ctid from mutations where at < $1 limit $2)) returning true as gone`,
)

/**
 * Keeps the change log to its days: makes the days to come, raises the floors of restaurants above what is to go, and only then drops days that are
 * older than `settings.days` as a whole, and answers of mutations of that age. Each step is a transaction of its own and may be repeated, so a run
 * that was cut off is simply run again, by any server. Rejects with what the database says. Spec: L11 to L14.
 */
export async function keepDays(db: Owner, clock: Clock, settings: RetentionSettings): Promise<Kept> {
  const kept = { busy: false, made: [] as string[], dropped: [] as string[], raised: 0, forgotten: 0 }
  let postponed: string | null = null
  const now = clock.now()
  const turn = <T>(work: (tx: Tx) => Promise<T>) => inTurn(db, 'retention', settings.signal, work)
  try {
    await makeDays(turn, now, kept.made)
    const { cutoff } = await turn((tx) => tx.one<{ cutoff: Instant }>(findCutoff, [now, settings.days]))
    kept.raised = await raiseAll(turn, cutoff)
    const days = (await turn((tx) => tx.all<{ day: string }>(findOldDays, [cutoff]))).map(({ day }) => day)
    if (days.length > 0) postponed = await dropDays(turn, days, kept.dropped, settings)
    kept.forgotten = await forgetAll(turn, cutoff)
  } catch (error) {
    if (error instanceof Taken) kept.busy = true
    else if (error instanceof Stopped) postponed = 'stopped'
    else throw error
  }
  return { ...kept, postponed }
}

/** `keepDays` as a job, every hour. */
export const retentionJob = (db: Owner, clock: Clock, days: number): Job => ({
  name: 'retention',
  every: limits.housekeepingMillis,
  run: (signal) => keepDays(db, clock, { days, signal }),
})

type Turn = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>

async function makeDays(turn: Turn, now: Instant, made: string[]): Promise<void> {
  const wanted = [now, limits.daysAhead, limits.daysPerRun]
  const missing = await turn((tx) => tx.all<{ day: string }>(findMissingDays, wanted))
  for (const { day } of missing)
    if ((await turn((tx) => tx.one<{ made: boolean }>(makeDay, [day]))).made) made.push(day)
}

async function raiseAll(turn: Turn, cutoff: Instant): Promise<number> {
  let raised = 0
  for (let after: string | null = null; ;) {
    const page: { id: string; raised: number } | undefined = await turn((tx) =>
      tx.maybe(raiseFloors, [after, cutoff, limits.floorsPerBatch]),
    )
    if (!page) return raised
    raised += page.raised
    after = page.id
  }
}

/** Drops days, oldest first. Tells why some were left, or null. */
async function dropDays(
  turn: Turn,
  days: readonly string[],
  dropped: string[],
  { signal, olderReadersMillis = limits.olderReadersMillis }: RetentionSettings,
): Promise<string | null> {
  const { moment } = await turn((tx) => tx.one<{ moment: Instant }>(readMoment, []))
  for (let waited = 0; ; waited += limits.housekeepingPauseMillis) {
    const { older } = await turn((tx) => tx.one<{ older: number }>(countOlder, [moment]))
    if (older === 0) break
    if (waited >= olderReadersMillis) return `${older} transactions are older than the floors`
    await pause(signal)
  }
  for (const day of days) {
    const { done } = await turn((tx) => tx.one<{ done: 'dropped' | 'none' | 'needed' }>(dropDay, [day]))
    if (done === 'needed') return `${day} was written to meanwhile`
    if (done === 'dropped') dropped.push(day)
  }
  return null
}

async function forgetAll(turn: Turn, cutoff: Instant): Promise<number> {
  for (let forgotten = 0; ;) {
    const gone = await turn((tx) => tx.all(forgetMutations, [cutoff, limits.mutationsPerBatch]))
    forgotten += gone.length
    if (gone.length < limits.mutationsPerBatch) return forgotten
  }
}
