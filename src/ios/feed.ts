import type { Change } from '../changes/log.ts'
import type { Hub } from '../changes/hub.ts'
import { closeCodes, type Session } from '../changes/session.ts'
import { limits } from '../platform/limits.ts'
import { pythonJson } from './frame.ts'
import { messagesOf, type Hearing } from './messages.ts'

const HEARINGS: readonly Hearing[] = ['realtime', 'reservations', 'sync']

interface Floor {
  readonly sessions: Readonly<Record<Hearing, Set<Session>>>
  readonly listening: Promise<() => void>
}

/** Brings the changes of a restaurant to its sockets: each message is written out once, however many hear it. */
export class Feed {
  readonly #hub: Hub
  readonly #floors = new Map<string, Floor>()

  constructor(hub: Hub) {
    this.#hub = hub
  }

  /** Restaurants with sockets. */
  get size(): number {
    return this.#floors.size
  }

  /** Whether one more socket of a restaurant would be too many. */
  isFull(restaurantId: string): boolean {
    const floor = this.#floors.get(restaurantId)
    return floor !== undefined && sizeOf(floor) >= limits.socketsPerRestaurant
  }

  /**
   * Lets a session hear everything that commits from now on, after `first`. Rejects when the log can't be reached. Call the result when the session is
   * gone; the restaurant's last one takes the subscription along.
   */
  async join(restaurantId: string, kind: Hearing, session: Session, first: string): Promise<() => void> {
    const floor = this.#floors.get(restaurantId) ?? this.#open(restaurantId)
    try {
      await floor.listening
    } catch (error) {
      if (this.#floors.get(restaurantId) === floor) this.#floors.delete(restaurantId)
      throw error
    }
    // From the wait to here others may have left and closed the floor behind them.
    if (this.#floors.get(restaurantId) !== floor) return this.join(restaurantId, kind, session, first)
    session.send(first)
    floor.sessions[kind].add(session)
    return () => this.#leave(restaurantId, floor, kind, session)
  }

  #open(restaurantId: string): Floor {
    const sessions = { realtime: new Set<Session>(), reservations: new Set<Session>(), sync: new Set<Session>() }
    const tell = (change: Change) => {
      const messages = messagesOf(change)
      for (const kind of HEARINGS) {
        if (sessions[kind].size === 0) continue
        // As bytes, or each socket would make its own copy of the text.
        const frames = messages[kind].map((message) => Buffer.from(pythonJson(message)))
        for (const frame of frames) for (const session of sessions[kind]) session.send(frame)
      }
    }
    // The contract has no word for a log that begins anew: who comes again reads everything.
    const begunAnew = () => {
      for (const kind of HEARINGS)
        for (const session of sessions[kind]) session.close(closeCodes.goingAway, 'read everything anew')
    }
    const floor: Floor = { sessions, listening: this.#hub.subscribe(restaurantId, tell, begunAnew) }
    this.#floors.set(restaurantId, floor)
    return floor
  }

  #leave(restaurantId: string, floor: Floor, kind: Hearing, session: Session): void {
    floor.sessions[kind].delete(session)
    if (sizeOf(floor) > 0) return
    if (this.#floors.get(restaurantId) === floor) this.#floors.delete(restaurantId)
    void floor.listening.then((stop) => stop())
  }
}

const sizeOf = ({ sessions }: Floor): number => HEARINGS.reduce((sum, kind) => sum + sessions[kind].size, 0)
