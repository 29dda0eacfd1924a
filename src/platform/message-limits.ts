/** Limits of messages to guests, a part of `limits`. */
export const messageLimits = {
  /** Messages to guests: those that wait in one lane, about one visit in a list, undelivered ones in a list. */
  messagesWaiting: 10_000,
  messagesPerGuest: 200,
  undeliveredPerList: 500,
  /** Characters of a recipient (a push subscription is the longest) and of what went wrong. */
  messageRecipientCharacters: 4_000,
  messageFailureCharacters: 300,
  /** The worker of messages: interval of its looks, lanes at once, attempts before others get their turn. */
  messagePollMillis: 1_000,
  messageLanesAtOnce: 200,
  messagesPerLease: 100,
  /** Messages of a lane that one step puts off or gives up. */
  messagesLookedAt: 100,
  /** One attempt to send; after how long the lane of a dead process is free; how long a stop waits for attempts. */
  messageAttemptMillis: 10_000,
  messageLeaseMillis: 40_000,
  messageStopMillis: 3_000,
  /** How long a message is kept after it was sent or given up, and how many are deleted at once. */
  settledMessageMillis: 30 * 86_400_000,
  messagesForgottenAtOnce: 1_000,
  /** Bytes that are read of the answer of a receiver. */
  outboundAnswerBytes: 64 * 1024,
} as const
