import { NOBODY, type Joined } from '../people/rules.ts'
import type { Instant } from '../platform/clock.ts'
import {
  canFollow,
  canSeat,
  ENDED_WITH_TABLE,
  entryOf,
  isOver,
  keepsTable,
  phaseOf,
  refuseEndWithTable,
  timesOf,
  UNTOLD,
  waitAfter,
  type Decision,
  type Effect,
  type EndReason,
  type Floor,
  type GuestEvent,
  type GuestState,
  type PartyStatus,
  type Phase,
  type ReservationState,
  type SentTimes,
  type WaitState,
} from '../parties/rules.ts'
import { servedBy } from '../parties/service/rules.ts'
import { groupOf, tablesNamed, takes } from '../parties/tables/rules.ts'
import { sentOf, versionConflict, type Refusal } from '../changes/rules.ts'
import { unknownServer } from '../sections/rules.ts'
import { freed, refuseTables, unknownTable, vacated, type Insistence } from '../tables/rules.ts'

/**
 * What the commands of guests do: which are refused and why, and what the others change. The order of the checks is the
 * order of the refusals. Pure. The server and the client share this file.
 */

/** Which guest a command is about, and the version that the host saw. */
export interface About {
  readonly guestId: string
  readonly version?: number | undefined
}

/** What a guest's party wants changed. `tableId`: an id takes that table, null gives the table back, undefined says nothing. */
interface GuestChange extends Insistence {
  readonly facts?: Partial<GuestState>
  readonly wait?: Partial<WaitState>
  readonly times?: SentTimes
  readonly status?: PartyStatus | undefined
  readonly tableId?: string | null | undefined
  /** Further tables that are joined to that one. */
  readonly joinedTableIds?: readonly string[] | undefined
  /** Another server has the party from now on. */
  readonly serverId?: string | undefined
  readonly event: GuestEvent
}

/** The tables that a party is to take: one, and others joined to it. */
interface Taking {
  readonly tableId: string
  readonly joinedTableIds?: readonly string[] | undefined
  readonly force?: boolean | undefined
}

/** A waiting party takes a table, with a reason where others have waited longer. Spec: G4 to G8, G21. */
export function decideSeatGuest(
  floor: Floor,
  input: About & Taking & { readonly jumpReason?: string | undefined },
  now: Instant,
): Decision {
  const { tableId, joinedTableIds, jumpReason, force } = input
  const guest = floor.get('guest', input.guestId)
  const wait = sentOf({ jumpReason })
  return (
    refuseUnseen(floor, guest, input) ??
    (force ? null : refuseSeat(guest!)) ??
    changed(floor, guest!, { wait, status: 'seated', tableId, joinedTableIds, force, event: 'status-changed' }, now)
  )
}

/** A party that has a table takes another. Spec: G5 to G8. */
export function decideMoveGuest(floor: Floor, input: About & Taking, now: Instant): Decision {
  const { tableId, joinedTableIds, force } = input
  const guest = floor.get('guest', input.guestId)
  const unseen = refuseUnseen(floor, guest, input)
  if (unseen) return unseen
  if (guest!.tableId !== null)
    return changed(floor, guest!, { tableId, joinedTableIds, force, event: 'table-changed' }, now)
  const message = 'Only a party that has a table can be moved'
  return { code: 'guest-not-seated', status: 409, message, details: { guest } }
}

/** A guest arrives, runs late, finishes, and so on. A status sets its own time only. Spec: G3, G9. */
export function decideSetGuestStatus(
  floor: Floor,
  input: About & {
    readonly status: PartyStatus
    readonly at?: Instant | undefined
    readonly force?: boolean | undefined
  } & Details,
  now: Instant,
): Decision {
  const { status, at, force, lateMinutes, arrivedCount, endReason } = input
  const guest = floor.get('guest', input.guestId)
  const refusal = refuseUnseen(floor, guest, input) ?? refuseDetails(input)
  if (refusal) return refusal
  const arrives = status === 'arrived' || status === 'partially_arrived'
  const times = {
    checkInTime: arrives ? (at ?? guest!.checkInTime ?? now) : undefined,
    seatedTime: status === 'seated' ? at : undefined,
    finishedTime: status === 'finished' ? at : undefined,
  }
  const wait = sentOf({ lateMinutes, arrivedCount, endReason })
  return changed(floor, guest!, { wait, status, times, force, event: 'status-changed' }, now)
}

