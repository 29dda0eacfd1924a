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
  readonly joinedTo: string | null
  readonly joined: readonly string[]
  readonly statusUntil: Instant | null
  readonly heldFor: string | null
  readonly statusReason: string | null
  readonly checkAt: Instant | null
  readonly paidAt: Instant | null
  readonly section: string | null
  readonly sectionId: string | null
  readonly serverId: string | null
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

/** A table without a party has these: nothing of the party stays. */
const EMPTY = { guestId: null, reservationId: null, joinedTo: null, joined: [], checkAt: null, paidAt: null } as const
/** What a hold or a block says besides its status. */
const UNMARKED = { statusUntil: null, heldFor: null, statusReason: null } as const

/** Without a party, and with no word of a hold or a block. */
export const BARE = { ...EMPTY, ...UNMARKED } as const

/** The status of a table at `now`: a hold or a block that has ended by itself no longer counts. Spec: T9. */
export const statusAt = ({ status, statusUntil }: Pick<TableState, 'status' | 'statusUntil'>, now: Instant) =>
  statusUntil !== null && statusUntil <= now && (status === 'reserved' || status === 'out_of_service')
    ? 'available'
    : status

/** What a new status leaves of a hold or a block: nothing, unless the status stays. */
export const marksOf = (table: Pick<TableState, 'status'>, status: TableStatus): Partial<TableState> =>
  status === table.status ? {} : UNMARKED

/**
 * What a table becomes when its party goes elsewhere. A status that came with the party ends with it; a status that a host set
 * stays. A reservation makes its table reserved, a guest doesn't.
 */
export const statusLeft = (status: TableStatus, party: Party['kind'] | undefined): TableStatus =>
  status === 'occupied' || (status === 'reserved' && party === 'reservation') ? 'available' : status

const leftOf = (table: TableState) => statusLeft(table.status, partyAt(table)?.kind)

/** The party of a table goes elsewhere. Spec: G16. */
export const vacated = (table: TableState): TableEffect => ({
  kind: 'table',
  id: table.id,
  set: { ...EMPTY, ...marksOf(table, leftOf(table)), status: leftOf(table) },
  event: 'freed',
})

/** A table has no party any more and may be taken. */
export const freed = ({ id }: TableState, event: TableEvent = 'freed'): TableEffect => ({
  kind: 'table',
  id,
  set: { ...BARE, status: 'available' },
  event,
})

/** How tables of one party hang together. */
type Joint = Pick<TableState, 'joinedTo' | 'joined'>

/** A party has a table now, and no other party does. */
export const given = (
  { id }: TableState,
  party: Party,
  status: TableStatus = 'occupied',
  joint: Joint = { joinedTo: null, joined: [] },
): TableEffect => ({
  kind: 'table',
  id,
  set: { ...BARE, status, ...partyColumns(party), ...joint },
  event: 'assigned',
})

/** Who wants a table. `id` is null for a party that is not there yet. */
export interface Comer {
  readonly id: string | null
  readonly partySize: number
}

/** Refuses tables, one or several joined, that a party may not take, and shows the first as it is. Spec: G6, G8, T9, T11. */
export function refuseTables(
  comer: Comer,
  tables: readonly TableState[],
  { takeOver, force }: Insistence,
  now: Instant,
): Refusal | null {
  for (const table of tables) {
    const party = partyAt(table)
    if (party !== null && party.id === comer.id) continue
    const status = statusAt(table, now)
    const isMeant = table.heldFor !== null && table.heldFor === comer.id
    if (party ? !takeOver : !force && !isMeant && !tableStatuses[status].seatable)
      return { code: 'table-not-free', status: 409, message: `Table ${table.number} is ${status}`, details: { table } }
  }
  const seats = tables.reduce((sum, { capacity }) => sum + capacity, 0)
  if (force || comer.partySize <= seats) return null
  const [table] = tables
  const message = tables.length > 1 ? `These tables seat ${seats}` : `Table ${table!.number} seats ${seats}`
  return { code: 'over-capacity', status: 409, message, details: { table } }
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
  ...BARE,
  joined: [],
  sectionId: null,
  serverId: null,
  version: 1,
  createdAt: now,
  updatedAt: now,
})

/**
 * The facts of a table that were sent. Another text for the section than the table has takes it out of its section: what the
 * iPad shows is the name of the section, or that text. Spec: Y13.
 */
export const withSection = <Facts extends { readonly section?: string | null }>(
  { section }: TableState,
  facts: Facts,
): Facts & Partial<TableState> =>
  facts.section === undefined || facts.section === section ? facts : { ...facts, sectionId: null, serverId: null }

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
