import { createTransport } from 'nodemailer'
import { limits } from '../../platform/limits.ts'
import { asHtml } from '../templates.ts'
import type { Outcome, Parcel, Sender } from './channel.ts'

/** The operator's mail server. */
export interface SmtpSettings {
  /** `smtp://user:password@host:587`, or `smtps://` for TLS from the first byte. With a user, TLS is required. */
  readonly url: string
  /** The sender, `Cedar <table@cedar.example>` or an address. */
  readonly from: string
}

interface SmtpError {
  readonly code?: string
  readonly command?: string
  readonly responseCode?: number
}

/** E-mail by SMTP. Its Message-ID is made of the message's id, the same at each attempt; `X-QTable-Attempt` counts them. */
export class SmtpSender implements Sender {
  readonly #from: string
  readonly #domain: string
  readonly #options: Parameters<typeof createTransport>[0]

  constructor({ url, from }: SmtpSettings) {
    this.#from = from
    this.#domain = /@([^\s>]+)/.exec(from)?.[1] ?? 'qtable.invalid'
    const millis = limits.messageAttemptMillis
    this.#options = {
      url,
      requireTLS: new URL(url).username !== '',
      connectionTimeout: millis,
      greetingTimeout: millis,
      socketTimeout: millis,
      disableFileAccess: true,
      disableUrlAccess: true,
    } as Parameters<typeof createTransport>[0]
  }

  async send({ id, attempt, recipient, restaurant, subject, body, variables }: Parcel): Promise<Outcome> {
    // An address is no list, whatever stands in it.
    if (!/^[^\s@,;<>"]+@[^\s@,;<>"]+$/.test(recipient)) return { kind: 'refused', why: 'it is no e-mail address' }
    try {
      const sent = await createTransport(this.#options).sendMail({
        from: this.#from,
        to: { name: '', address: recipient },
        subject: subject || restaurant,
        text: body,
        html: htmlOf(body, variables['link']),
        messageId: `<${id}@${this.#domain}>`,
        headers: { 'X-QTable-Attempt': `${attempt}`, 'Auto-Submitted': 'auto-generated' },
      })
      return { kind: 'sent', reference: sent.messageId }
    } catch (error) {
      return outcomeOf(error as SmtpError)
    }
  }
}

function outcomeOf({ code, command, responseCode }: SmtpError): Outcome {
  const why = `the mail server: ${responseCode ?? code ?? 'no answer'}`
  // What it says of us as the sender is no fault of the message.
  const isOurs = command === 'MAIL FROM' || !['RCPT TO', 'DATA'].includes(command ?? '')
  if (responseCode === undefined || isOurs) return { kind: 'later', why }
  if (responseCode >= 500) return { kind: 'refused', why }
  return { kind: command === 'RCPT TO' ? 'put-off' : 'later', why }
}

function htmlOf(body: string, link: string | undefined): string {
  const html = asHtml(body)
  if (link === undefined) return `<p>${html}</p>`
  const shown = asHtml(link)
  return `<p>${html.replaceAll(shown, `<a href="${shown}">${shown}</a>`)}</p>`
}
