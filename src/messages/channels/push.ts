import webPush from 'web-push'
import { z } from 'zod'
import type { Outbound } from '../../platform/http/outbound.ts'
import type { Outcome, Parcel, Sender } from './channel.ts'
import { outcomeOf } from './http-outcome.ts'

/** The keys with which push services know this server (VAPID). */
export interface PushSettings {
  readonly publicKey: string
  readonly privateKey: string
  /** Whom a push service may write to: `mailto:` or `https:`. */
  readonly contact: string
}

/** What a browser gives a page that may push, as JSON: the recipient of a message of the channel `push`. */
const subscriptionSchema = z.object({
  endpoint: z.string().max(2_000),
  keys: z.object({ p256dh: z.string().max(200), auth: z.string().max(100) }),
})

// A push service tells a guest's browser after some hours no more.
const TTL_SECONDS = 14_400

/**
 * Web push. The words are encrypted for the guest's browser; the message's id is in them, so that a repeat replaces what
 * is shown. Each guest may have another push service: one that is not there puts off that guest's message only.
 */
export class PushSender implements Sender {
  readonly #settings: PushSettings
  readonly #outbound: Outbound

  constructor(settings: PushSettings, outbound: Outbound) {
    this.#settings = settings
    this.#outbound = outbound
  }

  async send(parcel: Parcel, signal: AbortSignal): Promise<Outcome> {
    const subscription = subscriptionOf(parcel.recipient)
    if (!subscription) return { kind: 'refused', why: 'it is no push subscription' }
    const { id, attempt, subject, body, variables, template } = parcel
    const payload = JSON.stringify({ id, attempt, template, title: subject, body, link: variables['link'] ?? null })
    const { contact, publicKey, privateKey } = this.#settings
    let details
    try {
      details = webPush.generateRequestDetails(subscription, payload, {
        vapidDetails: { subject: contact, publicKey, privateKey },
        TTL: TTL_SECONDS,
        urgency: 'high',
      })
    } catch {
      return { kind: 'refused', why: 'its push subscription has no valid keys' }
    }
    const headers = { ...details.headers, 'qtable-attempt': `${attempt}` }
    const sent = { headers, body: details.body, signal }
    // 404 and 410: the guest has taken the permission back.
    const outcome = outcomeOf(await this.#outbound.post(details.endpoint, sent), 'the push service', () => null, [429])
    return outcome.kind === 'later' ? { ...outcome, kind: 'put-off' } : outcome
  }
}

function subscriptionOf(recipient: string): z.output<typeof subscriptionSchema> | null {
  try {
    return subscriptionSchema.parse(JSON.parse(recipient))
  } catch {
    return null
  }
}
