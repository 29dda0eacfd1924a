import type { Outbound } from '../../platform/http/outbound.ts'
import type { Outcome, Parcel, Sender } from './channel.ts'
import { outcomeOf } from './http-outcome.ts'

/** An account at a provider with Twilio's API. */
export interface SmsSettings {
  /** Without a path: `https://api.twilio.com`. */
  readonly url: string
  readonly account: string
  readonly token: string
  /** The number that messages come from. */
  readonly from: string
}

// A number that cannot be reached is 400 there; the account's own faults are not the message's.
const PASSING = [401, 402, 403, 404, 408, 409, 425, 429]

/**
 * SMS and WhatsApp by Twilio's API. `I-Twilio-Idempotency-Token` is the message's id, the same at each attempt, and
 * `qtable-attempt` counts them.
 */
export class SmsSender implements Sender {
  readonly #settings: SmsSettings
  readonly #outbound: Outbound
  readonly #prefix: string

  constructor(settings: SmsSettings, outbound: Outbound, channel: 'sms' | 'whatsapp') {
    this.#settings = settings
    this.#outbound = outbound
    this.#prefix = channel === 'whatsapp' ? 'whatsapp:' : ''
  }

  async send({ id, attempt, recipient, body }: Parcel, signal: AbortSignal): Promise<Outcome> {
    const { url, account, token, from } = this.#settings
    const to = recipient.replace(/[\s()./-]/g, '')
    if (!/^\+?\d{3,20}$/.test(to)) return { kind: 'refused', why: 'it is no phone number' }
    const form = new URLSearchParams({ To: this.#prefix + to, From: this.#prefix + from, Body: body })
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${Buffer.from(`${account}:${token}`).toString('base64')}`,
      'i-twilio-idempotency-token': id,
      'qtable-attempt': `${attempt}`,
    }
    const address = new URL(`/2010-04-01/Accounts/${encodeURIComponent(account)}/Messages.json`, url).href
    const answer = await this.#outbound.post(address, { headers, body: form.toString(), signal })
    return outcomeOf(answer, 'the SMS provider', sidOf, PASSING)
  }
}

/** The provider's own name of a message, if it gave one. */
function sidOf(body: string): string | null {
  try {
    const { sid } = JSON.parse(body) as { sid?: unknown }
    return typeof sid === 'string' ? sid : null
  } catch {
    return null
  }
}
