/** The limits of the waitlist and of guest links. `limits.ts` has them too. */
export const waitlistLimits = {
  /** Length of a reason that a host gives, in characters. */
  reasonCharacters: 200,
  /** The longest wait that a host may quote and the longest grace period, in minutes. */
  quotedMinutes: 600,
  graceMinutes: 120,
  /** How often what is due is looked for, and restaurants that are looked at in one round. */
  dueMillis: 2_000,
  restaurantsDue: 1_000,
  /** Parties that one command releases; the rest is released by the next one. */
  partiesDue: 500,
} as const
