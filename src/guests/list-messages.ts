import { z } from 'zod'
import { idField } from '../platform/fields.ts'
import { query } from '../changes/query.ts'
import { messageSchema, readMessagesOf, type Message } from '../messages/messages.ts'
import { refused } from '../changes/decided.ts'
import { findGuest } from './guests.ts'
import { guestNotFound } from './rules.ts'

/** What a guest was told during a visit, newest first. */
export const listMessages = query({
  name: 'list-messages',
  summary: 'Messages to a guest, newest first',
  path: '/messages',
  role: 'host',
  budget: [6, 2],
  input: z.strictObject({ guestId: idField }),
  answer: z.array(messageSchema),
  async run(r, { guestId }): Promise<Message[]> {
    const [guest, messages] = await Promise.all([
      findGuest(r.tx, r.restaurantId, guestId),
      readMessagesOf(r.tx, r.restaurantId, guestId),
    ])
    if (!guest) throw refused(guestNotFound(guestId))
    return messages
  },
})
