import type { FastifyInstance } from 'fastify'

const METHODS = 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT'
// What a page may read besides the body; timings by its developer tools too.
const EXPOSED = 'ETag, Idempotency-Replayed, Retry-After, Server-Timing, X-Request-Id'

/**
 * CORS as the contract has it, without credentials when any origin may call (ruling 5). `origins`: `*`, or a list with commas, which may send
 * credentials.
 */
export function mountCors(server: FastifyInstance, origins: string): void {
  const listed = origins === '*' ? null : new Set(origins.split(',').map((origin) => origin.trim()))
  server.addHook('onRequest', async (request, reply) => {
    const { origin } = request.headers
    if (origin === undefined) return
    // What a listed origin is answered must not be kept for another.
    if (listed) void reply.header('vary', 'Origin')
    if (listed && !listed.has(origin)) return
    void reply.header('access-control-allow-origin', listed ? origin : '*')
    if (listed) void reply.header('access-control-allow-credentials', 'true')
    void reply.header('access-control-expose-headers', EXPOSED)
    void reply.header('timing-allow-origin', listed ? origin : '*')
    const wanted = request.headers['access-control-request-method']
    if (request.method !== 'OPTIONS' || wanted === undefined) return
    void reply.header('access-control-allow-methods', METHODS).header('access-control-max-age', '600')
    const headers = request.headers['access-control-request-headers']
    if (headers !== undefined) void reply.header('access-control-allow-headers', headers)
    await reply.code(200).type('text/plain; charset=utf-8').send('OK')
  })
}
