import { statement, type Tx } from '../../platform/database/db.ts'
import { assert } from '../../platform/errors.ts'
import { isId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import type { Instant } from '../../platform/clock.ts'
import { isNews, refuseNewer, type ChangeRow, type Entry } from './log.ts'
import { LOG_VERSION, upgradeEntries } from './upgrades.ts'

/** One change as devices are sent it: `frame` is the JSON text of the whole change, as docs/protocol.md has it. */
export interface FramedChange {
  readonly seq: number
  readonly at: Instant
  readonly frame: string
}

/** Where a device stands: `since` is the seq of the last change it has, in the numbers of `epoch`; `at` is that change's time, where it is known. */
export interface Place {
  readonly epoch: string
  readonly since: number
  readonly at?: Instant | undefined
}

/**
 * Why a device can't go on from where it stands: the numbers are another log's, the log no longer reaches back, the device is ahead of the log, or
 * its last change is not the log's.
 */
export type ResyncReason = 'epoch' | 'floor' | 'ahead' | 'diverged'

/** What a device missed, oldest first, or why it must begin anew. */
export type Since =
  | {
      readonly kind: 'changes'
      readonly epoch: string
      readonly head: number
      readonly floor: number
      readonly changes: readonly FramedChange[]
    }
  | {
      readonly kind: 'resync'
      readonly reason: ResyncReason
      readonly epoch: string
      readonly head: number
      readonly floor: number
    }

/** A change with its JSON unread. In the first row stands the head instead, and no change. */
interface Row extends Omit<ChangeRow, 'entries' | 'upgrade'> {
  head: number | null
  floor: number
  fits: boolean | null
  entries: string
  upgrade: string | null
}

// One statement, so one snapshot: the first row is the head, the others are changes. If the device sends the time of its
// last change, PostgreSQL skips the days of the log before that time and after the head's.
const readPage = statement(
  'changes-page',
  `with head as materialized (select epoch, seq, floor, last_at, version from heads where restaurant_id = $1)
   (select seq as head, epoch, floor,
      $4::timestamptz is null or $2::bigint = 0 or exists (
        select from changes c where c.restaurant_id = $1 and c.seq = $2 and c.at = $4) as fits,
      null::bigint as seq, null::timestamptz as at, null as command, null as mutation_id, null::uuid as actor_id, null as actor_kind, null as device, null as entries, version, null as upgrade
    from head)
   union all
   (select null, null, null, null, seq, at, command, mutation_id, actor_id, actor_kind, device, entries::text, version, upgrade::text
    from changes
    where restaurant_id = $1 and seq > $2 and epoch = $3 and at > coalesce($4, '-infinity')
      and at <= (select last_at from head) and $3 = (select epoch from head)
    order by seq limit $5)`,
)

/**
 * What a device at `place` missed, `limit` changes at most (up to `limits.changesPerResume`), read in one statement: head and changes are of one
 * moment. Since seq has no gaps, an answer that would lack a change (a day of the log was dropped a moment ago) is noticed, and is a resync. Spec: L9, L10.
 */
export async function changesSince(
  tx: Tx,
  restaurantId: string,
  place: Place & { readonly limit: number },
): Promise<Since> {
  const { epoch, since, at, limit } = place
  assert(limit >= 1 && limit <= limits.changesPerResume, `${limit} changes at once`)
  const [first, ...rows] = await tx.all<Row>(readPage, [
    restaurantId,
    since,
    isId(epoch) ? epoch : null,
    at ?? null,
    limit,
  ])
  assert(first && first.head !== null, `restaurant ${restaurantId} has no change log`)
  refuseNewer(first.version)
  const here = { epoch: first.epoch, head: first.head, floor: first.floor }
  const resync = (reason: ResyncReason): Since => ({ kind: 'resync', reason, ...here })
  if (epoch !== here.epoch) return resync('epoch')
  if (since > here.head) return resync('ahead')
  if (since < here.floor) return resync('floor')
  // The change at the floor may be gone, and nothing is said then of its time.
  if (!first.fits && since > here.floor) return resync('diverged')
  const due = Math.min(limit, here.head - since)
  const isWhole = rows.length === due && rows.every(({ seq }, i) => seq === since + 1 + i)
  if (!isWhole) return resync('floor')
  return {
    kind: 'changes',
    ...here,
    changes: rows.map((row) => ({ seq: row.seq, at: row.at, frame: frameOf(epoch, row) })),
  }
}

// `entries` are JSON as they were stored. They go through unread, unless they are of an older version, or some seem to be
// none for the stream.
function newsIn({ entries, version }: Row): string {
  if (version === LOG_VERSION && !entries.includes('"unchanged":true')) return entries
  return JSON.stringify(upgradeEntries((JSON.parse(entries) as Entry[]).filter(isNews), version))
}

const frameOf = (epoch: string, row: Row): string =>
  `{"epoch":"${epoch}","seq":${row.seq},"at":"${row.at}","command":${JSON.stringify(row.command)},"mutationId":${JSON.stringify(
    row.mutation_id,
  )},"actorId":${JSON.stringify(row.actor_id)}${row.actor_kind === null ? '' : `,"actorKind":"${row.actor_kind}"`},"device":${JSON.stringify(row.device)},"entries":${newsIn(row)}${row.upgrade === null ? '' : `,"upgrade":${row.upgrade}`}}`
