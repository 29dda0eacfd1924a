import type { FastifyInstance } from 'fastify'
import { AppError } from '../platform/errors.ts'
import { pathOf } from '../platform/log.ts'
import { answerProblem } from '../native/problem.ts'
import { detail, notFound } from './errors.ts'
import { answerError, type Route } from './route.ts'

/**
 * What no route takes: 307 for a path that only has a slash too many, 405 with the first matching route's method for a path that exists, else the one
 * 404 there is.
 */
export function mountFallback(server: FastifyInstance, routes: readonly Route[]): void {
  const patterns = routes.map(({ path, method }) => ({
    method,
    pattern: new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}$`),
  }))
  const first = (path: string) => patterns.find(({ pattern }) => pattern.test(path))
  // Before any route: a parameter may be empty, so a list's path with a slash would be taken for one of its items.
  server.addHook('onRequest', async (request, reply) => {
    const path = pathOf(request.url)
    if (path === '/' || !path.endsWith('/')) return
    const bare = path.replace(/\/+$/, '')
    if (!first(bare)) return
    const query = request.url.slice(path.length)
    await reply.code(307).header('location', `${request.protocol}://${request.host}${bare}${query}`).send()
  })
  server.setErrorHandler((error, request, reply) => void answerError(error, request, reply))
  server.setNotFoundHandler(async (request, reply) => {
    const path = pathOf(request.url)
    if (path.startsWith('/v2/'))
      return answerProblem(new AppError('no-such-route', 404, 'There is no such address'), request, reply)
    const match = first(path)
    if (match) return answerError(detail(405, 'Method Not Allowed', { allow: match.method }), request, reply)
    return answerError(notFound(), request, reply)
  })
}
