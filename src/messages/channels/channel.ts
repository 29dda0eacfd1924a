import type { Instant } from '../../platform/clock.ts'
import type { Channel } from '../messages.ts'

/** What the worker hands to a channel, and what comes of it. */

/** One attempt to send a message. */
export interface Parcel {
  readonly id: string
  readonly restaurantId: string
  readonly restaurant: string
  readonly guestId: string | null
  readonly channel: Channel
  readonly recipient: string
  readonly template: string
  readonly language: string
  /** 1 the first time. A later attempt repeats the message, if an earlier one arrived after all. */
  readonly attempt: number
  readonly subject: string
  readonly body: string
  readonly variables: Readonly<Record<string, string>>
  readonly createdAt: Instant
  /** When this attempt is made. */
  readonly now: Instant
  /** Of the restaurant, for its webhook. The newest secret comes first. */
  readonly webhook: { readonly url: string | null; readonly secrets: readonly string[] }
}

/**
 * What came of an attempt. `later`: the receiver is not there, and the lane waits for it. `put-off`: only this
 * recipient is not there, and later messages may overtake. `refused`: it will never be taken.
 */
export type Outcome =
  | { readonly kind: 'sent'; readonly reference: string | null }
  | { readonly kind: 'later' | 'put-off' | 'refused'; readonly why: string }

/** A way to send. It must end when the signal is aborted; what it throws counts as `later`. */
export interface Sender {
  send(parcel: Parcel, signal: AbortSignal): Promise<Outcome>
}

/** A way for each channel. */
export type Senders = Readonly<Record<Channel, Sender>>
