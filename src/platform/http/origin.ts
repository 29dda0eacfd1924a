import type { FastifyReply, FastifyRequest } from 'fastify'
import { limits } from '../limits.ts'

/** Where a request comes from, as a device that signs in. */
export interface Origin {
  readonly address: string
  /** What the device was given when it signed in before, as it sends it. */
  readonly device: string | null
  /** Gives the device that. */
  readonly remember: (device: string) => void
}

const COOKIE = 'qtable_device'
const FOUND = /(?:^|;\s?)qtable_device=([\w-]{1,200})(?:;|$)/

/**
 * The origin of a request. The device is told by a cookie, which browsers and iOS keep and send by themselves; whoever sends none is told by the address. The
 * cookie lets nobody in.
 */
export const originOf = (request: FastifyRequest, reply: FastifyReply): Origin => ({
  address: request.ip,
  device: FOUND.exec(request.headers.cookie ?? '')?.[1] ?? null,
  remember: (device) => {
    const age = Math.floor(limits.deviceCookieMillis / 1000)
    void reply.header('set-cookie', `${COOKIE}=${device}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Strict`)
  },
})