/** What a host may say with a status. */
interface Details {
  readonly lateMinutes?: number | undefined
  readonly arrivedCount?: number | undefined
  readonly endReason?: EndReason | undefined
}

const STATUS_OF: Readonly<Record<keyof Details, PartyStatus>> = {
  lateMinutes: 'running_late',
  arrivedCount: 'partially_arrived',
  endReason: 'cancelled',
}

/** Refuses a detail that says nothing about the status that is set. Spec: G19. */
function refuseDetails(input: Details & { readonly status: PartyStatus }): Refusal | null {
  for (const detail of ['lateMinutes', 'arrivedCount', 'endReason'] as const) {
    const status = STATUS_OF[detail]
    if (input[detail] === undefined || input.status === status) continue
    return { code: 'wrong-detail', status: 422, message: `${detail} goes with ${status} only`, details: { detail } }
  }
  return null
}

/** A guest's facts, status and table in one go. A phase changes only a guest who is in another. Spec: G3 to G9. */
export function decideUpdateGuest(
  floor: Floor,
  input: About &
    Insistence &
    SentTimes & {
      readonly phase?: Phase | undefined
      readonly status?: PartyStatus | undefined
      readonly tableId?: string | null | undefined
      readonly serverId?: string | undefined
      readonly partySize?: number | undefined
    },
  now: Instant,
): Decision {
  const { guestId, version, phase, status: sent, tableId, serverId, takeOver, force, ...rest } = input
  const { checkInTime, seatedTime, finishedTime, ...facts } = rest
  const guest = floor.get('guest', guestId)
  const unseen = refuseUnseen(floor, guest, { guestId, version, tableId })
  if (unseen) return unseen
  if (serverId !== undefined && !floor.get('server', serverId)) return unknownServer(serverId)
  const status = sent ?? (phase && phase !== phaseOf(guest!.status) ? entryOf[phase] : undefined)
  const event = status !== undefined ? 'status-changed' : tableId !== undefined ? 'table-changed' : 'edited'
  const times = { checkInTime, seatedTime, finishedTime }
  const change: GuestChange = { facts: sentOf(facts), times, status, tableId, serverId, takeOver, force, event }
  return changed(floor, guest!, change, now)
}

interface Joining extends SentTimes, Insistence {
  readonly status: PartyStatus
  readonly partySize: number
  readonly tableId: string | null
  /** Whether joining counts as checking in now, when no time is sent. */
  readonly checkedIn: boolean
}

/** A new guest. `joined`: whose visit it is, as far as the server knows. Spec: G1, G9, E3. */
export function newGuest<Made extends Joining>(id: string, made: Made, now: Instant, joined: Joined = NOBODY) {
  const { takeOver: _, force: __, checkedIn, checkInTime, seatedTime, finishedTime, ...rest } = made
  const times = { checkInTime: checkInTime ?? (checkedIn ? now : undefined), seatedTime, finishedTime }
  return {
    id,
    ...rest,
    serverId: null,
    ...joined,
    ...UNTOLD,
    ...timesOf(now, null, made.status, times),
    version: 1,
    createdAt: now,
    updatedAt: now,
  }
}

/** What comes of joining at a table: who serves there, and what happens before and after the guest is stored. */
interface Arrival {
  readonly serverId: string | null
  readonly before: readonly Effect[]
  readonly after: readonly Effect[]
}

/** A guest who is new takes the table that it joins at, if any. Spec: G2, Y20. */
export function decideJoin(
  floor: Floor,
  guest: Pick<GuestState, 'id' | 'status' | 'partySize' | 'tableId'>,
  insistence: Insistence,
  now: Instant,
): Refusal | Arrival {
  const { id, status, partySize, tableId } = guest
  if (tableId === null) return { serverId: null, before: [], after: [] }
  if (isOver(status)) return ENDED_WITH_TABLE
  const table = floor.get('table', tableId)
  if (!table) return unknownTable(tableId)
  const serverId = servedBy({ status: 'waitlist', tableId: null, serverId: null }, status, table)
  const refusal = refuseTables({ id, partySize }, [table], insistence, now)
  return refusal ?? { serverId, ...takes({ kind: 'guest', id }, [table]) }
}

