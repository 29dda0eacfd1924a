import type { Instant } from '../platform/clock.ts'
import { versionConflict, type Refusal } from '../changes/rules.ts'

/**
 * What a table's statuses mean, who may take a table, and what becomes of it. Pure. The server, the client and the web share
 * this file.
 */

export const TABLE_STATUSES = ['available', 'occupied', 'reserved', 'out_of_service', 'needs_cleaning'] as const
export type TableStatus = (typeof TABLE_STATUSES)[number]

export const TABLE_SHAPES = ['round', 'square', 'rectangle', 'oval'] as const
export type TableShape = (typeof TABLE_SHAPES)[number]

/** Every status, and whether a party may be seated there without insisting. */
export const tableStatuses: Record<TableStatus, { readonly seatable: boolean }> = {
  available: { seatable: true },
  occupied: { seatable: false },
  reserved: { seatable: false },
  out_of_service: { seatable: false },
  needs_cleaning: { seatable: false },
}

/** What happened to a table. `assigned`: a party got it. `freed`: its party left. `cleared`: a host cleared it. `batched`: an item of a batch changed it. */
export type TableEvent = 'created' | 'edited' | 'assigned' | 'freed' | 'cleared' | 'batched' | 'deleted'

/** The part of a table that rules look at. */
export interface TableState {
  readonly id: string
  readonly number: string
  readonly capacity: number
  readonly status: TableStatus
  readonly guestId: string | null
  readonly reservationId: string | null
  readonly version: number
}

/** What a decision does to a table: the fields it sets, or that the table goes. `event` is what the log says happened. */
export interface TableEffect {
  readonly kind: 'table'
  readonly id: string
  readonly set: Partial<TableState> | null
  readonly event: TableEvent
}

/** Who has a table. */
export interface Party {
  readonly kind: 'guest' | 'reservation'
  readonly id: string
}

/** How far a host insists. */
export interface Insistence {
  /** Take the table from the party that has it. Otherwise a taken table is refused. */
  readonly takeOver?: boolean | undefined
  /** Seat over capacity, at a table that is reserved or out of service, or against the usual order of statuses. */
  readonly force?: boolean | undefined
}

/** The party that has a table, or null. */
export function partyAt({ guestId, reservationId }: TableState): Party | null {
  if (guestId !== null) return { kind: 'guest', id: guestId }
  return reservationId === null ? null : { kind: 'reservation', id: reservationId }
}

/** The fields that name a party. */
export const partyColumns = ({ kind, id }: Party): Pick<TableState, 'guestId' | 'reservationId'> => ({
  guestId: kind === 'guest' ? id : null,
  reservationId: kind === 'reservation' ? id : null,
})

/**
 * What a table becomes when its party goes elsewhere. A status that came with the party ends with it; a status that a host set
 * stays. A reservation makes its table reserved, a guest doesn't.
 */
export const statusLeft = (status: TableStatus, party: Party['kind'] | undefined): TableStatus =>
  status === 'occupied' || (status === 'reserved' && party === 'reservation') ? 'available' : status

/** The party of a table goes elsewhere. Spec: G16. */
export const vacated = (table: TableState): TableEffect => ({
  kind: 'table',
  id: table.id,
  set: { status: statusLeft(table.status, partyAt(table)?.kind), guestId: null, reservationId: null },
  event: 'freed',
})

/** A table has no party any more and may be taken. */
export const freed = ({ id }: TableState, event: TableEvent = 'freed'): TableEffect => ({
  kind: 'table',
  id,
  set: { status: 'available', guestId: null, reservationId: null },
  event,
})

/** A party has a table now, and no other party does. */
export const given = ({ id }: TableState, party: Party, status: TableStatus = 'occupied'): TableEffect => ({
  kind: 'table',
  id,
  set: { status, ...partyColumns(party) },
  event: 'assigned',
})

/** Refuses a table that a party of this size may not take, and shows it as it is. Spec: G6, G8. */
export function refuseTable(partySize: number, table: TableState, { takeOver, force }: Insistence): Refusal | null {
  const { number, status, capacity } = table
  const isTaken = partyAt(table) !== null
  if (isTaken ? !takeOver : !force && !tableStatuses[status].seatable)
    return { code: 'table-not-free', status: 409, message: `Table ${number} is ${status}`, details: { table } }
  if (!force && partySize > capacity)
    return { code: 'over-capacity', status: 409, message: `Table ${number} seats ${capacity}`, details: { table } }
  return null
}

/** Refuses a table that is not there, or that is not as the host saw it. */
export function refuseUnseen(id: string, table: TableState | undefined, version: number | undefined): Refusal | null {
  if (!table)
    return { code: 'table-not-found', status: 404, message: 'There is no such table', details: { tableId: id } }
  if (version === undefined || version === table.version) return null
  return versionConflict('table', table)
}

/** A new table, free. Spec: T1. */
export const newTable = <Facts extends object>(id: string, facts: Facts, now: Instant) => ({
  id,
  ...facts,
  status: 'available' as const,
  guestId: null,
  reservationId: null,
  version: 1,
  createdAt: now,
  updatedAt: now,
})

/** There is no table to sit at with this id. */
export const unknownTable = (id: string): Refusal => ({
  code: 'unknown-table',
  status: 422,
  message: 'There is no such table to sit at',
  details: { tableId: id },
})

/** A table goes for good, unless a party has it. Spec: T3. */
export function decideRemoveTable(
  table: TableState | undefined,
  { tableId, version }: { readonly tableId: string; readonly version?: number | undefined },
): Refusal | TableEffect {
  const unseen = refuseUnseen(tableId, table, version)
  if (unseen) return unseen
  if (table!.status === 'occupied' || partyAt(table!) !== null)
    return { code: 'table-occupied', status: 409, message: 'Cannot delete an occupied table', details: { table } }
  return { kind: 'table', id: tableId, set: null, event: 'deleted' }
}
