import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { limits } from '../platform/limits.ts'
import { loggedPathOf, type Logger } from '../platform/observability/log.ts'
import type { Cell, Histogram, Meter } from '../platform/observability/meter.ts'
import type { Measuring } from '../platform/observability/measuring.ts'
import { metrics } from '../platform/observability/metrics.ts'
import { requestLog } from '../platform/observability/request-log.ts'
import { endRequest, type Tracing } from '../platform/observability/tracing.ts'
import { tenths, timingOf, Trail } from '../platform/observability/request-trail.ts'
import { newId } from '../platform/ids.ts'
import type { RequestWatch } from '../platform/observability/request-watch.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The facts collected about this request. */
    trail: Trail
  }
}

const SANE_ID = /^[\w.:-]{8,}$/

/** The id of a request: the sender's, if it has a valid form, or a new one. */
export const requestIdOf = ({ headers }: Pick<IncomingMessage, 'headers'>, newId: () => string): string => {
  const given = headers['x-request-id']
  return typeof given === 'string' && given.length <= limits.requestIdCharacters && SANE_ID.test(given)
    ? given
    : newId()
}

/** What measuring requests needs. */
export interface HttpWatch {
  readonly log: Logger
  readonly meter: Meter
  readonly measuring: Measuring
  readonly tracing: Tracing | null
  /** Called for answers of 500 and above. */
  readonly failed: (request: FastifyRequest, reply: FastifyReply) => void
}

/**
 * Gives each request a trail, its log line, its headers, its figures and its span. It must run before any route is
 * mounted. Returns the same for repeated reads. Spec: M4, M5.
 */
export function watchHttp(server: FastifyInstance, watch: HttpWatch): RequestWatch {
  const { log, meter, measuring, tracing, failed } = watch
  server.decorateRequest('trail')
  server.addHook('onRequest', (request, _, done) => {
    request.trail = new Trail(tracing, request.method, request.headers)
    done()
  })
  server.addHook('onSend', (request, reply, _, done) => {
    void reply.header('x-request-id', request.id)
    if (measuring.isOn) void reply.header('server-timing', request.trail.timing(reply.elapsedTime))
    done()
  })
  const say = requestLog(log)
  const unrouted = new RouteFigures(meter, NO_ROUTE)
  // One hook for everything that is the same on every route: each hook is another call per request.
  server.addHook('onResponse', (request, reply, done) => {
    const { id, method, url, trail } = request
    const { statusCode: status, elapsedTime } = reply
    say({ id, method, path: loggedPathOf(url), status, ms: tenths(elapsedTime), facts: trail.facts })
    if (measuring.isOn && request.is404) unrouted.take(request, reply)
    if (status >= 500) failed(request, reply)
    done()
  })
  const figures = count(server, meter, measuring)
  return {
    idOf: (request) => (tracing || request.headers['traceparent'] !== undefined ? null : requestIdOf(request, newId)),
    timingOf: (millis, cache) => (measuring.isOn ? timingOf(millis, cache) : null),
    took({ id, url, route, status, millis, restaurantId, shape, cache }) {
      say({ id, method: 'GET', path: loggedPathOf(url), status, ms: tenths(millis), facts: { restaurantId } })
      if (measuring.isOn) figures.get(route)!.repeated(status, millis, shape, cache)
    },
  }
}

// The label of requests without a route.
const NO_ROUTE = 'none'

/** Counts the requests of every route. Returns the figures of a route, by its pattern. */
function count(server: FastifyInstance, meter: Meter, measuring: Measuring): ReadonlyMap<string, RouteFigures> {
  const active = meter.cell(metrics.httpActive)
  const over = () => void active.value--
  server.server.prependListener('request', (_, response) => {
    if (!measuring.isOn) return
    active.value++
    // It fires once, so it need not be removed.
    response.on('close', over)
  })
  const all = new Map<string, RouteFigures>()
  server.addHook('onRoute', (route) => {
    const figures = all.get(route.url) ?? new RouteFigures(meter, route.url)
    all.set(route.url, figures)
    const own = route.onResponse === undefined ? [] : [route.onResponse].flat()
    const take = (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
      if (measuring.isOn) figures.take(request, reply)
      done()
    }
    route.onResponse = [take, ...own]
  })
  return all
}

/**
 * The figures of one route. Its cells are found once for each method and status. Nearly always, the previous cells
 * are needed again.
 */
class RouteFigures {
  readonly #meter: Meter
  readonly #route: string
  readonly #durations = new Map<string, Histogram>()
  readonly #errors = new Map<string, Cell>()
  #method = ''
  #status = 0
  #duration: Histogram | null = null
  #shape = ''
  #result = ''
  #cached: Cell | null = null

  constructor(meter: Meter, route: string) {
    this.#meter = meter
    this.#route = route
  }

  take(request: FastifyRequest, reply: FastifyReply): void {
    const { method, trail } = request
    const { statusCode } = reply
    this.#observe(method, statusCode, reply.elapsedTime)
    if (statusCode >= 400) this.#errorsOf(trail.code ?? `http-${statusCode}`).value++
    if (trail.cache !== null) this.#cache(trail.shape, trail.cache)
    if (trail.span) endRequest(trail.span, method, this.#route === NO_ROUTE ? null : this.#route, statusCode, trail)
  }

  /** A read that was answered before the server saw it. */
  repeated(status: number, millis: number, shape: string, cache: string): void {
    this.#observe('GET', status, millis)
    this.#cache(shape, cache)
  }

  #observe(method: string, status: number, millis: number): void {
    if (!this.#duration || status !== this.#status || method !== this.#method) this.#turnTo(method, status)
    this.#duration!.observe(millis / 1000)
  }

  #turnTo(method: string, status: number): void {
    const key = `${method} ${status}`
    let duration = this.#durations.get(key)
    if (!duration) {
      duration = this.#meter.histogram(metrics.httpDuration, method, this.#route, `${status}`)
      this.#durations.set(key, duration)
    }
    this.#method = method
    this.#status = status
    this.#duration = duration
  }

  #cache(shape: string, result: string): void {
    if (!this.#cached || shape !== this.#shape || result !== this.#result) {
      this.#cached = this.#meter.cell(metrics.cacheRequests, shape, result)
      this.#shape = shape
      this.#result = result
    }
    this.#cached.value++
  }

  #errorsOf(code: string): Cell {
    let cell = this.#errors.get(code)
    if (!cell) this.#errors.set(code, (cell = this.#meter.cell(metrics.httpErrors, this.#route, code)))
    return cell
  }
}
