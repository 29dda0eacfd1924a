import { z } from 'zod'
import { idField } from '../platform/fields.ts'
import { command } from '../changes/command/command.ts'
import { refused } from '../changes/decided.ts'
import { lockGuests } from '../guests/guests.ts'
import { guestNotFound } from '../guests/rules.ts'
import { dropLink } from './links.ts'

/** Ends the link of a party at once. Ending none is no error. Spec: J3. */
export const revokeGuestLink = command({
  name: 'revoke-guest-link',
  summary: 'End the link of a party at once',
  method: 'DELETE',
  path: '/guest-links/:guestId',
  role: 'host',
  inBatch: false,
  budget: [5, 3],
  input: z.strictObject({ guestId: idField }),
  answer: z.object({ revoked: z.boolean() }),
  async run(w, { guestId }): Promise<{ revoked: boolean }> {
    if (!(await lockGuests(w, [guestId])).has(guestId)) throw refused(guestNotFound(guestId))
    return { revoked: await dropLink(w, guestId) }
  },
})