/** A guest goes for good, and the table it had has no party. `linked`: the reservations of the guest. Spec: G10, G16, V7. */
export function decideDeleteGuest(
  floor: Floor,
  input: About,
  { isExpected, linked }: { readonly isExpected: boolean; readonly linked: readonly ReservationState[] },
): Decision {
  const guest = floor.get('guest', input.guestId)
  const unseen = refuseUnseen(floor, guest, input)
  if (unseen) return unseen
  if (isExpected) {
    const message = 'Cannot delete guest with active reservations'
    return { code: 'guest-has-reservations', status: 409, message, details: { guest } }
  }
  const table = floor.get('table', guest!.tableId)
  return [
    ...linked.map(({ id }) => ({ kind: 'reservation', id, set: { guestId: null }, event: 'edited' }) as const),
    { kind: 'guest', id: input.guestId, set: null, event: 'deleted' },
    ...(table ? [vacated(table)] : []),
  ]
}

export const guestNotFound = (id: string): Refusal => ({
  code: 'guest-not-found',
  status: 404,
  message: 'There is no such guest',
  details: { guestId: id },
})

/** Refuses a guest who is not there or not as the host saw it, and a table to sit at that is not there. */
export function refuseUnseen(
  floor: Floor,
  guest: GuestState | undefined,
  { guestId, version, tableId }: About & { readonly tableId?: string | null | undefined },
): Refusal | null {
  if (!guest) return guestNotFound(guestId)
  if (version !== undefined && version !== guest.version) return versionConflict('guest', guest)
  return tableId && !floor.get('table', tableId) ? unknownTable(tableId) : null
}

function refuseSeat(guest: GuestState): Refusal | null {
  if (canSeat(guest.status)) return null
  const message = `A guest who is ${guest.status} can't be seated`
  return { code: 'guest-not-waiting', status: 409, message, details: { guest } }
}

function refuseOrder(guest: GuestState, { status, force }: GuestChange): Refusal | null {
  if (status === undefined || force || canFollow(guest.status, status)) return null
  const message = `A guest who is ${guest.status} can't become ${status}`
  return { code: 'status-order', status: 409, message, details: { guest } }
}

/** A guest's party changes, and with it its old table, its new one, and the party that had that. */
export function changed(floor: Floor, guest: GuestState, change: GuestChange, now: Instant): Decision {
  const refusal = refuseEndWithTable(change.status, change.tableId) ?? refuseOrder(guest, change)
  if (refusal) return refusal
  const { id } = guest
  const status = change.status ?? guest.status
  const leavesSeat = change.status !== undefined && !keepsTable(guest.status, status)
  const tableId = change.tableId !== undefined ? change.tableId : leavesSeat ? null : guest.tableId
  const wait = { ...waitAfter(guest, status), ...change.wait }
  const times = timesOf(now, guest, status, change.times)
  const sits = status === 'seated' && (guest.status !== 'seated' || tableId !== guest.tableId)
  const serverId = change.serverId ?? servedBy(guest, status, sits ? floor.get('table', tableId) : undefined)
  const set = { ...change.facts, ...wait, ...times, status, tableId, serverId }
  const effect: Effect = { kind: 'guest', id, set, event: change.event }
  if (tableId === guest.tableId && change.joinedTableIds === undefined) return [effect]

  const from = floor.get('table', guest.tableId)
  const own = from ? groupOf(floor, from) : []
  if (tableId === null) return [effect, ...own.map((table) => (leavesSeat ? freed(table) : vacated(table)))]
  const to = tablesNamed(floor, [tableId, ...(change.joinedTableIds ?? [])])
  if ('code' in to) return to
  const partySize = change.facts?.partySize ?? guest.partySize
  const unfit =
    (change.force || guest.status === 'seated' ? null : refuseSeat(guest)) ??
    refuseTables({ id, partySize }, to, change, now)
  if (unfit) return unfit
  const { before, after } = takes({ kind: 'guest', id }, to)
  return [...before, effect, ...own.filter((table) => !to.some((each) => each.id === table.id)).map(vacated), ...after]
}
