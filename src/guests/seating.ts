import { AppError } from '../platform/errors.ts'
import { LostRace, type Write } from '../changes/command/command.ts'
import {
  freeTable,
  giveTable,
  lockTables,
  partyAt,
  refuseTable,
  vacateTable,
  type Insistence,
  type Table,
} from '../tables/tables.ts'
import { lockReservation, saveReservation, type Reservation } from '../reservations/reservations.ts'
import { canFollow, canSeat, isOver, keepsTable, timesOf, type PartyStatus, type SentTimes } from '../parties/rules.ts'
import { guestNotFound, lockGuests, saveGuest, type Guest, type GuestEvent, type GuestFacts } from './guests.ts'

/** What a party wants changed. `tableId`: an id takes that table, null gives the table back, undefined says nothing. */
export interface PartyChange extends Insistence {
  readonly facts?: Partial<GuestFacts>
  readonly times?: SentTimes
  readonly status?: PartyStatus | undefined
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
  const [tables, guests] = await Promise.all([
    lockTables(w, wanted ? [wanted] : [], [guestId]),
    lockGuests(w, [guestId]),
  ])
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
  const next: Guest = { ...guest, ...change.facts, ...timesOf(w.now, guest, status, change.times), status, tableId }
  if (tableId === guest.tableId) return saveGuest(w, next, change.event)

  const from = guest.tableId === null ? undefined : tables.get(guest.tableId)
  const to = tableId === null ? undefined : tables.get(tableId)
  if (to) refuseSeat(guest, next, to, change)
  const displaced = to && (await displace(w, to))
  // In this order, so that no two parties are at one table and no party at two even between two statements.
  const [, saved] = await Promise.all([
    displaced?.(),
    saveGuest(w, next, change.event),
    from && (to === undefined && leavesSeat(guest, change) ? freeTable(w, from, 'freed') : vacateTable(w, from)),
    to && giveTable(w, to, { kind: 'guest', id: guest.id }),
  ])
  return saved
}

/**
 * Locks whoever has a table, if anyone, and gives what stores that they lost it: a guest goes back to the waitlist, a reservation keeps its status. Spec: G7.
 */
export async function displace(w: Write, table: Table): Promise<() => Promise<unknown>> {
  const party = partyAt(table)
  if (party === null) return async () => undefined
  if (party.kind === 'reservation') {
    const other = await lockReservation(w, party.id)
    if (!other) throw new LostRace('the reservation of the table is gone')
    return () => saveReservation(w, { ...other, tableId: null }, 'table-lost')
  }
  const other = (await lockGuests(w, [party.id])).get(party.id)
  if (!other) throw new LostRace('the party at the table left')
  const back: Guest = { ...other, status: 'waitlist', tableId: null, seatedTime: null, endedAt: null }
  return () => saveGuest(w, back, 'displaced')
}

/**
 * How a party leaves its table: `cleared`, a guest has finished whatever it was; `freed`, a seated party has finished and another only loses the table;
 * `unlinked`, it only loses the table.
 */
export type Leaving = 'cleared' | 'freed' | 'unlinked'

/** Locks whoever has a table, if anyone, and gives what stores that they left it: the guest as it becomes, where it is one. Spec: G11, G12. */
export async function leave(w: Write, table: Table, how: Leaving): Promise<() => Promise<Guest | null>> {
  const party = partyAt(table)
  if (party === null) return async () => null
  if (party.kind === 'reservation') {
    const other = await lockReservation(w, party.id)
    if (!other) throw new LostRace('the reservation of the table is gone')
    return async () => {
      const finishes = how !== 'unlinked' && other.status === 'seated'
      await saveReservation(w, afterwards(w, other, finishes), finishes ? 'status-changed' : 'table-lost')
      return null
    }
  }
  const guest = (await lockGuests(w, [party.id])).get(party.id)
  if (!guest) throw new LostRace('the party at the table left')
  const finishes = how === 'cleared' || (how === 'freed' && guest.status === 'seated')
  const event = finishes ? 'status-changed' : 'table-changed'
  return () => saveGuest(w, afterwards(w, guest, finishes), how === 'cleared' ? 'cleared' : event)
}

function afterwards<P extends Guest | Reservation>(w: Write, party: P, finishes: boolean): P {
  if (!finishes) return { ...party, tableId: null }
  return { ...party, ...timesOf(w.now, party, 'finished'), status: 'finished', tableId: null }
}

function targetTable(guest: Guest, { status, tableId }: PartyChange): string | null {
  if (tableId) {
    if (status !== undefined && isOver(status)) throw endedWithTable()
    return tableId
  }
  if (tableId === null) return null
  return leavesSeat(guest, { status }) ? null : guest.tableId
}

/** Whether the status that is wanted ends the visit or leaves the seat. */
const leavesSeat = (guest: Guest, { status }: Pick<PartyChange, 'status'>): boolean =>
  status !== undefined && !keepsTable(guest.status, status)

export const endedWithTable = (): AppError =>
  new AppError('ended-with-table', 422, "A party whose visit ends can't take a table")

function refuseSeat(before: Guest, next: Guest, table: Table, { takeOver, force }: Insistence): void {
  if (!force && !canSeat(before.status) && before.status !== 'seated')
    throw new AppError('guest-not-waiting', 409, `A guest who is ${before.status} can't be seated`, { guest: before })
  refuseTable(next.partySize, table, { takeOver, force })
}
