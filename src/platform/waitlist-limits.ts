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
  /** Guest links: requests in a window, from one address, and reads and actions of one link; keys that are counted. */
  linkWindowMillis: 60_000,
  linkRequestsPerAddress: 120,
  readsPerLink: 60,
  actionsPerLink: 10,
  linkKeys: 20_000,
  /** Pages that follow one link, and all links of a restaurant, in one process. */
  eventsPerLink: 3,
  eventsPerRestaurant: 300,
  /** How often a page is told what has changed, its link is looked at again, and bytes that it may leave unread. */
  guestLookMillis: 500,
  guestBeatMillis: 5_000,
  guestEventBytes: 65_536,
} as const
