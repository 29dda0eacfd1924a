import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { answerError } from './ios/route.ts'
import { answerProblem } from './native/problem.ts'
import { requestIdOf } from './ops/http.ts'
import { newId } from './platform/ids.ts'
import { limits } from './platform/limits.ts'
import type { Logger } from './platform/log.ts'

/** An HTTP server without any route. */
export function createServer(log: Logger): FastifyInstance {
  const loggerInstance: FastifyBaseLogger = log
  const server = Fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: (request) => requestIdOf(request, newId),
    bodyLimit: limits.bodyBytes,
    requestTimeout: 30_000,
    exposeHeadRoutes: false,
    // What comes over an open connection while the server stops is still answered.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 500 },
    // An address that can't be read, before any route is known.
    frameworkErrors: (error, request, reply) =>
      void (request.url.startsWith('/v2/') ? answerProblem : answerError)(error, request, reply),
  })
  return server
}
