import { DAY_MILLIS, plusMillis, type Instant } from '../platform/clock.ts'
import { endOfHours, type DailyHours } from '../settings/hours/rules.ts'

/** When a message is sent, put off or given up. Times of day are the restaurant's own. */

/** What is known of a lane: one channel of one restaurant. */
export interface LaneState {
  /** Attempts in a row for which the receiver was not there. */
  readonly failures: number
  /** The hour that is counted, and what was sent in it. */
  readonly hour: Instant | null
  readonly sentInHour: number
}

/** What a restaurant has set for its messages. */
export interface SendingRules {
  /** IANA name, `Europe/Berlin`. */
  readonly timeZone: string
  readonly quietHours: DailyHours | null
  /** Messages of one channel in an hour. */
  readonly hourlyLimit: number
}

/** What counts of the next message. */
export interface NextMessage {
  readonly isUrgent: boolean
  readonly expiresAt: Instant
}

/** `wait`: the lane rests. `put-off`: this message rests, and later ones overtake it. */
export type Step =
  | { readonly do: 'send' }
  | { readonly do: 'expire' }
  | { readonly do: 'put-off'; readonly until: Instant }
  | { readonly do: 'wait'; readonly until: Instant }

const HOUR_MILLIS = 3_600_000

/** What happens to the first message of a lane. `isToGuest`: it reaches a person, so quiet hours and the limit count. */
export function decideStep(
  lane: LaneState,
  message: NextMessage,
  rules: SendingRules,
  now: Instant,
  isToGuest: boolean,
): Step {
  if (message.expiresAt <= now) return { do: 'expire' }
  if (!isToGuest) return { do: 'send' }
  const quietUntil = message.isUrgent ? null : endOfHours(now, rules.quietHours, { ...rules, dayStart: '00:00' })
  if (quietUntil !== null) return { do: 'put-off', until: quietUntil }
  const { hour, sent } = countedHour(lane, now)
  if (sent >= rules.hourlyLimit) return { do: 'wait', until: plusMillis(hour, HOUR_MILLIS) }
  return { do: 'send' }
}

/** The hour that counts now, from its first message on, and what was sent in it. */
export function countedHour({ hour, sentInHour }: LaneState, now: Instant): { hour: Instant; sent: number } {
  const isOver = hour === null || plusMillis(hour, HOUR_MILLIS) <= now
  return isOver ? { hour: now, sent: 0 } : { hour, sent: sentInHour }
}

/** The longest wait between two attempts, and the first one. */
export const RETRY_MILLIS = { first: 2_000, longest: 900_000 } as const

/** How long a message is tried unless it says otherwise. */
export const MESSAGE_LIFE_MILLIS = DAY_MILLIS

/**
 * Milliseconds until the next attempt after so many failures in a row: twice as long each time, and up to a quarter
 * less by chance, so that lanes of one receiver do not all come back at once. `random` gives 0 to 1.
 */
export function retryMillis(failures: number, random: () => number): number {
  const full = Math.min(RETRY_MILLIS.longest, RETRY_MILLIS.first * 2 ** Math.min(failures - 1, 20))
  return Math.round(full * (1 - random() / 4))
}
