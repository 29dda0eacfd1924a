import { setTimeout as sleep } from 'node:timers/promises'
import { elapsedMillis, plusMillis, type Clock } from '../../platform/clock.ts'
import type { Db } from '../../platform/database/db.ts'
import { newId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import type { Logger } from '../../platform/observability/log.ts'
import type { Outcome, Parcel, Senders } from '../channels/channel.ts'
import { takeLanes, type Lane } from './lanes.ts'
import { takeStep, type Attempted, type StepInput } from './step.ts'

/**
 * Sends what is due. Any number of processes do this at once: each leases lanes that nobody else has, and works each
 * lane by itself, one message after the other. So messages of a lane stay in order, and a slow receiver holds up its
 * own lane only. An attempt is counted before it is made: a process that dies leaves a message whose next attempt is
 * marked as a repeat. Spec: X1 to X5.
 */

/** Follows what the worker does. */
export interface MessageObserver {
  attempted(channel: string, result: Outcome['kind'], seconds: number): void
}

/** How long things take, in milliseconds. */
export interface MessengerTimes {
  /** Between two looks for due lanes. */
  readonly poll: number
  /** A lane of a process that died is free again after this. Longer than an attempt. */
  readonly lease: number
  /** One attempt, at most. */
  readonly attempt: number
  /** How long a stop waits for attempts that are being made. */
  readonly stop: number
}

const TIMES: MessengerTimes = {
  poll: limits.messagePollMillis,
  lease: limits.messageLeaseMillis,
  attempt: limits.messageAttemptMillis,
  stop: limits.messageStopMillis,
}

/** What the worker stands on. */
export interface MessengerDeps {
  readonly db: Db
  readonly clock: Clock
  readonly log: Logger
  readonly senders: Senders
  readonly random?: () => number
  readonly observer?: MessageObserver
  readonly times?: Partial<MessengerTimes>
}

/** The worker of one process. */
export class Messenger {
  readonly #deps: MessengerDeps
  readonly #times: MessengerTimes
  readonly #running = new Set<Promise<void>>()
  readonly #stopping = new AbortController()
  readonly #cutting = new AbortController()
  #polling: Promise<void> = Promise.resolve()

  constructor(deps: MessengerDeps) {
    this.#deps = deps
    this.#times = { ...TIMES, ...deps.times }
  }

  /** Looks for due lanes from now on, until `close`. */
  start(): void {
    this.#polling = this.#poll()
  }

  /** Leases lanes that are due, as many as this process has room for, and begins to work them. Gives how many. */
  async look(): Promise<number> {
    const { db, clock } = this.#deps
    const limit = limits.messageLanesAtOnce - this.#running.size
    if (limit <= 0) return 0
    const now = clock.now()
    const lanes = await takeLanes(db, { now, until: plusMillis(now, this.#times.lease), lease: newId(), limit })
    for (const lane of lanes) {
      const run = this.#work(lane).finally(() => this.#running.delete(run))
      this.#running.add(run)
    }
    return lanes.length
  }

  /** Resolves when no lane is being worked any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  /** Begins nothing new, and waits for attempts that are being made; after a while it cuts them off. */
  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#polling
    const late = setTimeout(() => this.#cutting.abort(), this.#times.stop)
    await this.idle()
    clearTimeout(late)
  }

  async #poll(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        await this.look()
      } catch (error) {
        this.#deps.log.warn({ err: error }, 'messages could not be looked for; it is tried again')
      }
      // Several processes do not look at the same moment.
      const pause = this.#times.poll * (0.9 + Math.random() / 5)
      await sleep(pause, undefined, { signal }).catch(() => undefined)
    }
  }

  /** Works a lane until nothing is due there, its receiver is gone, or others are to have their turn. */
  async #work(lane: Lane): Promise<void> {
    const { db, clock, log, random = Math.random } = this.#deps
    let done: Attempted | null = null
    try {
      for (let attempts = 0; ; attempts++) {
        const now = clock.now()
        const isLast = attempts >= limits.messagesPerLease || this.#stopping.signal.aborted
        const leasedUntil = plusMillis(now, this.#times.lease)
        const input: StepInput = { lane, done, now, leasedUntil, isLast, random }
        const parcel: Parcel | null = await db.transaction({ restaurantId: lane.restaurantId }, (tx) =>
          takeStep(tx, input),
        )
        if (parcel === null) return
        done = { parcel, outcome: await this.#attempt(parcel) }
      }
    } catch (error) {
      // The lease ends by itself, and what was sent without a note is sent again, marked.
      log.warn({ err: error, restaurant: lane.restaurantId, channel: lane.channel }, 'a lane of messages was left')
    }
  }

  async #attempt(parcel: Parcel): Promise<Outcome> {
    const { senders, observer, log } = this.#deps
    const signal = AbortSignal.any([AbortSignal.timeout(this.#times.attempt), this.#cutting.signal])
    const began = elapsedMillis()
    const outcome = await sent(senders[parcel.channel].send(parcel, signal), signal)
    observer?.attempted(parcel.channel, outcome.kind, (elapsedMillis() - began) / 1000)
    if (outcome.kind !== 'sent') {
      const { id, restaurantId, channel, attempt } = parcel
      log.warn(
        { message: id, restaurant: restaurantId, channel, attempt, result: outcome.kind, why: outcome.why },
        'a message was not sent',
      )
    }
    return outcome
  }
}

/** What came of sending, also when it threw or did not end by itself. */
async function sent(sending: Promise<Outcome>, signal: AbortSignal): Promise<Outcome> {
  const late = new Promise<Outcome>((resolve) =>
    signal.addEventListener('abort', () => resolve({ kind: 'later', why: 'there was no answer in time' }), {
      once: true,
    }),
  )
  try {
    return await Promise.race([sending, late])
  } catch (error) {
    if (signal.aborted) return late
    return { kind: 'later', why: `sending failed: ${(error as NodeJS.ErrnoException).code ?? (error as Error).name}` }
  }
}
