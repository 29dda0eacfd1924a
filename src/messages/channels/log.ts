import type { Logger } from '../../platform/observability/log.ts'
import type { Outcome, Parcel, Sender } from './channel.ts'

/** Writes to the log that a message would have been sent, without its words and recipient. */
export class LogSender implements Sender {
  readonly #log: Logger

  constructor(log: Logger) {
    this.#log = log
  }

  async send({ id, restaurantId, channel, template, language, attempt, body }: Parcel): Promise<Outcome> {
    const about = { message: id, restaurant: restaurantId, channel, template, language, attempt }
    this.#log.info({ ...about, characters: body.length }, 'a message is only logged: its channel is not set up')
    return { kind: 'sent', reference: 'log' }
  }
}

/** A channel that is not set up where guests rely on it. */
export class NoSender implements Sender {
  async send({ channel }: Parcel): Promise<Outcome> {
    return { kind: 'refused', why: `the channel ${channel} is not set up on this server` }
  }
}
