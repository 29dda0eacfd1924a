import { createHmac, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { ChangeDeps, Context } from '../changes/command/command.ts'
import { execute } from '../changes/command/execute.ts'
import { cancelGuest } from '../guests/waitlist/cancel-guest.ts'
import { guestOnMyWay } from '../guests/waitlist/guest-on-my-way.ts'
import { findRepliedVisit } from '../messages/messages.ts'
import { AppError } from '../platform/errors.ts'
import { limits } from '../platform/limits.ts'

/**
 * What guests answer by SMS and WhatsApp: 1 is "I am coming", 9 is "I cancel". The provider (Twilio's API) posts each
 * answer as a form, signed with the account's token. The answer is about the visit of the newest message to that number.
 */

/** What the operator has set up for replies. */
export interface ReplySettings {
  /** Where the provider reaches this server: its address is a part of the signature. */
  readonly publicUrl: string
  /** The account's token at the provider. */
  readonly token: string
}

const PATH = '/replies/sms'
// The provider says nothing to the guest.
const SILENCE = '<?xml version="1.0" encoding="UTF-8"?><Response/>'

const COMMANDS = { '1': guestOnMyWay, '9': cancelGuest } as const

/** Mounts the address that the provider posts to. Without settings there is none. Spec: X14. */
export function mountReplies(server: FastifyInstance, deps: ChangeDeps, settings: ReplySettings | null): void {
  if (settings === null) return
  server.post(PATH, { bodyLimit: limits.openBodyBytes }, async (request, reply) => {
    const form = new URLSearchParams(typeof request.body === 'string' ? request.body : '')
    const { search } = new URL(request.url, settings.publicUrl)
    const address = new URL(PATH + search, settings.publicUrl).href
    if (!isSigned(request.headers['x-twilio-signature'], settings.token, address, form))
      return reply.code(403).send({ detail: 'The signature does not fit' })
    await takeReply(deps, form)
    return reply.type('text/xml').send(SILENCE)
  })
}

/** Whether a form was signed as Twilio does: the address and all fields in the order of their names, by HMAC-SHA1. */
export function isSigned(given: unknown, token: string, address: string, form: URLSearchParams): boolean {
  if (typeof given !== 'string') return false
  const fields = [...form].toSorted(([a], [b]) => (a < b ? -1 : Number(a > b)))
  const text = address + fields.map(([name, value]) => name + value).join('')
  const own = createHmac('sha1', token).update(text).digest()
  const theirs = Buffer.from(given, 'base64')
  return theirs.length === own.length && timingSafeEqual(theirs, own)
}

/** Does what a guest answered. An answer that means nothing, or comes too late, changes nothing. */
async function takeReply(deps: ChangeDeps, form: URLSearchParams): Promise<void> {
  const word = (form.get('Body') ?? '').trim()
  const command = word === '1' || word === '9' ? COMMANDS[word] : null
  const phone = (form.get('From') ?? '').replace(/^whatsapp:/, '')
  if (command === null || !/^\+\d{3,20}$/.test(phone)) return
  const visit = await findRepliedVisit(deps.db, phone, deps.clock.now())
  if (!visit) return
  const { restaurantId, guestId } = visit
  const sid = form.get('MessageSid')
  const context: Context = {
    restaurantId,
    actor: { role: 'guest', staffId: null, guestId },
    device: 'sms',
    // The provider may post an answer twice.
    ...(sid !== null && /^\w{1,100}$/.test(sid) && { mutationId: `sms ${sid}` }),
  }
  try {
    await execute(deps, command, context, { guestId })
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500) throw error
  }
}
