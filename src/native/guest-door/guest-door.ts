import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ChangeDeps, Context } from '../../changes/command/command.ts'
import { execute } from '../../changes/command/execute.ts'
import { tracked } from '../../changes/tracked.ts'
import { cancelGuest } from '../../guests/waitlist/cancel-guest.ts'
import { giveMoreTime } from '../../guests/waitlist/give-more-time.ts'
import { guestOnMyWay } from '../../guests/waitlist/guest-on-my-way.ts'
import { LinkRates } from '../../links/link-rates.ts'
import { AppError } from '../../platform/errors.ts'
import { limits } from '../../platform/limits.ts'
import { send } from '../door.ts'
import { answerProblem } from '../problem.ts'
import { objectIn, refuseQuery } from '../request-input.ts'
import { inputOf } from '../../changes/input.ts'
import { GuestEvents } from './guest-events.ts'
import { openLink, requireVisit, visitOf, type Opened, type VisitDeps } from './guest-visit.ts'
import { z } from 'zod'

/**
 * What guests reach through their link, without an account. Each answer asks that nothing keeps it, indexes it or tells its
 * address on. Spec: J1 to J5.
 */

interface GuestDoorDeps extends ChangeDeps, VisitDeps {}

const HEADERS = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-robots-tag': 'noindex',
} as const

/** The address of a guest's page. */
export const GUEST = '/v2/guest/:token'

const NOTHING = { name: 'the request', input: z.strictObject({}) }
const MINUTES = { name: 'the request', input: z.strictObject({ minutes: giveMoreTime.input.shape.minutes }) }

/** A refusal without its details: they show what only staff may see, such as a host's notes. */
function forGuests(error: unknown): unknown {
  if (!(error instanceof AppError)) return error
  const { retryAfterSeconds } = error.details
  const details = retryAfterSeconds === undefined ? {} : { retryAfterSeconds }
  return new AppError(error.code, error.status, error.message, details)
}

/** The door of one server, with its limits. */
class GuestDoor {
  readonly #server: FastifyInstance
  readonly #deps: GuestDoorDeps
  readonly #rates: LinkRates

  constructor(server: FastifyInstance, deps: GuestDoorDeps) {
    this.#server = server
    this.#deps = deps
    this.#rates = new LinkRates(deps.clock)
  }

  /** The visit that a request is about. Throws `AppError` link-not-found (404), too-many-attempts (429). */
  async opened(request: FastifyRequest, most: number): Promise<{ link: Opened; token: string }> {
    refuseQuery(request)
    const { token } = request.params as { token: string }
    this.#rates.take(`from ${request.ip}`, limits.linkRequestsPerAddress)
    const link = await openLink(this.#deps, token)
    request.trail.restaurantId = link.restaurantId
    this.#rates.take(`link ${most} ${link.id}`, most)
    await requireVisit(this.#deps, link)
    return { link, token }
  }

  route(
    method: 'GET' | 'POST',
    path: string,
    handler: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>,
  ): void {
    this.#server.route({
      method,
      url: `${GUEST}${path}`,
      bodyLimit: limits.openBodyBytes,
      onRequest: (_, reply, done) => {
        void reply.headers(HEADERS)
        done()
      },
      errorHandler: (error, request, reply) => void answerProblem(forGuests(error), request, reply),
      handler,
    })
  }

  /** What a guest does: a command about their own party. It answers with the visit as it is then. */
  act<Sent extends object>(
    path: string,
    of: { readonly name: string; readonly input: z.ZodType<Sent> },
    run: (deps: GuestDoorDeps, context: Context, guest: Sent & { guestId: string }) => Promise<{ seq: number | null }>,
  ): void {
    this.route('POST', path, async (request, reply) => {
      const sent = inputOf(of, objectIn(request.body))
      const { link } = await this.opened(request, limits.actionsPerLink)
      const { restaurantId, guestId } = link
      const actor = { role: 'guest', staffId: null, guestId } as const
      const deps = tracked(this.#deps, request.trail, reply.raw)
      const { seq } = await run(deps, { restaurantId, actor, device: 'link' }, { ...sent, guestId })
      return send(reply, { result: await visitOf(this.#deps, link, seq) })
    })
  }
}

/** Mounts the door; its events, which end with the server. */
export function mountGuestDoor(server: FastifyInstance, deps: GuestDoorDeps): GuestEvents {
  const events = new GuestEvents(deps)
  const door = new GuestDoor(server, deps)
  door.route('GET', '', async (request, reply) => {
    const { link } = await door.opened(request, limits.readsPerLink)
    return send(reply, { result: await visitOf(deps, link) })
  })
  door.route('GET', '/events', async (request, reply) => {
    const { link, token } = await door.opened(request, limits.readsPerLink)
    await events.send(token, link, reply.raw, HEADERS)
    reply.hijack()
  })
  door.act('/on-my-way', NOTHING, (d, context, { guestId }) => execute(d, guestOnMyWay, context, { guestId }))
  door.act('/more-time', MINUTES, (d, context, guest) => execute(d, giveMoreTime, context, guest))
  door.act('/cancel', NOTHING, (d, context, { guestId }) => execute(d, cancelGuest, context, { guestId }))
  return events
}
