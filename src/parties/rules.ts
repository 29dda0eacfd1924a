import type { Instant } from '../platform/clock.ts'
import { type Refusal } from '../changes/rules.ts'
import type { ServerState } from '../sections/rules.ts'
import type { Joined } from '../people/rules.ts'
import type { TableEffect, TableState } from '../tables/rules.ts'

/**
 * What the statuses of a party mean, and what becomes of a party that loses its table. A party is a guest or a reservation.
 * Pure and total. The server, the client and the web share this file.
 */

export const PARTY_STATUSES = [
  'waitlist',
  'confirmed',
  'running_late',
  'arrived',
  'partially_arrived',
  'seated',
  'finished',
  'cancelled',
  'no_show',
] as const
export type PartyStatus = (typeof PARTY_STATUSES)[number]

/** What a status means. */
export interface PartyStatusRule {
  /** The visit is over: no longer on the floor, and a table held is given back. */
  readonly over: boolean
  /** May be given a table without insisting. */
  readonly seatable: boolean
  /** Statuses that may follow without insisting. `force` allows any. */
  readonly next: readonly PartyStatus[]
}

const before: readonly PartyStatus[] = ['waitlist', 'confirmed', 'running_late', 'arrived', 'partially_arrived']
const endings: readonly PartyStatus[] = ['cancelled', 'no_show']
const beforeSeating: PartyStatusRule = { over: false, seatable: true, next: [...before, 'seated', ...endings] }

/** Every status. A visit that ended may be taken back to where it was: hosts press the wrong button. */
export const partyStatuses: Record<PartyStatus, PartyStatusRule> = {
  waitlist: beforeSeating,
  confirmed: beforeSeating,
  running_late: beforeSeating,
  arrived: beforeSeating,
  partially_arrived: beforeSeating,
  seated: { over: false, seatable: false, next: ['seated', 'waitlist', 'finished', ...endings] },
  finished: { over: true, seatable: false, next: ['finished', 'waitlist', 'seated'] },
  cancelled: { over: true, seatable: false, next: ['cancelled', ...before] },
  no_show: { over: true, seatable: false, next: ['no_show', ...before] },
}

/** Whether the visit is over. */
export const isOver = (status: PartyStatus): boolean => partyStatuses[status].over

/** The three phases of a visit: coarser than the statuses. */
export const PHASES = ['waiting', 'seated', 'completed'] as const
export type Phase = (typeof PHASES)[number]

/** The phase that a status belongs to. */
export const phaseOf = (status: PartyStatus): Phase =>
  status === 'seated' ? 'seated' : isOver(status) ? 'completed' : 'waiting'

/** The status of a party that enters a phase. */
export const entryOf: Record<Phase, PartyStatus> = { waiting: 'waitlist', seated: 'seated', completed: 'finished' }

/** Whether a guest in this state may be given a table. */
export const canSeat = (status: PartyStatus): boolean => partyStatuses[status].seatable

/** Whether one status may follow another without insisting. */
export const canFollow = (from: PartyStatus, to: PartyStatus): boolean => partyStatuses[from].next.includes(to)

/** Whether a party keeps its table when a command names none. Leaving the seat and ending the visit give it back. */
export const keepsTable = (from: PartyStatus, to: PartyStatus): boolean =>
  !isOver(to) && !(from === 'seated' && to !== 'seated')

/** The times of a party that a status may set. */
export interface PartyTimes {
  readonly checkInTime: Instant | null
  readonly seatedTime: Instant | null
  readonly finishedTime: Instant | null
  /** When the server recorded the end of the visit. */
  readonly endedAt: Instant | null
}

/** Times that a client may send. The server sets its own where the client sends none. */
export interface SentTimes {
  readonly checkInTime?: Instant | undefined
  readonly seatedTime?: Instant | undefined
  readonly finishedTime?: Instant | undefined
}

/**
 * The times of a party whose status becomes `status` at `now`. A new status sets its time when none was sent. `before` is null
 * for a new party.
 */
export function timesOf(
  now: Instant,
  before: (PartyTimes & { readonly status: PartyStatus }) | null,
  status: PartyStatus,
  sent: SentTimes = {},
): PartyTimes {
  const becomes = (wanted: PartyStatus) => status === wanted && before?.status !== wanted
  return {
    checkInTime: sent.checkInTime ?? before?.checkInTime ?? null,
    seatedTime: sent.seatedTime ?? (becomes('seated') ? now : (before?.seatedTime ?? null)),
    finishedTime: sent.finishedTime ?? (becomes('finished') ? now : (before?.finishedTime ?? null)),
    endedAt: isOver(status) ? (before?.endedAt ?? now) : null,
  }
}

/**
 * How a visit ended without a meal. `left`: the party came and left without being seated. `cancelled_by_guest`: it said
 * that it does not come. `grace_ended`: it was called and did not come in time.
 */
export const END_REASONS = ['left', 'cancelled_by_guest', 'grace_ended'] as const
export type EndReason = (typeof END_REASONS)[number]

/** The reasons that go with the status `cancelled`. */
export const CANCEL_REASONS = ['left', 'cancelled_by_guest'] as const satisfies readonly EndReason[]

