/** The words for a guest's state and what each means. Pure and total; shared with the web. */

export const GUEST_STATUSES = [
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
export type GuestStatus = (typeof GUEST_STATUSES)[number]

/** What a status means. */
export interface GuestStatusRule {
  /** The visit is over: no longer on the floor, and a table held is given back. */
  readonly over: boolean
  /** May be given a table without insisting. */
  readonly seatable: boolean
  /** Statuses that may follow without insisting. `force` allows any. */
  readonly next: readonly GuestStatus[]
}

const before: readonly GuestStatus[] = ['waitlist', 'confirmed', 'running_late', 'arrived', 'partially_arrived']
const endings: readonly GuestStatus[] = ['cancelled', 'no_show']
const beforeSeating: GuestStatusRule = { over: false, seatable: true, next: [...before, 'seated', ...endings] }

/** Every status there is. A visit that ended may be taken back to where it was: hosts press the wrong button. */
export const guestStatuses: Record<GuestStatus, GuestStatusRule> = {
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
export const isOver = (status: GuestStatus): boolean => guestStatuses[status].over

/** Whether a guest in this state may be given a table. */
export const canSeat = (status: GuestStatus): boolean => guestStatuses[status].seatable

/** Whether one status may follow another without insisting. */
export const canFollow = (from: GuestStatus, to: GuestStatus): boolean => guestStatuses[from].next.includes(to)

/** What a table keeps of a guest in this state when nothing is said about tables: leaving the seat or ending the visit gives it back. */
export const keepsTable = (from: GuestStatus, to: GuestStatus): boolean =>
  !isOver(to) && !(from === 'seated' && to !== 'seated')
