import { Outbound } from '../../platform/http/outbound.ts'
import type { Logger } from '../../platform/observability/log.ts'
import type { Sender, Senders } from './channel.ts'
import { LogSender, NoSender } from './log.ts'
import { WebhookSender } from './webhook.ts'

/** What the operator has set up. */
export interface ChannelSettings {
  /** Nets beside the public Internet that may be reached. */
  readonly allowedNets: readonly string[]
  /** Whether a channel that is not set up is a fault; otherwise its messages go to the log. */
  readonly isProduction: boolean
}

/** The ways to send, as the operator has set them up. */
export function sendersOf({ allowedNets, isProduction }: ChannelSettings, log: Logger): Senders {
  const outbound = new Outbound(allowedNets)
  const none: Sender = isProduction ? new NoSender() : new LogSender(log)
  return { email: none, sms: none, whatsapp: none, push: none, webhook: new WebhookSender(outbound) }
}