/** What a party on the waitlist was told, and what it said: `src/guests/fields.ts` says it field by field. */
export interface WaitState {
  readonly quotedFrom: number | null
  readonly quotedTo: number | null
  readonly quoteReason: string | null
  readonly quotedAt: Instant | null
  readonly firstQuotedTo: number | null
  readonly notifiedAt: Instant | null
  readonly graceUntil: Instant | null
  readonly onMyWayAt: Instant | null
  readonly lateMinutes: number | null
  readonly arrivedCount: number | null
  readonly jumpReason: string | null
  readonly endReason: EndReason | null
}

/** A party that was told nothing yet. */
export const UNTOLD: WaitState = {
  quotedFrom: null,
  quotedTo: null,
  quoteReason: null,
  quotedAt: null,
  firstQuotedTo: null,
  notifiedAt: null,
  graceUntil: null,
  onMyWayAt: null,
  lateMinutes: null,
  arrivedCount: null,
  jumpReason: null,
  endReason: null,
}

/** The part of a party that rules look at. */
export interface PartyState extends PartyTimes, Joined {
  readonly id: string
  readonly status: PartyStatus
  readonly partySize: number
  readonly tableId: string | null
  /** The server who got the party; null before it sits, and where nobody looks after its table. */
  readonly serverId: string | null
  readonly version: number
}

/** The part of a guest that rules look at. */
export interface GuestState extends PartyState, WaitState {}

/** The part of a reservation that rules look at. */
export interface ReservationState extends PartyState {
  readonly guestId: string | null
}

/**
 * Whether a called party did not come in time. Its table is free from that moment on, though the log may tell it a little
 * later. A device asks with its own clock, corrected by the server's. Spec: G18.
 */
export const isReleased = ({ status, graceUntil }: Pick<GuestState, 'status' | 'graceUntil'>, now: Instant): boolean =>
  graceUntil !== null && graceUntil <= now && phaseOf(status) === 'waiting'

/**
 * What a new status ends of the wait. Whoever has come, is seated or is gone is awaited no longer. Whoever is taken back
 * to the waitlist begins anew, but keeps the quote. Gives only what changes. Spec: G17, G19.
 */
export function waitAfter(guest: GuestState, status: PartyStatus): Partial<WaitState> {
  if (status === guest.status) return {}
  const isBack = phaseOf(status) === 'waiting' && phaseOf(guest.status) !== 'waiting'
  const isAwaited = phaseOf(status) === 'waiting' && status !== 'arrived' && status !== 'partially_arrived'
  const ended: readonly (keyof WaitState)[] = isBack
    ? ['notifiedAt', 'graceUntil', 'onMyWayAt', 'lateMinutes', 'arrivedCount', 'jumpReason', 'endReason']
    : status === 'arrived'
      ? ['graceUntil', 'arrivedCount']
      : isAwaited
        ? []
        : ['graceUntil']
  const changed = ended.filter((field) => guest[field] !== null)
  return Object.fromEntries(changed.map((field) => [field, null]))
}

/**
 * What happened to a guest. It keeps the intent: `status-changed` when a status was sent, even the same one. `displaced`:
 * another party took the table. `batched`: an item of a batch changed it.
 */
export type GuestEvent =
  | 'created'
  | 'edited'
  | 'status-changed'
  | 'table-changed'
  | 'displaced'
  | 'cleared'
  | 'batched'
  | 'deleted'

/** What happened to a reservation. `table-lost`: another party took its table, or the table was cleared. */
export type ReservationEvent = 'created' | 'edited' | 'status-changed' | 'table-changed' | 'table-lost' | 'cancelled'

/** What a decision does to a guest: the fields it sets, or that the guest goes. */
export interface GuestEffect {
  readonly kind: 'guest'
  readonly id: string
  readonly set: Partial<GuestState> | null
  readonly event: GuestEvent
}

/** What a decision does to a reservation. */
export interface ReservationEffect {
  readonly kind: 'reservation'
  readonly id: string
  readonly set: Partial<ReservationState>
  readonly event: ReservationEvent
}

export type Effect = TableEffect | GuestEffect | ReservationEffect

/** A refusal, or what happens, in the order in which it is stored: no party is at two tables between two effects. */
export type Decision = Refusal | readonly Effect[]

/** The entities of each kind that a decision may look at. */
export interface States {
  readonly table: TableState
  readonly guest: GuestState
  readonly reservation: ReservationState
  readonly server: ServerState
}

/** The floor as a decision sees it: what the server has locked, or what the client shows. Null is no entity's id. */
export interface Floor {
  get<K extends keyof States>(kind: K, id: string | null): States[K] | undefined
}

/** A visit that ends takes no table. */
export const ENDED_WITH_TABLE: Refusal = {
  code: 'ended-with-table',
  status: 422,
  message: "A party whose visit ends can't take a table",
  details: {},
}

/** Refuses a status that ends the visit together with a table to sit at. */
export const refuseEndWithTable = (status: PartyStatus | undefined, tableId: string | null | undefined) =>
  tableId && status !== undefined && isOver(status) ? ENDED_WITH_TABLE : null
