import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { HandshakeLine } from './sockets/handshake-line.ts'
import type { SocketObserver } from './sockets/socket-observer.ts'
import { answerError } from './ios/route.ts'
import { answerProblem } from './native/problem.ts'
import { requestIdOf } from './ops/http.ts'
import { newId } from './platform/ids.ts'
import { limits } from './platform/limits.ts'
import type { Logger } from './platform/observability/log.ts'
import { LazyLog } from './platform/observability/request-log.ts'
import { Trail } from './platform/observability/request-trail.ts'

/** An HTTP server without routes. */
export function createServer(log: Logger): FastifyInstance {
  const loggerInstance: FastifyBaseLogger = log
  const server = Fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (_, bindings) => new LazyLog(log, bindings),
    genReqId: (request) => requestIdOf(request, newId),
    // Routes that need a token have a larger limit.
    bodyLimit: limits.openBodyBytes,
    requestTimeout: 30_000,
    // Node waits for ever for a client that does not read its answer.
    connectionTimeout: limits.connectionSilenceMillis,
    exposeHeadRoutes: false,
    // Requests on an open connection are still answered while the server stops.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    rewriteUrl: ({ url = '/' }) => readAddress(url),
    routerOptions: { maxParamLength: 500 },
    // An invalid address, before any route is known.
    frameworkErrors: (error, request, reply) => {
      // No hook has seen the request, and later hooks need its trail.
      request.trail ??= new Trail(null, request.method, request.headers)
      void (request.url.startsWith('/v2/') ? answerProblem : answerError)(error, request, reply)
    },
  })
  return server
}

/**
 * An address with its path decoded like the old server: an escape becomes its character, a slash too, and an invalid
 * escape is a percent sign. Then it is encoded in one canonical way.
 */
export function readAddress(url: string): string {
  const end = url.search(/[?#]/)
  const path = end < 0 ? url : url.slice(0, end)
  if (!path.includes('%')) return url
  const text = path.replace(/(?:%[\da-f]{2})+/gi, (bytes) => Buffer.from(bytes.replaceAll('%', ''), 'hex').toString())
  return text.replace(/[^\w\-.~!$&'()*+,;=:@/]/gu, encodeURIComponent) + (end < 0 ? '' : url.slice(end))
}

/**
 * Handles each request before the server does. Requests that `takes` leaves, or gives to `otherwise` later, go the
 * ordinary way.
 */
export function takeFirst(
  server: FastifyInstance,
  takes: (request: IncomingMessage, response: ServerResponse, otherwise: () => void) => boolean,
): void {
  const ordinary = server.server.listeners('request') as ((...each: [IncomingMessage, ServerResponse]) => void)[]
  server.server.removeAllListeners('request')
  server.server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const otherwise = () => {
      for (const listener of ordinary) listener(request, response)
    }
    if (!takes(request, response, otherwise)) otherwise()
  })
}

interface Sockets {
  /** Whether a handshake is for these sockets, if they can tell. If so, they handle it. */
  takes(request: IncomingMessage, socket: Duplex, head: Buffer): boolean | void
}

// One listener for all sockets: a listener per socket would keep its request, with all headers, as long as the socket
// is open.
function destroyIt(this: Duplex): void {
  this.destroy()
}

/**
 * Passes each handshake, in its turn, to the first that takes it. The last one takes the rest, and refuses what it
 * does not know.
 */
export function takeUpgrades(server: FastifyInstance, all: readonly Sockets[], observer: SocketObserver): void {
  const line = new HandshakeLine(observer)
  server.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', destroyIt)
    line.enter(socket, () => void all.some((sockets) => sockets.takes(request, socket, head) === true))
  })
  server.addHook('preClose', async () => line.close())
}
