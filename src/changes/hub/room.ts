import { elapsedMillis, type Instant } from '../../platform/clock.ts'
import { limits } from '../../platform/limits.ts'
import type { Change, Head } from '../log/log.ts'

/** Hears every change of one restaurant after the moment it subscribed: each once, in the order of seq. Must not throw. */
export type Listener = (change: Change) => void

/** Is told that the log can't be continued: it has a new epoch, or ends before what was heard. Nothing that was heard counts any more. Must not throw. */
export type ResetListener = () => void

/** Brings word of changes that other processes made. It may lose, repeat or reorder: the log has everything. */
export interface Wire {
  /** Somebody in this process listens to a restaurant from now on; or nobody any more. */
  watch(restaurantId: string): void
  unwatch(restaurantId: string): void
}

/** Gives new epochs after the log of a restaurant ran back in this one. */
export type RanBack = (restaurantId: string, epoch: string) => Promise<unknown>

/** One that listens. */
export interface Subscriber {
  readonly onChange: Listener
  readonly onReset: ResetListener
}

/** A restaurant that somebody listens to. */
export interface Room {
  readonly restaurantId: string
  readonly subscribers: Set<Subscriber>
  /** Where listeners are: the newest change that they have heard. Null until the head is known. */
  at: Pick<Head, 'epoch' | 'seq'> | null
  /** The newest change that there is word of while listeners have not heard it, and since when, in milliseconds of this process. */
  behind: { seq: number; readonly since: number } | null
  /** When the changes were that listeners heard last: what has the number of one and another time is another change. */
  readonly times: Map<number, Instant>
  /** Changes that came before their turn. */
  readonly early: Map<number, Change>
  readonly ready: Promise<void>
  /** The reading of a gap that is under way. */
  filling: Promise<void> | null
  /** The question for the epoch that is under way, and the next one, which waits for it. */
  asking: Promise<void> | null
  next: Promise<void> | null
  /** Whether the log ran back and a new epoch is on its way. */
  isRenewing: boolean
  /** Whether there may be a change of this process that it has no word of. */
  isInDoubt: boolean
}

/** A room that nobody is in yet. */
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

/** There is word of a change that listeners have not heard. */
export function noteBehind(room: Room, seq: number): void {
  if (room.behind) room.behind.seq = Math.max(room.behind.seq, seq)
  else room.behind = { seq, since: elapsedMillis() }
}

/** Moves listeners to a change. */
export function advance(room: Room, { epoch, seq, at }: Change): void {
  room.at = { epoch, seq }
  room.times.set(seq, at)
  room.times.delete(seq - limits.deliveredTimes)
  if (room.behind && room.behind.seq <= seq) room.behind = null
}

/** Moves listeners to a log that does not continue theirs. */
export function restart(room: Room, head: Pick<Head, 'epoch' | 'seq'>): void {
  room.at = head
  room.behind = null
  room.times.clear()
  room.early.clear()
}

/** Asks something for a room after what is being asked for it now, once for all who want it asked meanwhile. */
export function askNext(room: Room, ask: () => Promise<void>): Promise<void> {
  const next = async () => {
    await room.asking?.catch(() => undefined)
    room.next = null
    await (room.asking = ask())
  }
  return (room.next ??= next())
}

/** Changes that there is word of and that were not delivered yet, and for how many seconds the oldest has been known. */
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
