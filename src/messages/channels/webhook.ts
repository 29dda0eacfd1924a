import { Webhook } from 'standardwebhooks'
import { microsOf } from '../../platform/clock.ts'
import type { Outbound } from '../../platform/http/outbound.ts'
import type { Parcel, Sender } from './channel.ts'
import { outcomeOf } from './http-outcome.ts'

/**
 * The restaurant's own system, by Standard Webhooks: `webhook-id` is the message's id at each attempt, and
 * `qtable-attempt` counts them. It answers 2xx when it has the message. Spec: X6.
 */
export class WebhookSender implements Sender {
  readonly #outbound: Outbound

  constructor(outbound: Outbound) {
    this.#outbound = outbound
  }

  async send(parcel: Parcel, signal: AbortSignal) {
    const { url, secrets } = parcel.webhook
    if (url === null || secrets.length === 0) return { kind: 'refused', why: 'the restaurant has no webhook' } as const
    const body = bodyOf(parcel)
    const now = new Date(microsOf(parcel.now) / 1000)
    const headers = {
      'content-type': 'application/json',
      'webhook-id': parcel.id,
      'webhook-timestamp': `${Math.floor(now.getTime() / 1000)}`,
      'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(parcel.id, now, body)).join(' '),
      'qtable-attempt': `${parcel.attempt}`,
    }
    const answer = await this.#outbound.post(url, { headers, body, signal })
    return outcomeOf(answer, 'the webhook', () => null)
  }
}

/** The body of a webhook: what happened, and what the guest is to be told. */
function bodyOf(parcel: Parcel): string {
  const { id, restaurantId, guestId, template, language, subject, body, variables, recipient } = parcel
  const data = { id, restaurantId, guestId, template, language, subject, body, variables, recipient }
  return JSON.stringify({ type: `message.${template}`, timestamp: parcel.createdAt, data })
}
