import { statement, type Db, type Tx } from '../../platform/database/db.ts'
import type { Instant } from '../../platform/clock.ts'
import type { Channel, Language, Template } from '../messages.ts'
import type { LaneState, SendingRules } from '../rules.ts'

/** What the worker asks the database. A lane is leased, so that no lock is held while a message is sent. */

/** A lane that this process works on. */
export interface Lane {
  readonly restaurantId: string
  readonly channel: Channel
  readonly lease: string
}

/** A lane as it is stored, locked. */
export interface LockedLane extends LaneState {
  readonly waiting: number
}

/** The next message of a lane, and what its restaurant has set. */
export interface Head extends SendingRules {
  readonly id: string
  readonly guestId: string | null
  readonly recipient: string
  readonly template: Template
  readonly language: Language
  readonly variables: Readonly<Record<string, string>>
  readonly isUrgent: boolean
  readonly attempts: number
  readonly createdAt: Instant
  readonly expiresAt: Instant
  readonly restaurant: string
  /** The restaurant's own words, where it has some. */
  readonly subject: string | null
  readonly body: string | null
  readonly webhookUrl: string | null
  readonly webhookSecret: string | null
  readonly webhookOldSecret: string | null
  readonly webhookSecretAt: Instant | null
}

const leaseLanes = statement(
  'lease-message-lanes',
  `with due as (
     select restaurant_id, channel from message_lanes
     where due_at <= $1 and (leased_until is null or leased_until <= $1) order by due_at limit $2 for update skip locked)
   update message_lanes l set lease = $3, leased_until = $4 from due
   where l.restaurant_id = due.restaurant_id and l.channel = due.channel
   returning l.restaurant_id as "restaurantId", l.channel, l.lease`,
)

const lockLane = statement(
  'lock-message-lane',
  `select waiting, failures, hour, sent_in_hour as "sentInHour" from message_lanes
   where restaurant_id = $1 and channel = $2 and lease = $3 for update`,
)

// The restaurant's language, where there are words in it.
const LANGUAGE = `case when lower(left(r.locale, 2)) = 'de' then 'de' else 'en' end`

const readHead = statement(
  'head-of-message-lane',
  `select m.id, m.guest_id as "guestId", m.recipient, m.template, m.variables, m.is_urgent as "isUrgent", m.attempts,
     m.created_at as "createdAt", m.expires_at as "expiresAt", r.name as restaurant, r.time_zone as "timeZone",
     coalesce(m.language, ${LANGUAGE}) as language, r.quiet_hours as "quietHours", coalesce(s.hourly_limit, 200) as "hourlyLimit",
     s.webhook_url as "webhookUrl", s.webhook_secret as "webhookSecret", s.webhook_old_secret as "webhookOldSecret",
     s.webhook_secret_at as "webhookSecretAt", t.subject, t.body
   from (
       select * from messages where restaurant_id = $1 and channel = $2 and status = 'waiting'
         and (not_before is null or not_before <= $3) order by position limit 1) m
     join restaurants r on r.restaurant_id = m.restaurant_id
     left join message_settings s on s.restaurant_id = m.restaurant_id
     left join message_templates t on t.restaurant_id = m.restaurant_id and t.template = m.template
       and t.language = coalesce(m.language, ${LANGUAGE})`,
)

const findPutOff = statement(
  'put-off-messages',
  `select min(not_before) as due from messages where restaurant_id = $1 and channel = $2 and status = 'waiting'`,
)

const startAttempt = statement(
  'start-message-attempt',
  `update messages set attempts = attempts + 1, attempted_at = $3 where restaurant_id = $1 and id = $2 and status = 'waiting'`,
)

const settleMessage = statement(
  'settle-message',
  `update messages set status = $3, settled_at = $4, failure = $5,
     reference = case when expires_at > created_at then $6 end,
     words = case when expires_at > created_at then coalesce($7, words) end,
     variables = case when $3 = 'sent' then '{}' else variables end
   where restaurant_id = $1 and id = $2 and status = 'waiting'`,
)

const putOffMessage = statement(
  'put-off-message',
  `update messages set not_before = $3, failure = $4 where restaurant_id = $1 and id = $2 and status = 'waiting'`,
)

const saveLane = statement(
  'save-message-lane',
  `update message_lanes set waiting = $3, failures = $4, hour = $5, sent_in_hour = $6, due_at = $7,
     lease = case when $8::timestamptz is null then null else lease end, leased_until = $8
   where restaurant_id = $1 and channel = $2`,
)

/** Leases lanes of any restaurant that are due, `limit` at most, until a time. */
export async function takeLanes(
  db: Db,
  { now, until, lease, limit }: { now: Instant; until: Instant; lease: string; limit: number },
): Promise<Lane[]> {
  return db.transaction({ dueBefore: now }, (tx) => tx.all<Lane>(leaseLanes, [now, limit, lease, until]))
}

/** The stored side of a lane, within one transaction of its restaurant. */
export class LaneRows {
  readonly #tx: Tx
  readonly #lane: Lane

  constructor(tx: Tx, lane: Lane) {
    this.#tx = tx
    this.#lane = lane
  }

  /** Locks the lane; undefined when the lease has gone to another process. */
  lock(): Promise<LockedLane | undefined> {
    const { restaurantId, channel, lease } = this.#lane
    return this.#tx.maybe<LockedLane>(lockLane, [restaurantId, channel, lease])
  }

  /** The first message that may be sent now. */
  head(now: Instant): Promise<Head | undefined> {
    return this.#tx.maybe<Head>(readHead, [this.#lane.restaurantId, this.#lane.channel, now])
  }

  /** When the first of the messages that were put off is due; null without one. */
  async putOffUntil(): Promise<Instant | null> {
    const { restaurantId, channel } = this.#lane
    return (await this.#tx.one<{ due: Instant | null }>(findPutOff, [restaurantId, channel])).due
  }

  startAttempt(id: string, now: Instant): void {
    this.#tx.send(startAttempt, [this.#lane.restaurantId, id, now])
  }

  settle(id: string, now: Instant, sent: { reference: string | null; words: string } | { failure: string }): void {
    const values =
      'failure' in sent
        ? ['undelivered', now, sent.failure, null, null]
        : ['sent', now, null, sent.reference, sent.words]
    this.#tx.send(settleMessage, [this.#lane.restaurantId, id, ...values])
  }

  putOff(id: string, until: Instant | null, failure: string | null): void {
    this.#tx.send(putOffMessage, [this.#lane.restaurantId, id, until, failure])
  }

  /** Stores the lane; without `leasedUntil` the lease ends. */
  save({ waiting, failures, hour, sentInHour }: LockedLane, due: Instant | null, leasedUntil: Instant | null): void {
    const { restaurantId, channel } = this.#lane
    this.#tx.send(saveLane, [restaurantId, channel, waiting, failures, hour, sentInHour, due, leasedUntil])
  }
}
