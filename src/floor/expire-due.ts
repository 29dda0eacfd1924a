import { z } from 'zod'
import type { Statement } from '../platform/database/db.ts'
import { command, type Write } from '../changes/command/command.ts'
import { endHolds, restaurantsWithEndedHolds } from '../tables/life/end-holds.ts'
import { releaseGuests, restaurantsToRelease } from '../guests/waitlist/release-guests.ts'

/**
 * What ends by itself when its time comes. Devices and the server judge it by the rules of the nouns, so nothing waits for
 * this command; it writes into the log what is so already. Whoever runs it, it does only what is due.
 */
interface Expiry {
  /** Takes a time and a limit; the ids of restaurants where something is due. It runs as the owner of the tables. */
  readonly restaurants: Statement
  /** Ends what is due in a restaurant; how many. It locks in the ladder's order and decides on locked rows. */
  readonly end: (w: Write) => Promise<number>
}

/** In the order of the ladder. */
const expiries: readonly Expiry[] = [
  { restaurants: restaurantsWithEndedHolds, end: endHolds },
  { restaurants: restaurantsToRelease, end: releaseGuests },
]

/** Finds the restaurants where something is due. */
export const restaurantsDue: readonly Statement[] = expiries.map(({ restaurants }) => restaurants)

/** Ends what is due. Spec: G18, T9. */
export const expireDue = command({
  name: 'expire-due',
  summary: 'End what ends by itself, such as the grace of a called party. Housekeeping does it every two seconds',
  method: 'POST',
  path: '/expire-due',
  role: 'host',
  inBatch: false,
  budget: [5, 3],
  input: z.strictObject({}),
  answer: z.object({ ended: z.int() }),
  async run(w): Promise<{ ended: number }> {
    let ended = 0
    for (const { end } of expiries) ended += await end(w)
    return { ended }
  },
})
