import { elapsedMillis, type Instant } from '../../platform/clock.ts'
import { limits } from '../../platform/limits.ts'
import type { Change, Head } from '../log/log.ts'

/**
 * Receives every change of one restaurant after the moment it subscribed: each once, in the order of seq. Must not
 * throw.
 */
export type Listener = (change: Change) => void

/**
 * Is notified that the log cannot be continued: it has a new epoch, or ends before what was delivered. Earlier
 * changes no longer count. Must not throw.
 */
export type ResetListener = () => void

/** Brings hints of changes from other processes. It may lose, repeat or reorder them: the log has everything. */
export interface Wire {
  /** Somebody in this process listens to a restaurant from now on, or nobody any more. */
  watch(restaurantId: string): void
  unwatch(restaurantId: string): void
}

/** Gives new epochs after the log of a restaurant ran backwards in this one. */
export type RanBack = (restaurantId: string, epoch: string) => Promise<unknown>

/** A listener. */
export interface Subscriber {
  readonly onChange: Listener
  readonly onReset: ResetListener
}

/** A restaurant that somebody listens to. */
export interface Room {
  readonly restaurantId: string
  readonly subscribers: Set<Subscriber>
  /** The position of the listeners: the newest change that they received. Null until the head is known. */
  at: Pick<Head, 'epoch' | 'seq'> | null
  /** The newest change that is known but not delivered, and since when, in milliseconds of this process. */
  behind: { seq: number; readonly since: number } | null
  /**
   * The times of the last delivered changes: a change with the number of one of them and another time is another
   * change.
   */
  readonly times: Map<number, Instant>
  /** Changes that arrived before their turn. */
  readonly early: Map<number, Change>
  readonly ready: Promise<void>
  /** The running read of a gap. */
  filling: Promise<void> | null
  /** The running query of the epoch, and the next one, which waits for it. */
  asking: Promise<void> | null
  next: Promise<void> | null
  /** Whether the log ran backwards and a new epoch is on its way. */
  isRenewing: boolean
  /** Whether there may be a change of this process that it does not know of. */
  isInDoubt: boolean
}

/** An empty room. */
export const newRoom = (restaurantId: string, ready: Promise<void>): Room => ({
  restaurantId,
  subscribers: new Set(),
  at: null,
  behind: null,
  times: new Map(),
  early: new Map(),
  ready,
  filling: null,
  asking: null,
  next: null,
  isRenewing: false,
  isInDoubt: false,
})

/** Notes a change that listeners have not received. */
export function noteBehind(room: Room, seq: number): void {
  if (room.behind) room.behind.seq = Math.max(room.behind.seq, seq)
  else room.behind = { seq, since: elapsedMillis() }
}

/** Sets the position of the listeners to a change. */
export function advance(room: Room, { epoch, seq, at }: Change): void {
  room.at = { epoch, seq }
  room.times.set(seq, at)
  room.times.delete(seq - limits.deliveredTimes)
  if (room.behind && room.behind.seq <= seq) room.behind = null
}

/** Sets the position of the listeners to a log that does not continue theirs. */
export function restart(room: Room, head: Pick<Head, 'epoch' | 'seq'>): void {
  room.at = head
  room.behind = null
  room.times.clear()
  room.early.clear()
}

/** Runs a query for a room after the running one, once for all who request it meanwhile. */
export function askNext(room: Room, ask: () => Promise<void>): Promise<void> {
  const next = async () => {
    await room.asking?.catch(() => undefined)
    room.next = null
    await (room.asking = ask())
  }
  return (room.next ??= next())
}

/** The number of known but undelivered changes, and for how many seconds the oldest has been known. */
export interface Lag {
  readonly changes: number
  readonly seconds: number
}

export function lagOf(rooms: Iterable<Room>): Lag {
  let [changes, since] = [0, Infinity]
  for (const { at, behind } of rooms) {
    if (!at || !behind) continue
    changes += behind.seq - at.seq
    since = Math.min(since, behind.since)
  }
  return { changes, seconds: changes === 0 ? 0 : (elapsedMillis() - since) / 1000 }
}

/** Whether the outcome of a commit is unknown in any of them. */
export function isAnyInDoubt(rooms: Iterable<Room>): boolean {
  for (const { isInDoubt } of rooms) if (isInDoubt) return true
  return false
}
