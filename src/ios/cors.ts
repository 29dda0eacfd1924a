import type { FastifyInstance } from 'fastify'

const METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT']
// Headers that a page may read besides the body; its developer tools may also read timings.
const EXPOSED = 'ETag, Idempotency-Replayed, Retry-After, Server-Timing, X-Request-Id'

/**
 * The contract's CORS, without credentials when any origin may call (ruling 5). `origins`: `*`, or a comma-separated
 * list of origins, which may send credentials.
 */
export function mountCors(server: FastifyInstance, origins: string): void {
  const listed = origins === '*' ? null : new Set(origins.split(',').map((origin) => origin.trim()))
  server.addHook('onRequest', (request, reply, done) => {
    const { origin } = request.headers
    if (origin === undefined) return done()
    // A cache must not serve the answer for one listed origin to another.
    if (listed) void reply.header('vary', 'Origin')
    if (listed && !listed.has(origin)) return done()
    void reply.header('access-control-allow-origin', listed ? origin : '*')
    if (listed) void reply.header('access-control-allow-credentials', 'true')
    void reply.header('access-control-expose-headers', EXPOSED)
    void reply.header('timing-allow-origin', listed ? origin : '*')
    const wanted = request.headers['access-control-request-method']
    if (request.method !== 'OPTIONS' || wanted === undefined) return done()
    void reply.header('access-control-allow-methods', METHODS.join(', ')).header('access-control-max-age', '600')
    const headers = request.headers['access-control-request-headers']
    if (headers !== undefined) void reply.header('access-control-allow-headers', headers)
    const isKnown = METHODS.includes(wanted)
    void reply.code(isKnown ? 200 : 400).type('text/plain; charset=utf-8')
    void reply.send(isKnown ? 'OK' : 'Disallowed CORS method')
  })
}
