import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { pathOf } from '../platform/observability/log.ts'
import { detail, notFound } from './errors.ts'
import { answerError } from './route.ts'

/**
 * Requests without a route: 307 for a path with an extra slash, 405 with the first matching route's method for a path
 * that exists, otherwise the one 404. Addresses below `native.prefix` belong to the native door, which answers
 * itself.
 */
export function mountFallback(
  server: FastifyInstance,
  routes: readonly { readonly path: string; readonly method: string }[],
  native: { readonly prefix: string; answerNoRoute(request: FastifyRequest, reply: FastifyReply): FastifyReply },
): void {
  const known = routes.map(({ path, method }) => ({ method, parts: path.split('/') }))
  const first = (path: string) => {
    const given = path.split('/')
    return known.find(({ parts }) => fits(parts, given))
  }
  // This runs before any route: a parameter may be empty, so a list's path with a slash would count as one of its
  // items.
  server.addHook('onRequest', async (request, reply) => {
    const path = pathOf(request.url)
    if (path === '/' || !path.endsWith('/')) return
    const bare = withoutEndingSlashes(path)
    if (!first(bare)) return
    const query = request.url.slice(path.length)
    await reply.code(307).header('location', `${request.protocol}://${request.host}${bare}${query}`).send()
  })
  server.setErrorHandler((error, request, reply) => void answerError(error, request, reply))
  server.setNotFoundHandler(async (request, reply) => {
    const path = pathOf(request.url)
    if (path.startsWith(native.prefix)) return native.answerNoRoute(request, reply)
    const match = first(path)
    if (match) return answerError(detail(405, 'Method Not Allowed', { allow: match.method }), request, reply)
    return answerError(notFound(), request, reply)
  })
}

/** Whether the parts of an address match a route. A parameter matches everything but the empty text. */
const fits = (route: readonly string[], given: readonly string[]): boolean =>
  route.length === given.length &&
  route.every((part, i) => (part.startsWith(':') ? given[i] !== '' : part === given[i]))

// Not with the expression /\/+$/: it counts the slashes again from each of them. 15,000 slashes took 200 ms.
function withoutEndingSlashes(path: string): string {
  let end = path.length
  while (path[end - 1] === '/') end--
  return path.slice(0, end)
}
