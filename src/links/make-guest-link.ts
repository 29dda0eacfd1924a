import { z } from 'zod'
import { idField } from '../platform/fields.ts'
import { plusMillis, type Instant } from '../platform/clock.ts'
import { command } from '../changes/command/command.ts'
import { refused } from '../changes/decided.ts'
import { lockGuests } from '../guests/guests.ts'
import { guestNotFound } from '../guests/rules.ts'
import { sentInstant } from '../platform/fields.ts'
import { linkOf, storeLink, tokenOf } from './links.ts'
import { isLinkOver, LINK_LIFE_MILLIS } from './rules.ts'

/** What a host gives to a guest. The token is in no table: it is added to the answer. */
interface Made {
  readonly linkId: string
  readonly endsAt: Instant
  readonly token: string | null
}

/** A party gets a link, or the one that it has. A new one ends the one before. Spec: J2, J3. */
export const makeGuestLink = command({
  name: 'make-guest-link',
  summary: 'The link of a party to its own page: the one that it has, or a new one, which ends the one before',
  method: 'POST',
  path: '/guest-links/:guestId',
  role: 'host',
  inBatch: false,
  budget: [6, 3],
  input: z.strictObject({
    guestId: idField,
    /** End the link that the party has, and make another. */
    renew: z.boolean().default(false),
  }),
  answer: z.object({ linkId: idField, endsAt: sentInstant, token: z.string().nullable() }),
  async run(w, { guestId, renew }): Promise<Made> {
    const guest = (await lockGuests(w, [guestId])).get(guestId)
    if (!guest) throw refused(guestNotFound(guestId))
    const has = await linkOf(w, guestId)
    const isKept = has !== undefined && !renew && !isLinkOver(has.createdAt, { endedAt: null }, w.now)
    const link = isKept ? has : { id: w.newId(), guestId, createdAt: w.now }
    if (!isKept) storeLink(w, link)
    return { linkId: link.id, endsAt: plusMillis(link.createdAt, LINK_LIFE_MILLIS), token: null }
  },
  reveal: (made, { restaurantId }, { secrets }) => ({ ...made, token: tokenOf(secrets, restaurantId, made.linkId) }),
})
