import type { Change } from '../../changes/log/log.ts'
import type { Hub } from '../../changes/hub/hub.ts'
import { Frame } from '../../sockets/ws-frame.ts'
import type { Outbox } from '../../sockets/outbox.ts'
import { closeCodes } from '../../sockets/endings.ts'
import type { Session } from '../../sockets/session.ts'
import { limits } from '../../platform/limits.ts'
import { pythonJson } from './python-json.ts'
import { messagesOf, type Hearing } from './messages.ts'

const HEARINGS: readonly Hearing[] = ['realtime', 'reservations', 'sync']

/** The messages for both kinds of socket. */
export type Outboxes = Readonly<Record<'realtime' | 'sync', Outbox>>

interface Floor {
  readonly restaurantId: string
  readonly sessions: Readonly<Record<Hearing, Set<Session>>>
  readonly listening: Promise<() => void>
}

/**
 * Sends the changes of a restaurant to its sockets. Each message is serialised once, however many sockets receive it.
 */
export class Feed {
  readonly #hub: Hub
  readonly #outboxes: Outboxes
  readonly #floors = new Map<string, Floor>()

  constructor(hub: Hub, outboxes: Outboxes) {
    this.#hub = hub
    this.#outboxes = outboxes
  }

  /** Restaurants with sockets. */
  get size(): number {
    return this.#floors.size
  }

  /** The sockets of each restaurant that has any. */
  *byRestaurant(): Iterable<readonly [string, number]> {
    for (const [restaurantId, floor] of this.#floors) yield [restaurantId, sizeOf(floor)]
  }

  /** Whether a restaurant has as many sockets as it may. */
  isFull(restaurantId: string): boolean {
    const floor = this.#floors.get(restaurantId)
    return floor !== undefined && sizeOf(floor) >= limits.socketsPerRestaurant
  }

  /**
   * Sends a session everything that commits from now on, after `first`, until it leaves. Rejects when the log is
   * unreachable. Returns the restaurant's id string that all its sockets share.
   */
  async join(restaurantId: string, kind: Hearing, session: Session, first: string): Promise<string> {
    const floor = this.#floors.get(restaurantId) ?? this.#open(restaurantId)
    try {
      await floor.listening
    } catch (error) {
      if (this.#floors.get(restaurantId) === floor) this.#floors.delete(restaurantId)
      throw error
    }
    // While this waited, others may have left and closed the floor.
    if (this.#floors.get(restaurantId) !== floor) return this.join(restaurantId, kind, session, first)
    session.send(first)
    floor.sessions[kind].add(session)
    return floor.restaurantId
  }

  /** Removes a session that may have joined. The restaurant's last one ends the subscription. */
  leave(restaurantId: string, kind: Hearing, session: Session): void {
    const floor = this.#floors.get(restaurantId)
    if (!floor?.sessions[kind].delete(session) || sizeOf(floor) > 0) return
    this.#floors.delete(restaurantId)
    void floor.listening.then((stop) => stop())
  }

  #open(restaurantId: string): Floor {
    const sessions = { realtime: new Set<Session>(), reservations: new Set<Session>(), sync: new Set<Session>() }
    const tell = (change: Change) => {
      const messages = messagesOf(change)
      for (const kind of HEARINGS) {
        if (sessions[kind].size === 0) continue
        for (const message of messages[kind]) {
          const frame = new Frame(pythonJson(message))
          for (const session of sessions[kind]) session.send(frame)
        }
      }
      const { realtime, sync } = this.#outboxes
      if (sessions.realtime.size + sessions.reservations.size > 0) realtime.told(change.at)
      if (sessions.sync.size > 0) sync.told(change.at)
    }
    // The contract has no message for a log that starts over: a client that reconnects reads everything.
    const begunAnew = () => {
      for (const kind of HEARINGS)
        for (const session of sessions[kind]) session.close(closeCodes.goingAway, 'read everything anew')
    }
    const floor: Floor = { restaurantId, sessions, listening: this.#hub.subscribe(restaurantId, tell, begunAnew) }
    this.#floors.set(restaurantId, floor)
    return floor
  }
}

const sizeOf = ({ sessions }: Floor): number => HEARINGS.reduce((sum, kind) => sum + sessions[kind].size, 0)
