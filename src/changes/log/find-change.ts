import { statement, type Tx } from '../../platform/database/db.ts'
import { limits } from '../../platform/limits.ts'
import type { Instant } from '../../platform/clock.ts'
import type { Change, ChangeRow } from './log.ts'

/** An entity as it is now, as far as the log has to know it. */
export interface Made {
  readonly kind: string
  readonly id: string
  readonly version: number
  readonly updatedAt: Instant
}

type Row = Pick<ChangeRow, 'seq' | 'at' | 'command' | 'mutation_id' | 'actor_id' | 'actor_kind' | 'device'>

// A change is never earlier than the rows it wrote, and later only by what others appended meanwhile: it is among the
// first. No change made what was imported or is older than the log; the limit ends the search for it.
const findChangeMade = statement(
  'find-change',
  `select seq, at, command, mutation_id, actor_id, actor_kind, device from (
     select seq, at, command, mutation_id, actor_id, actor_kind, device, entries from changes
     where restaurant_id = $1 and at >= $2 order by at limit ${limits.changesSearched}) as later
   where exists (select from json_array_elements(later.entries) as entry
     where entry->>'id' = $4 and entry->>'kind' = $3 and entry->>'version' = $5)
   order by at limit 1`,
)

/** The change that made an entity what it is, without its entries; null when the log has none. */
export async function findChange(
  tx: Tx,
  restaurantId: string,
  { kind, id, version, updatedAt }: Made,
): Promise<Pick<Change, 'seq' | 'at' | 'command' | 'mutationId' | 'actorId' | 'actorKind' | 'device'> | null> {
  const row = await tx.maybe<Row>(findChangeMade, [restaurantId, updatedAt, kind, id, String(version)])
  if (!row) return null
  const { mutation_id: mutationId, actor_id: actorId, actor_kind: actorKind, ...change } = row
  return { ...change, mutationId, actorId, actorKind: actorKind ?? undefined }
}
