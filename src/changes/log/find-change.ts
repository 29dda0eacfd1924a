import { statement, type Tx } from '../../platform/database/db.ts'
import { limits } from '../../platform/limits.ts'
import type { Instant } from '../../platform/clock.ts'
import type { Change } from './log.ts'

/** An entity as it is now, as far as the log has to know it. */
export interface Made {
  readonly kind: string
  readonly id: string
  readonly version: number
  readonly updatedAt: Instant
}

interface Row {
  seq: number
  at: Instant
  command: string
  mutation_id: string | null
  actor_id: string | null
  device: string | null
}

// A change is never earlier than what it wrote, and later by what others appended meanwhile only: it is among the first. What was imported, or is older
// than the log, is made by none, and that is known after so many.
const findChangeMade = statement(
  'find-change',
  `select seq, at, command, mutation_id, actor_id, device from (
     select seq, at, command, mutation_id, actor_id, device, entries from changes
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
): Promise<Pick<Change, 'seq' | 'at' | 'command' | 'mutationId' | 'actorId' | 'device'> | null> {
  const row = await tx.maybe<Row>(findChangeMade, [restaurantId, updatedAt, kind, id, String(version)])
  if (!row) return null
  const { mutation_id: mutationId, actor_id: actorId, ...change } = row
  return { ...change, mutationId, actorId }
}
