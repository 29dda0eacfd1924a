import { z } from 'zod'
import { idField, instantField, versionField } from '../platform/fields.ts'
import { command } from '../changes/command.ts'
import { guestSchema, type Guest } from './guests.ts'
import { changeParty, lockParty } from './seating.ts'
import { GUEST_STATUSES } from './rules.ts'

/** A guest arrives, runs late, finishes, cancels, doesn't show, goes back to the waitlist. Whoever leaves gives the table back. Spec: G3, G9. */
export const setGuestStatus = command({
  name: 'set-guest-status',
  summary: 'Say where a guest is: arrived, running late, finished, cancelled, no-show, back on the waitlist',
  method: 'POST',
  path: '/guests/:guestId/status',
  role: 'host',
  input: z.object({
    guestId: idField,
    status: z.enum(GUEST_STATUSES),
    at: instantField.optional(),
    force: z.boolean().optional(),
    version: versionField,
  }),
  answer: guestSchema,
  async run(w, { guestId, status, at, force, version }): Promise<Guest> {
    const party = await lockParty(w, guestId, undefined, version)
    const arrives = status === 'arrived' || status === 'partially_arrived'
    const times = {
      checkInTime: arrives ? (at ?? party.guest.checkInTime ?? w.now) : undefined,
      seatedTime: status === 'seated' ? at : undefined,
      finishedTime: status === 'finished' ? at : undefined,
    }
    return changeParty(w, party, { status, times, force, event: 'status-changed' })
  },
})
