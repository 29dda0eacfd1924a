import type { FastifyInstance, FastifyReply } from 'fastify'
import { textOf, TEXT_TYPE } from '../platform/observability/exposition.ts'
import type { Figures } from '../platform/observability/meter.ts'
import { metrics } from '../platform/observability/metrics.ts'
import type { Admission, OpsAccess } from './access.ts'

/** GET /metrics. `collect`: the figures of all processes of this server. Spec: M1, M3. */
export function mountMetrics(server: FastifyInstance, access: OpsAccess, collect: () => Promise<Figures>): void {
  const table = Object.values(metrics)
  server.get('/metrics', async (request, reply) => {
    const admission = access.admits(request.headers.authorization, request.ip)
    if (admission !== 'in') return turnAway(reply, admission)
    const text = textOf(table, await collect())
    return reply.header('cache-control', 'no-store').type(TEXT_TYPE).send(text)
  })
}

function turnAway(reply: FastifyReply, admission: Exclude<Admission, 'in'>): FastifyReply {
  void reply.header('cache-control', 'no-store').type('text/plain; charset=utf-8')
  // As if the page did not exist: without a token nothing opens it.
  if (admission === 'closed') return reply.code(404).send('Not found\n')
  if (admission === 'wait') return reply.code(429).header('retry-after', '60').send('Too many wrong tokens: wait\n')
  return reply
    .code(401)
    .header('www-authenticate', 'Bearer')
    .send('This needs the header Authorization: Bearer <OPS_TOKEN>\n')
}
