import { z } from 'zod'
import { idField, intField, versionField } from '../../platform/fields.ts'
import { limits } from '../../platform/limits.ts'
import { command } from '../../changes/command/command.ts'
import { lockedFloor } from '../../parties/parties.ts'
import { guestSchema, lockGuests, type Guest } from '../guests.ts'
import { apply } from '../seating.ts'
import { decideNotifyGuest, GRACE_MINUTES } from './rules.ts'

/** A waiting party is told that its table is ready. From now on it has a grace period. Spec: G18. */
export const notifyGuest = command({
  name: 'notify-guest',
  summary: 'Tell a waiting party that its table is ready, and keep the table for so many minutes',
  method: 'POST',
  path: '/guests/:guestId/notify',
  role: 'host',
  inBatch: true,
  budget: [6, 2],
  input: z.strictObject({
    guestId: idField,
    graceMinutes: intField(1, limits.graceMinutes).default(GRACE_MINUTES),
    version: versionField,
  }),
  answer: guestSchema,
  async run(w, input): Promise<Guest> {
    await lockGuests(w, [input.guestId])
    await apply(w, decideNotifyGuest(lockedFloor(w), input, w.now))
    return w.locked.of<Guest>('guest', input.guestId)!
  },
})
