import { statement, type Db, type Tx } from '../../platform/database/db.ts'
import { outdated } from '../../platform/database/database-errors.ts'
import { AppError } from '../../platform/errors.ts'
import { limits } from '../../platform/limits.ts'
import type { Instant } from '../../platform/clock.ts'
import type { Upgrade } from './rules.ts'
import { LOG_VERSION, upgradeEntries } from './upgrades.ts'

/**
 * What one change says of one entity. `event` is what happened in the words of its noun (`seated`, `freed`); `value` is the whole entity after the
 * change, and for a drop what it was last, where that may be kept. A reader that only wants the state needs `kind`, `id`, `op` and a put's `value`.
 */
export type Entry =
  | {
      readonly op: 'put'
      readonly kind: string
      readonly id: string
      readonly event: string
      readonly version: number
      readonly value: object
      /** It is as it was: stored and told only because the old contract tells of it. No device of the stream and no delta hears of it. */
      readonly unchanged?: true
    }
  | {
      readonly op: 'drop'
      readonly kind: string
      readonly id: string
      readonly event: string
      readonly version: number
      readonly value?: object
    }

/** Whether an entry says something new of its entity. */
export const isNews = (entry: Entry): boolean => entry.op === 'drop' || entry.unchanged !== true

/** Who acted, where it was not staff: a guest for their own party, or the server by itself. */
export type ActorKind = 'guest' | 'server'

/** One command's effect: one row of the log, one frame to devices. `seq` has no gaps within a restaurant's epoch and is the order of commits. */
export interface Change {
  readonly restaurantId: string
  readonly epoch: string
  readonly seq: number
  readonly at: Instant
  readonly command: string
  readonly mutationId: string | null
  /** A member of staff; a guest, where `actorKind` says so; null: nobody, or it is not known. */
  readonly actorId: string | null
  readonly actorKind?: ActorKind | undefined
  readonly device: string | null
  readonly entries: readonly Entry[]
  /** The shape of entities changes from here on: what was told before is to be brought to it. */
  readonly upgrade?: readonly Upgrade[]
}

/** Where a restaurant's log stands. */
export interface Head {
  readonly epoch: string
  readonly seq: number
  readonly lastAt: Instant
}

/** A stored change, by its columns. */
export interface ChangeRow {
  epoch: string
  seq: number
  at: Instant
  command: string
  mutation_id: string | null
  actor_id: string | null
  actor_kind: ActorKind | null
  device: string | null
  entries: Entry[]
  version: number
  upgrade: Upgrade[] | null
}

// The lock on the head is taken here, last, and held to commit: that makes the order of seq the order of commits, without gaps, while the rest of
// two commands of one restaurant may overlap. The time is under the same lock, so it never repeats or runs backwards either.
const appendChange = statement(
  'append-change',
  `with head as (
     update heads set seq = case when version > $8 then refuse_outdated() else seq + 1 end,
       last_at = greatest($2::timestamptz, last_at + interval '1 microsecond')
     where restaurant_id = $1 returning epoch, seq, last_at)
   insert into changes (restaurant_id, seq, epoch, at, command, mutation_id, actor_id, device, entries, version, actor_kind)
   select $1, seq, epoch, last_at, $3, $4, $5, $6, $7, $8, $9 from head
   returning epoch, seq, at`,
)

const createHead = statement(
  'create-head',
  `insert into heads (restaurant_id, epoch, last_at, version) values ($1, $2, $3, $4)`,
)

const readHead = statement('read-head', `select epoch, seq, last_at from heads where restaurant_id = $1`)

const readHeads = statement(
  'read-heads',
  `select restaurant_id, epoch, seq, version from heads where restaurant_id = any ($1::uuid[])`,
)

const readChanges = statement(
  'read-changes',
  `select epoch, seq, at, command, mutation_id, actor_id, actor_kind, device, entries, version, upgrade from changes
   where restaurant_id = $1 and seq > $2 order by seq limit $3`,
)

/** What a command hands over to be appended. */
export type Draft = Omit<Change, 'epoch' | 'seq' | 'at'>

