import { z } from 'zod'
import { statement, type Db, type Tx } from '../platform/database/db.ts'
import { plusMillis, type Instant } from '../platform/clock.ts'
import { assert } from '../platform/errors.ts'
import { idField, sentInstant } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'
import type { Write } from '../changes/command/command.ts'
import { MESSAGE_LIFE_MILLIS } from './rules.ts'
import { LANGUAGES, URGENT, type Language, type Template, type Variables } from './templates.ts'

/** Messages to guests, as commands write them and staff see them. The worker that sends them is in `worker/`. */

export { LANGUAGES, TEMPLATES, variablesSchema, type Language, type Template, type Variables } from './templates.ts'

/** The ways to a guest. `webhook` is the restaurant's own system, which tells the guest itself. */
export const CHANNELS = ['email', 'sms', 'whatsapp', 'push', 'webhook'] as const
export type Channel = (typeof CHANNELS)[number]

/** `undelivered`: given up; it stands in the list of those until it is retried or forgotten. */
export const MESSAGE_STATUSES = ['waiting', 'sent', 'undelivered'] as const

/** A message as staff see it. Its words are known once it was sent. */
export const messageSchema = z
  .object({
    id: idField,
    guestId: idField.nullable(),
    channel: z.enum(CHANNELS),
    recipient: z.string(),
    template: z.string(),
    language: z.enum(LANGUAGES).nullable(),
    status: z.enum(MESSAGE_STATUSES),
    attempts: z.int(),
    createdAt: sentInstant,
    attemptedAt: sentInstant.nullable(),
    settledAt: sentInstant.nullable(),
    failure: z.string().nullable(),
    words: z.string().nullable(),
  })
  .meta({ id: 'Message' })
export type Message = z.output<typeof messageSchema>

/** The columns of a {@link Message}. */
export const messageColumns = `id, guest_id as "guestId", channel, recipient, template, language, status, attempts, created_at as "createdAt",
  attempted_at as "attemptedAt", settled_at as "settledAt", failure, words`

/** A message that is to be sent. */
export interface Outgoing {
  readonly channel: Channel
  /** A phone number, an e-mail address, a push subscription as JSON; empty for the restaurant's webhook. */
  readonly recipient: string
  readonly template: Template
  /** The visit that it is about. */
  readonly guestId: string | null
  /** The restaurant's unless it is known. */
  readonly language?: Language | undefined
  readonly variables: Variables
  /** For how long it is of use, a day at most. After that it is not sent any more. */
  readonly usefulMillis?: number
}

// A lane is locked from here to the commit. When it has no room, the message is kept as undelivered, where staff see it.
const insertMessage = statement(
  'insert-message',
  `with lane as (
     insert into message_lanes as l (restaurant_id, channel, last_position, waiting, due_at) values ($1, $3, 1, 1, $10)
     on conflict (restaurant_id, channel) do update set last_position = l.last_position + 1,
       is_full = l.waiting >= $12, waiting = case when l.waiting >= $12 then l.waiting else l.waiting + 1 end,
       due_at = case when l.failures > 0 then l.due_at else least(l.due_at, $10) end
     returning last_position, is_full)
   insert into messages (restaurant_id, id, channel, position, guest_id, recipient, template, language, variables,
     is_urgent, created_at, expires_at, status, settled_at, failure)
   select $1, $2, $3, last_position, $4, $5, $6, $7, $8, $9, $10, $11,
     case when is_full then 'undelivered' else 'waiting' end, case when is_full then $10 end,
     case when is_full then 'too many messages were waiting' end from lane`,
)

// One that waits is not sent any more: the worker finds it expired. That it expires when it was made says that nothing of
// it may be noted, even if it is on its way at this moment.
const eraseMessages = statement(
  'erase-messages',
  `update messages set recipient = '', variables = '{}', words = null, reference = null, failure = null,
     expires_at = created_at
   where restaurant_id = $1 and (guest_id = any ($2::uuid[]) or recipient = any ($3::text[]))`,
)

const listOfGuest = statement(
  'messages-of-guest',
  `select ${messageColumns} from messages where restaurant_id = $1 and guest_id = $2 order by created_at desc, position desc limit $3`,
)

const findReplied = statement(
  'find-replied-visit',
  `select restaurant_id as "restaurantId", guest_id as "guestId" from messages
   where recipient = $1 and channel in ('sms', 'whatsapp') and guest_id is not null and attempts > 0 and created_at > $2
   order by created_at desc limit 1`,
)

const listUndelivered = statement(
  'undelivered-messages',
  `select ${messageColumns} from messages where restaurant_id = $1 and status = 'undelivered'
     and (created_at, id) < (coalesce($2::timestamptz, 'infinity'), coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
   order by created_at desc, id desc limit $4`,
)

/**
 * Writes a message that the worker sends after the commit, and gives its id. It is sent at least once, in the order of
 * commits within the restaurant and channel. Nothing waits for it: its statement travels with the commit. A command
 * calls it last, because it locks the lane. Spec: X1, X2.
 */
export function enqueue(w: Write, message: Outgoing): string {
  const { channel, template, guestId, language = null, variables } = message
  const isPhone = channel === 'sms' || channel === 'whatsapp'
  const recipient = isPhone ? plainNumber(message.recipient) : message.recipient
  assert(recipient.length <= limits.messageRecipientCharacters, 'a recipient is no longer than the column')
  const id = w.newId()
  const life = Math.min(message.usefulMillis ?? MESSAGE_LIFE_MILLIS, MESSAGE_LIFE_MILLIS)
  w.tx.send(insertMessage, [
    w.restaurantId,
    id,
    channel,
    guestId,
    recipient,
    template,
    language,
    JSON.stringify(variables),
    URGENT.includes(template),
    w.now,
    plusMillis(w.now, life),
    limits.messagesWaiting,
  ])
  return id
}

/** Forgets what messages about some visits, or to some addresses, said, and to whom. Those that wait are not sent. */
export const forgetMessagesTo = (w: Write, guestIds: readonly string[], recipients: readonly string[]): void =>
  w.tx.send(eraseMessages, [w.restaurantId, guestIds, recipients])

/** The newest messages about a visit. */
export const readMessagesOf = (tx: Tx, restaurantId: string, guestId: string): Promise<Message[]> =>
  tx.all<Message>(listOfGuest, [restaurantId, guestId, limits.messagesPerGuest])

/** Messages that were given up, newest first, in the list after `after`. */
export const readUndelivered = (
  tx: Tx,
  restaurantId: string,
  after: { readonly createdAt: Instant; readonly id: string } | null,
  limit: number,
): Promise<Message[]> => tx.all<Message>(listUndelivered, [restaurantId, after?.createdAt, after?.id, limit])

/** A phone number as providers write it, so that an answer finds the message: `+49 (30) 12` and `0049 3012` are `+493012`. */
export const plainNumber = (phone: string): string => phone.replace(/[\s()./-]/g, '').replace(/^00/, '+')

/**
 * The visit that an answer from a number is about: that of the newest message to it, in any restaurant, within the
 * time that a message is of use.
 */
export async function findRepliedVisit(
  db: Db,
  phone: string,
  now: Instant,
): Promise<{ readonly restaurantId: string; readonly guestId: string } | undefined> {
  const rows = await db.read<{ restaurantId: string; guestId: string }>({ repliedBy: phone }, findReplied, [
    phone,
    plusMillis(now, -MESSAGE_LIFE_MILLIS),
  ])
  return rows[0]
}
