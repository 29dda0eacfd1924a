import { AppError } from '../platform/errors.ts'
import type { Instant } from '../platform/clock.ts'
import { LostRace, type Write } from '../changes/command.ts'
import { lockTables, saveTable, type Table, type TableEvent } from '../tables/tables.ts'
import { tableStatuses, type TableStatus } from '../tables/rules.ts'
import { guestNotFound, lockGuests, saveGuest, type Guest, type GuestEvent, type GuestFacts } from './guests.ts'
import { canFollow, canSeat, isOver, keepsTable, type GuestStatus } from './rules.ts'

/** How far a host insists. Spec: G6, G7, G8. */
export interface Insistence {
  /** Put whoever sits there back on the waitlist. Otherwise a taken table is refused. */
  readonly takeOver?: boolean | undefined
  /** Seat over capacity, at a table that is reserved or out of service, or against the usual order of statuses. */
  readonly force?: boolean | undefined
}

/** Times that a client may say; the server's own are used where it says nothing. */
export interface GuestTimes {
  readonly checkInTime?: Instant | undefined
  readonly seatedTime?: Instant | undefined
  readonly finishedTime?: Instant | undefined
}

/** What a party wants changed. `tableId`: an id takes that table, null gives the table back, undefined says nothing. */
export interface PartyChange extends Insistence {
  readonly facts?: Partial<GuestFacts>
  readonly times?: GuestTimes
  readonly status?: GuestStatus | undefined
  readonly tableId?: string | null | undefined
  readonly event: GuestEvent
}

/** A guest and every table and guest that its change may touch, all locked. */
export interface LockedParty {
  readonly guest: Guest
  readonly tables: ReadonlyMap<string, Table>
}

/**
 * Locks a guest, the table it is at, and the table it wants, in the ladder's order: tables before guests. Throws `AppError` guest-not-found (404),
 * version-conflict (409), unknown-table (422).
 */
export async function lockParty(
  w: Write,
  guestId: string,
  wanted?: string | null,
  version?: number,
): Promise<LockedParty> {
  const [tables, guests] = await Promise.all([lockTables(w, wanted ? [wanted] : [], guestId), lockGuests(w, [guestId])])
  const guest = guests.get(guestId)
  if (!guest) throw guestNotFound(guestId)
  if (version !== undefined && version !== guest.version)
    throw new AppError('version-conflict', 409, 'The guest was changed in the meantime', { guest })
  if (wanted && !tables.has(wanted)) throw unknownTable(wanted)
  // It moved while its lock was waited for: its table is another one than the one locked.
  if (guest.tableId !== null && !tables.has(guest.tableId)) throw new LostRace('guest moved')
  return { guest, tables }
}

export const unknownTable = (id: string): AppError =>
  new AppError('unknown-table', 422, 'There is no such table to sit at', { tableId: id })

/**
 * Changes a locked party and whatever that moves: its old table, its new one, and who sits there. Guest and tables change in the one
 * transaction. Throws `AppError`: ended-with-table (422), status-order, guest-not-waiting, table-not-free, over-capacity (409).
 */
export async function changeParty(w: Write, { guest, tables }: LockedParty, change: PartyChange): Promise<Guest> {
  const status = change.status ?? guest.status
  const tableId = targetTable(guest, change)
  if (change.status !== undefined && !change.force && !canFollow(guest.status, status))
    throw new AppError('status-order', 409, `A guest who is ${guest.status} can't become ${status}`, { guest })
  const next: Guest = { ...guest, ...change.facts, ...timesOf(w, guest, status, change.times ?? {}), status, tableId }
  if (tableId === guest.tableId) return saveGuest(w, next, change.event)

  const from = guest.tableId === null ? undefined : tables.get(guest.tableId)
  const to = tableId === null ? undefined : tables.get(tableId)
  if (to) refuseSeat(guest, next, to, change)
  const displaced = to?.guestId ? await displace(w, to) : undefined
  // In this order, so that no two parties are at one table and no party at two even between two statements.
  const [, saved] = await Promise.all([
    displaced && saveGuest(w, displaced, 'displaced'),
    saveGuest(w, next, change.event),
    from && freeTable(w, from, 'freed'),
    to && giveTable(w, to, guest.id),
  ])
  return saved
}

/** A table that has no party any more and may be taken. */
export const freeTable = (w: Write, table: Table, event: TableEvent): Promise<Table> =>
  saveTable(w, { ...table, status: 'available', guestId: null }, event)

/** A table that a guest has now. */
export const giveTable = (w: Write, table: Table, guestId: string, status: TableStatus = 'occupied'): Promise<Table> =>
  saveTable(w, { ...table, status, guestId }, 'assigned')

/** Who loses a table to another party: back on the waitlist, locked but not yet stored. */
export async function displace(w: Write, table: Table): Promise<Guest> {
  const other = (await lockGuests(w, [table.guestId!])).get(table.guestId!)
  if (!other) throw new LostRace('the party at the table left')
  return { ...other, status: 'waitlist', tableId: null, seatedTime: null, endedAt: null }
}

/** Times that a status sets when it is new and none was sent. */
export function timesOf(
  w: Write,
  guest: Pick<Guest, 'status' | 'checkInTime' | 'seatedTime' | 'finishedTime' | 'endedAt'> | null,
  status: GuestStatus,
  sent: GuestTimes,
): Pick<Guest, 'checkInTime' | 'seatedTime' | 'finishedTime' | 'endedAt'> {
  const becomes = (wanted: GuestStatus) => status === wanted && guest?.status !== wanted
  return {
    checkInTime: sent.checkInTime ?? guest?.checkInTime ?? null,
    seatedTime: sent.seatedTime ?? (becomes('seated') ? w.now : (guest?.seatedTime ?? null)),
    finishedTime: sent.finishedTime ?? (becomes('finished') ? w.now : (guest?.finishedTime ?? null)),
    endedAt: isOver(status) ? (guest?.endedAt ?? w.now) : null,
  }
}

function targetTable(guest: Guest, { status, tableId }: PartyChange): string | null {
  if (tableId) {
    if (status !== undefined && isOver(status)) throw endedWithTable()
    return tableId
  }
  if (tableId === null) return null
  return status === undefined || keepsTable(guest.status, status) ? guest.tableId : null
}

export const endedWithTable = (): AppError =>
  new AppError('ended-with-table', 422, "A party whose visit ends can't take a table")

function refuseSeat(before: Guest, next: Guest, table: Table, { takeOver, force }: Insistence): void {
  if (!force && !canSeat(before.status) && before.status !== 'seated')
    throw new AppError('guest-not-waiting', 409, `A guest who is ${before.status} can't be seated`, { guest: before })
  refuseTable(next, table, { takeOver, force })
}

/** Throws unless the table may be taken by the party: `AppError` table-not-free or over-capacity (409), with the table as it is. */
export function refuseTable(party: Pick<Guest, 'partySize'>, table: Table, { takeOver, force }: Insistence): void {
  const taken = table.guestId !== null
  if (taken ? !takeOver : !force && !tableStatuses[table.status].seatable)
    throw new AppError('table-not-free', 409, `Table ${table.number} is ${table.status}`, { table })
  if (!force && party.partySize > table.capacity)
    throw new AppError('over-capacity', 409, `Table ${table.number} seats ${table.capacity}`, { table })
}
