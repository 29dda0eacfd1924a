import type { Change, Head } from './log.ts'

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
  /** Changes that came before their turn. */
  readonly early: Map<number, Change>
  readonly ready: Promise<void>
  /** The reading of a gap that is under way. */
  filling: Promise<void> | null
  /** Whether there may be a change of this process that it has no word of. */
  isInDoubt: boolean
}
