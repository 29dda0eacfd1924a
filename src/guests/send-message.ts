import { z } from 'zod'
import { AppError } from '../platform/errors.ts'
import { idField, intField } from '../platform/fields.ts'
import { command } from '../changes/command/command.ts'
import { enqueue, LANGUAGES, TEMPLATES, type Channel } from '../messages/messages.ts'
import { refused } from '../changes/decided.ts'
import { findGuest, type Guest } from './guests.ts'
import { guestNotFound } from './rules.ts'

const input = z.strictObject({
  guestId: idField,
  template: z.enum(TEMPLATES),
  /** The phone if there is one, otherwise the e-mail address, unless it is said. */
  channel: z.enum(['sms', 'whatsapp', 'email', 'webhook']).optional(),
  language: z.enum(LANGUAGES).optional(),
  minutes: intField(0, 1_440).optional(),
})

/**
 * Sends a message to a guest by their phone or e-mail address, after the commit. Devices are told of none of it. Throws
 * `AppError` guest-not-found (404), no-address (409). Spec: X1.
 */
export const sendMessage = command({
  name: 'send-message',
  summary: 'Send a message to a guest: the table is ready, the reservation is confirmed',
  method: 'POST',
  path: '/messages',
  role: 'host',
  inBatch: false,
  budget: [5, 2],
  input,
  answer: z.object({ id: idField }),
  async run(w, { guestId, template, language, minutes, ...wanted }): Promise<{ id: string }> {
    const guest = await findGuest(w.tx, w.restaurantId, guestId)
    if (!guest) throw refused(guestNotFound(guestId))
    const { channel, recipient } = addressOf(guest, wanted.channel)
    const party = `${guest.partySize}`
    const variables = { name: guest.firstName, party, ...(minutes !== undefined && { minutes: `${minutes}` }) }
    return { id: enqueue(w, { channel, recipient, template, guestId, language, variables }) }
  },
})

/** Where a guest is reached. The restaurant's own system is told what is known. */
function addressOf({ phone, email }: Guest, wanted: Channel | undefined): { channel: Channel; recipient: string } {
  const channel = wanted ?? (phone !== null && phone !== '' ? 'sms' : 'email')
  const recipient = channel === 'webhook' ? (phone ?? email ?? '') : ((channel === 'email' ? email : phone) ?? '')
  if (recipient === '' && channel !== 'webhook')
    throw new AppError('no-address', 409, `The guest has no ${channel === 'email' ? 'e-mail address' : 'phone number'}`)
  return { channel, recipient }
}
