import { z } from 'zod'
import { idField, intField, versionField } from '../../platform/fields.ts'
import { limits } from '../../platform/limits.ts'
import { command } from '../../changes/command/command.ts'
import { lockedFloor } from '../../parties/parties.ts'
import { guestSchema, lockGuests, type Guest } from '../guests.ts'
import { apply } from '../seating.ts'
import { decideGiveMoreTime, MORE_MINUTES } from './rules.ts'

/** A called party needs more time: a guest takes it, up to a limit, or a host gives it. Spec: G18. */
export const giveMoreTime = command({
  name: 'give-more-time',
  summary: 'Keep the table of a called party for some minutes more',
  method: 'POST',
  path: '/guests/:guestId/more-time',
  role: 'guest',
  inBatch: true,
  budget: [6, 2],
  input: z.strictObject({
    guestId: idField,
    minutes: intField(1, limits.graceMinutes).default(MORE_MINUTES),
    version: versionField,
  }),
  answer: guestSchema,
  async run(w, input): Promise<Guest> {
    await lockGuests(w, [input.guestId])
    await apply(w, decideGiveMoreTime(lockedFloor(w), input, w.now, { byGuest: w.actor.role === 'guest' }))
    return w.locked.of<Guest>('guest', input.guestId)!
  },
})
