import type { Instant } from '../../platform/clock.ts'
import type { Refusal } from '../../changes/rules.ts'
import {
  freed,
  partyAt,
  refuseTables,
  refuseUnseen,
  statusAt,
  type Comer,
  type TableEffect,
  type TableState,
} from '../rules.ts'

/**
 * What happens to a table besides its parties: it is held, blocked, cleaned, and its check is marked. Pure. The server, the
 * client and the web share this file.
 */

/** Which table a command is about, and the version that the host saw. */
interface About {
  readonly tableId: string
  readonly version?: number | undefined
}

const edited = (table: TableState, set: Partial<TableState>): TableEffect => ({
  kind: 'table',
  id: table.id,
  set,
  event: 'edited',
})

/** A free table, or one that is held, is held until a time, for a party or for a reason. Spec: T9. */
export function decideHoldTable(
  table: TableState | undefined,
  input: About & { readonly until: Instant | null; readonly partyId: string | null; readonly reason: string | null },
  now: Instant,
): Refusal | TableEffect {
  const { tableId, version, until, partyId, reason } = input
  return (
    refuseUnseen(tableId, table, version) ??
    refusePast(until, now) ??
    (statusAt(table!, now) === 'reserved' ? null : refuseTables(NOBODY, [table!], {}, now)) ??
    refuseTaken(table!) ??
    edited(table!, { status: 'reserved', statusUntil: until, heldFor: partyId, statusReason: reason })
  )
}

/** A table without a party is out of service, until a time or until a host says otherwise. Spec: T9. */
export function decideBlockTable(
  table: TableState | undefined,
  input: About & { readonly until: Instant | null; readonly reason: string | null },
  now: Instant,
): Refusal | TableEffect {
  const { tableId, version, until, reason } = input
  return (
    refuseUnseen(tableId, table, version) ??
    refusePast(until, now) ??
    refuseTaken(table!) ??
    edited(table!, { status: 'out_of_service', statusUntil: until, heldFor: null, statusReason: reason })
  )
}

/** A hold or a block ends. A table that is free already stays so. Spec: T9. */
export function decideReleaseTable(
  table: TableState | undefined,
  { tableId, version }: About,
): Refusal | readonly TableEffect[] {
  const refusal = refuseUnseen(tableId, table, version) ?? refuseTaken(table!)
  if (refusal) return refusal
  if (table!.status === 'available') return []
  if (table!.status !== 'needs_cleaning') return [freed(table!)]
  return { code: 'table-to-clean', status: 409, message: 'The table waits to be cleaned', details: { table } }
}

/** A table that had to be cleaned is free. Spec: T10. */
export function decideMarkClean(
  table: TableState | undefined,
  { tableId, version }: About,
): Refusal | readonly TableEffect[] {
  const refusal = refuseUnseen(tableId, table, version) ?? refuseTaken(table!)
  if (refusal) return refusal
  return table!.status === 'needs_cleaning' ? [freed(table!)] : []
}

/** What a host says of the check of a seated party. */
export const CHECKS = ['dropped', 'paid', 'none'] as const

/** The check has come to a party's table, or is paid. Its time stays when it is said again. Spec: T10. */
export function decideMarkCheck(
  table: TableState | undefined,
  { tableId, version, check }: About & { readonly check: (typeof CHECKS)[number] },
  now: Instant,
): Refusal | TableEffect {
  const refusal = refuseUnseen(tableId, table, version)
  if (refusal) return refusal
  if (partyAt(table!) === null)
    return { code: 'table-is-empty', status: 409, message: 'No party is at this table', details: { table } }
  const { checkAt, paidAt } = table!
  if (check === 'none') return edited(table!, { checkAt: null, paidAt: null })
  return edited(table!, { checkAt: checkAt ?? now, paidAt: check === 'paid' ? (paidAt ?? now) : null })
}

/** The holds and blocks of tables that have ended by themselves. Spec: T9. */
export const decideEndHolds = (tables: readonly TableState[], now: Instant): readonly TableEffect[] =>
  tables
    .filter((table) => table.status !== 'available' && partyAt(table) === null && statusAt(table, now) === 'available')
    .map((table) => freed(table))

const NOBODY: Comer = { id: null, partySize: 0 }

function refuseTaken(table: TableState): Refusal | null {
  if (partyAt(table) === null && table.status !== 'occupied') return null
  return {
    code: 'table-occupied',
    status: 409,
    message: `Table ${table.number} is ${table.status}`,
    details: { table },
  }
}

function refusePast(until: Instant | null, now: Instant): Refusal | null {
  if (until === null || until > now) return null
  return { code: 'already-past', status: 422, message: 'This time is past', details: { until } }
}
