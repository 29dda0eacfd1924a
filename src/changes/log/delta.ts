import { statement, type Tx } from '../../platform/database/db.ts'
import { limits } from '../../platform/limits.ts'
import type { Instant } from '../../platform/clock.ts'
import { headOf, isNews, refuseNewer, type Entry } from './log.ts'
import { upgradeEntries } from './upgrades.ts'

/** The latest that a delta says of one entity; `value` is null when it is gone. */
export interface DeltaItem {
  readonly kind: string
  readonly id: string
  readonly at: Instant
  readonly value: object | null
}

/** What became of entities after a time. `upTo` is the time to ask for next: everything until then is in here. */
export interface Delta {
  readonly items: readonly DeltaItem[]
  readonly upTo: Instant
  readonly hasMore: boolean
}

const readSince = statement(
  'changes-since',
  `select seq, at, entries, version from changes where restaurant_id = $1 and at > $2 order by at limit $3`,
)

const readTombstonesSince = statement(
  'tombstones-since',
  `select kind, id, at from tombstones where restaurant_id = $1 and at > $2 order by at`,
)

const isBeforeFloor = statement(
  'is-before-floor',
  `select floor_at > $2::timestamptz as before from heads where restaurant_id = $1`,
)

/** What else there is of a kind when the log does not reach back: everything that may have changed. */
export interface Baseline {
  readonly kind: string
  readonly values: readonly { readonly id: string; readonly updatedAt: Instant }[]
}

/**
 * What happened after `since` to entities of some kinds, each once with its latest state, `max` entities at most but never less than one whole change. To be called in a
 * snapshot. Times of the log grow with every commit (L3), so nothing that commits later can have a time that was passed already. Where the log
 * does not reach back to `since`, `baseline` is asked for the entities themselves. Spec: S2, S3.
 */
export async function deltaSince(
  tx: Tx,
  restaurantId: string,
  since: Instant,
  kinds: readonly string[],
  max: number,
  baseline: () => Promise<readonly Baseline[]>,
): Promise<Delta> {
  const head = await headOf(tx, restaurantId)
  if (since >= head.lastAt) return { items: [], upTo: head.lastAt, hasMore: false }
  const { before } = await tx.one<{ before: boolean }>(isBeforeFloor, [restaurantId, since])
  if (before) return fromBaseline(tx, restaurantId, since, max, head.lastAt, await baseline())
  const items = new Map<string, DeltaItem>()
  let upTo = since
  for (;;) {
    const page = await tx.all<{ at: Instant; entries: Entry[]; version: number }>(readSince, [
      restaurantId,
      upTo,
      limits.changesPerRead,
    ])
    for (const { at, entries: all, version } of page) {
      refuseNewer(version)
      const entries = upgradeEntries(all, version).filter((entry) => kinds.includes(entry.kind) && isNews(entry))
      const fresh = new Set(entries.map(keyOf).filter((key) => !items.has(key)))
      if (fresh.size > 0 && (max === 0 || (items.size > 0 && items.size + fresh.size > max)))
        return { items: [...items.values()], upTo, hasMore: true }
      for (const entry of entries) addTo(items, entry, at)
      upTo = at
    }
    if (page.length < limits.changesPerRead) return { items: [...items.values()], upTo: head.lastAt, hasMore: false }
  }
}

const keyOf = (entry: { readonly kind: string; readonly id: string }): string => `${entry.kind} ${entry.id}`

function addTo(items: Map<string, DeltaItem>, entry: Entry, at: Instant): void {
  const key = keyOf(entry)
  // Where the latest is told: at the end.
  items.delete(key)
  items.set(key, { kind: entry.kind, id: entry.id, at, value: entry.op === 'put' ? entry.value : null })
}

async function fromBaseline(
  tx: Tx,
  restaurantId: string,
  since: Instant,
  max: number,
  headAt: Instant,
  kinds: readonly Baseline[],
): Promise<Delta> {
  const removed = await tx.all<{ kind: string; id: string; at: Instant }>(readTombstonesSince, [restaurantId, since])
  const gone = removed.filter(({ kind }) => kinds.some((each) => each.kind === kind))
  const all: DeltaItem[] = [
    ...kinds.flatMap(({ kind, values }) =>
      values
        .filter(({ updatedAt }) => updatedAt > since)
        .map((value) => ({ kind, id: value.id, at: value.updatedAt, value })),
    ),
    ...gone.map((each) => ({ ...each, value: null })),
  ].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
  if (max === 0) return { items: [], upTo: since, hasMore: all.length > 0 }
  if (all.length <= max) return { items: all, upTo: headAt, hasMore: false }
  // A page ends between two times, never within one: the next begins after its last time.
  const last = all[max - 1]!.at
  const items = all.filter(({ at }) => at <= last)
  return { items, upTo: items.length === all.length ? headAt : last, hasMore: items.length < all.length }
}
