import { z } from 'zod'
import { idField, intField, textField, versionField } from '../../platform/fields.ts'
import { limits } from '../../platform/limits.ts'
import { command } from '../../changes/command/command.ts'
import { lockedFloor } from '../../parties/parties.ts'
import { guestSchema, lockGuests, type Guest } from '../guests.ts'
import { apply } from '../seating.ts'
import { decideQuoteGuest } from './rules.ts'

/** A waiting party is told how long it will wait, or told anew. Spec: G17. */
export const quoteGuest = command({
  name: 'quote-guest',
  summary: 'Quote a wait to a waiting party: from so many minutes to so many, and why',
  method: 'POST',
  path: '/guests/:guestId/quote',
  role: 'host',
  inBatch: true,
  budget: [6, 2],
  input: z.strictObject({
    guestId: idField,
    /** Minutes. */
    from: intField(0, limits.quotedMinutes),
    to: intField(0, limits.quotedMinutes),
    reason: textField(limits.reasonCharacters).nullable().optional(),
    version: versionField,
  }),
  answer: guestSchema,
  async run(w, input): Promise<Guest> {
    await lockGuests(w, [input.guestId])
    await apply(w, decideQuoteGuest(lockedFloor(w), input, w.now))
    return w.locked.of<Guest>('guest', input.guestId)!
  },
})
