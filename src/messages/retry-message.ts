import { z } from 'zod'
import { statement } from '../platform/database/db.ts'
import { plusMillis } from '../platform/clock.ts'
import { AppError } from '../platform/errors.ts'
import { idField } from '../platform/fields.ts'
import { command } from '../changes/command/command.ts'
import { messageColumns, messageSchema, type Message } from './messages.ts'
import { MESSAGE_LIFE_MILLIS } from './rules.ts'

// The lane first, as the worker locks them. What waits already keeps its place.
const wakeLane = statement(
  'wake-message-lane',
  `with asked as (select channel, status from messages where restaurant_id = $1 and id = $2 and status <> 'sent')
   update message_lanes l set due_at = least(due_at, $3), failures = 0, last_position = last_position + 1,
     waiting = waiting + case asked.status when 'waiting' then 0 else 1 end
   from asked where l.restaurant_id = $1 and l.channel = asked.channel returning last_position as position`,
)

const reviveMessage = statement(
  'revive-message',
  `update messages set status = 'waiting', position = case status when 'waiting' then position else $3 end, not_before = null,
     expires_at = greatest(expires_at, $4), settled_at = null, failure = null
   where restaurant_id = $1 and id = $2 and status <> 'sent' returning ${messageColumns}`,
)

/**
 * Tries a message again, and its lane with it: one that waits at once, one that was given up as the last of its lane.
 * Devices are told of none of it. Throws `AppError` message-not-found (404), also for one that was sent. Spec: X4.
 */
export const retryMessage = command({
  name: 'retry-message',
  summary: 'Try a message again that waits or was given up',
  method: 'POST',
  path: '/messages/:messageId/retry',
  role: 'host',
  inBatch: false,
  budget: [5, 3],
  input: z.strictObject({ messageId: idField }),
  answer: messageSchema,
  async run(w, { messageId }): Promise<Message> {
    const lane = await w.tx.maybe<{ position: number }>(wakeLane, [w.restaurantId, messageId, w.now])
    if (!lane) throw messageNotFound()
    const expiresAt = plusMillis(w.now, MESSAGE_LIFE_MILLIS)
    const values = [w.restaurantId, messageId, lane.position, expiresAt]
    const message = await w.tx.maybe<Message>(reviveMessage, values)
    // It was sent while the lane was waited for.
    if (!message) throw messageNotFound()
    return message
  },
})

const messageNotFound = (): AppError =>
  new AppError('message-not-found', 404, 'No message with this id waits or was given up')