/** Appends a change and gives it its place. The caller commits right after: the head stays locked until then. */
export async function append(tx: Tx, draft: Draft, now: Instant): Promise<Change> {
  const { epoch, seq, at } = await tx.one<Pick<ChangeRow, 'epoch' | 'seq' | 'at'>>(appendChange, [
    draft.restaurantId,
    now,
    draft.command,
    draft.mutationId,
    draft.actorId,
    draft.device,
    JSON.stringify(draft.entries),
    LOG_VERSION,
    draft.actorKind,
  ])
  const { restaurantId, command, mutationId, actorId, actorKind, device, entries } = draft
  // Not by spreading the draft: V8 gives what is spread and then added to a hidden class of its own each time.
  return { restaurantId, epoch, seq, at, command, mutationId, actorId, actorKind, device, entries }
}

// At the change's own time, so that a deletion too is told by "since".
const insertTombstones = statement(
  'insert-tombstones',
  `insert into tombstones (restaurant_id, kind, id, at)
   select $1, gone.kind, gone.id, heads.last_at
   from heads, unnest($2::text[], $3::uuid[]) as gone (kind, id) where heads.restaurant_id = $1`,
)

const readTombstone = statement(
  'read-tombstone',
  `select at from tombstones where restaurant_id = $1 and kind = $2 and id = $3`,
)

/** Notes for ever what a change removed; after its `append`. */
export async function bury(tx: Tx, restaurantId: string, entries: readonly Entry[]): Promise<void> {
  const gone = entries.filter(({ op }) => op === 'drop')
  if (gone.length === 0) return
  await tx.all(insertTombstones, [restaurantId, gone.map(({ kind }) => kind), gone.map(({ id }) => id)])
}

/** Whether an entity was removed earlier. */
export async function wasRemoved(tx: Tx, restaurantId: string, kind: string, id: string): Promise<boolean> {
  return (await tx.maybe(readTombstone, [restaurantId, kind, id])) !== undefined
}

/** Starts the log of a new restaurant. */
export async function startLog(tx: Tx, restaurantId: string, epoch: string, now: Instant): Promise<void> {
  await tx.all(createHead, [restaurantId, epoch, now, LOG_VERSION])
}

/** Where the log of a restaurant stands, in the transaction's view. */
export async function headOf(tx: Tx, restaurantId: string): Promise<Head> {
  const row = await tx.one<{ epoch: string; seq: number; last_at: Instant }>(readHead, [restaurantId])
  return { epoch: row.epoch, seq: row.seq, lastAt: row.last_at }
}

/** Refuses to wait for what is not in the log. */
export const aheadOfLog = (head: number, wanted: number): AppError =>
  new AppError('ahead-of-log', 409, `The log is at ${head}: nothing is as new as ${wanted}`, { head })

/** Where the logs of restaurants stand: their epochs and newest sequence numbers. Throws `AppError` outdated (503). */
export async function headsOf(
  db: Db,
  restaurantIds: readonly string[],
): Promise<Map<string, Pick<Head, 'epoch' | 'seq'>>> {
  const rows = await db.read<{ restaurant_id: string; epoch: string; seq: number; version: number }>(
    { watched: restaurantIds },
    readHeads,
    [restaurantIds],
  )
  for (const { version } of rows) refuseNewer(version)
  return new Map(rows.map(({ restaurant_id, epoch, seq }) => [restaurant_id, { epoch, seq }]))
}

/** The changes after `since`, oldest first, `limits.changesPerRead` at most. */
export async function changesAfter(db: Db, restaurantId: string, since: number): Promise<Change[]> {
  const rows = await db.read<ChangeRow>({ restaurantId }, readChanges, [restaurantId, since, limits.changesPerRead])
  return rows.map(({ mutation_id, actor_id, actor_kind, device, version, upgrade, entries, ...row }) => {
    refuseNewer(version)
    return {
      restaurantId,
      ...row,
      mutationId: mutation_id,
      actorId: actor_id,
      actorKind: actor_kind ?? undefined,
      device,
      entries: upgradeEntries(entries, version),
      ...(upgrade && { upgrade }),
    }
  })
}

/** Refuses to read what a newer program wrote: this one may not know its shape. Throws `AppError` outdated (503). */
export function refuseNewer(version: number): void {
  if (version > LOG_VERSION) throw outdated()
}
