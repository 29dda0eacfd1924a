import { DAY_MILLIS, plusMillis, type Instant } from '../../platform/clock.ts'
import type { Tx } from '../../platform/database/db.ts'
import { limits } from '../../platform/limits.ts'
import type { Outcome, Parcel } from '../channels/channel.ts'
import { countedHour, decideStep, retryMillis } from '../rules.ts'
import { filled, WORDS } from '../templates.ts'
import { LaneRows, type Head, type Lane, type LockedLane } from './lanes.ts'

/** One step of a lane, in one transaction: notes what came of the last attempt, and begins the next one. */

/** An attempt that was made, and what came of it. */
export interface Attempted {
  readonly parcel: Parcel
  readonly outcome: Outcome
}

/** What a step is given. */
export interface StepInput {
  readonly lane: Lane
  readonly done: Attempted | null
  readonly now: Instant
  readonly leasedUntil: Instant
  /** Whether the lane is left after this step, so that others get their turn. */
  readonly isLast: boolean
  readonly random: () => number
}

/** The next attempt, or null when the lane was left. The attempt is counted before it is made. Spec: X1, X3. */
export async function takeStep(tx: Tx, input: StepInput): Promise<Parcel | null> {
  const { lane, done, now, isLast } = input
  const rows = new LaneRows(tx, lane)
  const locking = rows.lock()
  if (done) note(rows, done, input)
  const [locked, first] = await Promise.all([locking, rows.head(now)])
  // Another process works here since: it repeats what this one may have sent.
  if (!locked) return null
  let state = after(locked, done?.outcome)
  if (done?.outcome.kind === 'later') {
    rows.save(state, plusMillis(now, retryMillis(state.failures, input.random)), null)
    return null
  }
  for (let [looked, head] = [0, first]; ; looked++, head = await rows.head(now)) {
    if (!head) {
      const due = await rows.putOffUntil()
      rows.save(due === null ? { ...state, waiting: 0, failures: 0 } : state, due, null)
      return null
    }
    if (isLast || looked === limits.messagesLookedAt) {
      rows.save(state, now, null)
      return null
    }
    const step = decideStep(state, head, head, now, lane.channel !== 'webhook')
    if (step.do === 'send') {
      const { hour, sent } = countedHour(state, now)
      rows.startAttempt(head.id, now)
      rows.save({ ...state, hour, sentInHour: sent + 1 }, now, input.leasedUntil)
      return parcelOf(lane, head, now)
    }
    if (step.do === 'wait') {
      rows.save(state, step.until, null)
      return null
    }
    if (step.do === 'put-off') rows.putOff(head.id, step.until, null)
    else {
      rows.settle(head.id, now, { failure: 'it could not be sent in time' })
      state = { ...state, waiting: Math.max(0, state.waiting - 1) }
    }
  }
}

/** The lane after an attempt. */
function after(lane: LockedLane, outcome: Outcome | undefined): LockedLane {
  if (!outcome) return lane
  if (outcome.kind === 'later') return { ...lane, failures: lane.failures + 1 }
  const left = outcome.kind === 'put-off' ? 0 : 1
  return { ...lane, failures: 0, waiting: Math.max(0, lane.waiting - left) }
}

/** Stores what came of an attempt. */
function note(rows: LaneRows, { parcel, outcome }: Attempted, { now, random }: StepInput): void {
  const { id, attempt } = parcel
  if (outcome.kind === 'sent') {
    const words = shown(parcel)
    return rows.settle(id, now, {
      reference: outcome.reference?.slice(0, limits.messageFailureCharacters) ?? null,
      words,
    })
  }
  const failure = outcome.why.slice(0, limits.messageFailureCharacters)
  if (outcome.kind === 'refused') rows.settle(id, now, { failure })
  else rows.putOff(id, outcome.kind === 'put-off' ? plusMillis(now, retryMillis(attempt, random)) : null, failure)
}

/** The words of a message without its link, which is a key. */
const shown = ({ body, variables: { link } }: Parcel): string =>
  link === undefined ? body : body.replaceAll(link, '…')

function parcelOf({ restaurantId, channel }: Lane, head: Head, now: Instant): Parcel {
  const { id, guestId, recipient, template, language, variables, createdAt, restaurant } = head
  const usual = WORDS[language][template]
  const words = filled(
    { subject: head.subject ?? usual.subject, body: head.body ?? usual.body },
    { ...variables, restaurant },
  )
  const webhook = { url: head.webhookUrl, secrets: secretsOf(head, now) }
  const about = { id, restaurantId, restaurant, guestId, channel, recipient, template, language, variables }
  return { ...about, ...words, attempt: head.attempts + 1, createdAt, now, webhook }
}

/** What signs now: the secret, and for a day the one before. */
function secretsOf({ webhookSecret, webhookOldSecret, webhookSecretAt }: Head, now: Instant): string[] {
  const isOldGood = webhookSecretAt !== null && plusMillis(webhookSecretAt, DAY_MILLIS) > now
  return [webhookSecret, isOldGood ? webhookOldSecret : null].filter((secret) => secret !== null)
}
