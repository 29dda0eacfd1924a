import type { TableState } from '../../tables/rules.ts'
import { isOver, type GuestState, type PartyStatus } from '../rules.ts'

/** Which server a party has. Pure. The server, the client and the web share this file. */

/**
 * The server who has a party whose status becomes `status` at a table: the one of the table where it sits down or moves to.
 * Where a seated party moves to a table of nobody it keeps its server; so does a visit that ends. Spec: Y20.
 */
export function servedBy(
  before: Pick<GuestState, 'status' | 'tableId' | 'serverId'>,
  status: PartyStatus,
  table: TableState | undefined,
): string | null {
  if (isOver(status)) return before.serverId
  if (status !== 'seated') return null
  const wasSeated = before.status === 'seated'
  if (wasSeated && (!table || table.id === before.tableId)) return before.serverId
  return table?.serverId ?? (wasSeated || isOver(before.status) ? before.serverId : null)
}
