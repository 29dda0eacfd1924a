import type { Instant } from '../platform/clock.ts'

/** The words for a party's state, a guest's or a reservation's, and what each means. Pure and total; shared with the web. */

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

/** Every status there is. A visit that ended may be taken back to where it was: hosts press the wrong button. */
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

/** The three phases of a visit: what a coarser clock than the statuses tells. */
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

/** What a table keeps of a guest in this state when nothing is said about tables: leaving the seat or ending the visit gives it back. */
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

/** Times that a client may say; the server's own are used where it says nothing. */
export interface SentTimes {
  readonly checkInTime?: Instant | undefined
  readonly seatedTime?: Instant | undefined
  readonly finishedTime?: Instant | undefined
}

/** The times of a party whose status becomes `status` at `now`: a new status sets its time when none was sent. `before` is null for a new party. */
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
