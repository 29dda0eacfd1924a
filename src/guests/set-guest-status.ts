import { z } from 'zod'
import { idField, instantField, intField, versionField } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'
import { command } from '../changes/command/command.ts'
import { guestSchema, type Guest } from './guests.ts'
import { decideSetGuestStatus } from './rules.ts'
import { apply, lockParty } from './seating.ts'
import { lockedFloor } from '../parties/parties.ts'
import { CANCEL_REASONS, PARTY_STATUSES, type PartyStatus } from '../parties/rules.ts'

/** The guest as it is, and what it left. */
export interface StatusSet {
  readonly guest: Guest
  readonly oldStatus: PartyStatus
  readonly freedTableId: string | null
}

/** A guest arrives, runs late, finishes, cancels, doesn't show, goes back to the waitlist. Whoever leaves gives the table back. Spec: G3, G9, G19. */
export const setGuestStatus = command({
  name: 'set-guest-status',
  summary: "Set a guest's status: arrived, running late, finished, cancelled, no-show, back on the waitlist",
  method: 'POST',
  path: '/guests/:guestId/status',
  role: 'host',
  inBatch: true,
  budget: [7, 2],
  input: z.strictObject({
    guestId: idField,
    status: z.enum(PARTY_STATUSES),
    at: instantField.optional(),
    /** With running_late: by how many minutes. */
    lateMinutes: intField(1, limits.quotedMinutes).optional(),
    /** With partially_arrived: how many have come. */
    arrivedCount: intField(1).optional(),
    /** With cancelled: that the party left without being seated, or who cancelled. */
    endReason: z.enum(CANCEL_REASONS).optional(),
    force: z.boolean().optional(),
    version: versionField,
  }),
  answer: z.object({ guest: guestSchema, oldStatus: z.enum(PARTY_STATUSES), freedTableId: idField.nullable() }),
  async run(w, input): Promise<StatusSet> {
    const { guestId } = input
    await lockParty(w, guestId)
    const before = w.locked.of<Guest>('guest', guestId)
    await apply(w, decideSetGuestStatus(lockedFloor(w), input, w.now))
    const guest = w.locked.of<Guest>('guest', guestId)!
    const freedTableId = guest.tableId === null ? before!.tableId : null
    return { guest, oldStatus: before!.status, freedTableId }
  },
})
