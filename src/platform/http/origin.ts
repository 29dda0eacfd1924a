import type { FastifyReply, FastifyRequest } from 'fastify'
import { limits } from '../limits.ts'

/** The origin of a request, as a device that signs in. */
export interface Origin {
  readonly address: string
  /** The text that the device got at an earlier sign-in, as it sends it. */
  readonly device: string | null
  /** Sends that text to the device. */
  readonly remember: (device: string) => void
}

/** Whether the request came over TLS, to this server or to a proxy before it. Anybody may claim it, to their own loss. */
export const isSecure = (request: FastifyRequest): boolean =>
  request.protocol === 'https' || request.headers['x-forwarded-proto'] === 'https'

const COOKIE = 'qtable_device'
const FOUND = /(?:^|;\s?)qtable_device=([\w-]{1,200})(?:;|$)/

/**
 * The origin of a request. A cookie identifies the device; browsers and iOS keep and send it by themselves. Without a
 * cookie, the address does. The cookie grants no access.
 */
export const originOf = (request: FastifyRequest, reply: FastifyReply): Origin => ({
  address: request.ip,
  device: FOUND.exec(request.headers.cookie ?? '')?.[1] ?? null,
  remember: (device) => {
    const age = Math.floor(limits.deviceCookieMillis / 1000)
    const secure = isSecure(request) ? '; Secure' : ''
    void reply.header('set-cookie', `${COOKIE}=${device}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Strict${secure}`)
  },
})
