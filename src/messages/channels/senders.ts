import { Outbound } from '../../platform/http/outbound.ts'
import type { Logger } from '../../platform/observability/log.ts'
import type { Sender, Senders } from './channel.ts'
import { LogSender, NoSender } from './log.ts'
import { PushSender, type PushSettings } from './push.ts'
import { SmsSender, type SmsSettings } from './sms.ts'
import { SmtpSender, type SmtpSettings } from './smtp.ts'
import { WebhookSender } from './webhook.ts'

/** What the operator has set up; null where it is not. */
export interface ChannelSettings {
  readonly smtp: SmtpSettings | null
  readonly sms: SmsSettings | null
  readonly whatsapp: SmsSettings | null
  readonly push: PushSettings | null
  /** Nets beside the public Internet that may be reached. */
  readonly allowedNets: readonly string[]
  /** Whether a channel that is not set up is a fault; otherwise its messages go to the log. */
  readonly isProduction: boolean
}

/** The ways to send, as the operator has set them up. */
export function sendersOf(settings: ChannelSettings, log: Logger): Senders {
  const { smtp, sms, whatsapp, push, allowedNets, isProduction } = settings
  const outbound = new Outbound(allowedNets)
  const none: Sender = isProduction ? new NoSender() : new LogSender(log)
  return {
    email: smtp ? new SmtpSender(smtp) : none,
    sms: sms ? new SmsSender(sms, outbound, 'sms') : none,
    whatsapp: whatsapp ? new SmsSender(whatsapp, outbound, 'whatsapp') : none,
    push: push ? new PushSender(push, outbound) : none,
    webhook: new WebhookSender(outbound),
  }
}
