import {
  context,
  isSpanContextValid,
  propagation,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api'
import { wallMillis } from '../clock.ts'

export type { Span, SpanContext } from '@opentelemetry/api'

/**
 * Spans through OpenTelemetry's API. The operator preloads an SDK that collects them. Without one there are no spans,
 * and they cost nothing.
 */

const PARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/

/** The content of a `traceparent` (W3C Trace Context), or null if it is invalid. */
export function readTraceparent(text: unknown): SpanContext | null {
  if (typeof text !== 'string') return null
  const [, traceId, spanId, flags] = PARENT.exec(text) ?? []
  if (traceId === undefined) return null
  const read = { traceId, spanId: spanId!, traceFlags: parseInt(flags!, 16) & TraceFlags.SAMPLED, isRemote: true }
  return isSpanContextValid(read) ? read : null
}

/** A span's place in its trace as a `traceparent`. */
export const traceparentOf = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`

const under = (parent: SpanContext): Context => trace.setSpanContext(ROOT_CONTEXT, parent)

/** Creates spans. `openTracing` returns null if nobody collects them. */
export class Tracing {
  readonly #tracer: Tracer

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  /** Starts the span of a request, below the one in its headers or of an instrumentation. */
  request(method: string, headers: Readonly<Record<string, unknown>>): Span {
    const active = context.active()
    const known = trace.getSpan(active)
    const remote = known ? null : readTraceparent(headers['traceparent'])
    const parent = known ? active : remote ? under(remote) : propagation.extract(ROOT_CONTEXT, headers)
    const kind = known ? SpanKind.INTERNAL : SpanKind.SERVER
    return this.#tracer.startSpan(method, { kind, attributes: { 'http.request.method': method } }, parent)
  }

  /** Starts a child span. */
  begin(name: string, parent: SpanContext, kind: SpanKind, attributes: Attributes): Span {
    return this.#tracer.startSpan(name, { kind, attributes }, under(parent))
  }

  /** A span that ends now, with this duration. */
  past(name: string, parent: SpanContext | null, kind: SpanKind, seconds: number, attributes: Attributes): void {
    const end = wallMillis()
    const options = { kind, attributes, startTime: end - seconds * 1000 }
    this.#tracer.startSpan(name, options, parent ? under(parent) : ROOT_CONTEXT).end(end)
  }

  /** A span for a statement that was answered now. */
  statement(parent: SpanContext, name: string, seconds: number, rows: number, sqlstate: string | null): void {
    this.past(`SQL ${name}`, parent, SpanKind.CLIENT, seconds, {
      'db.system.name': 'postgresql',
      'db.query.summary': name,
      'db.response.returned_rows': rows,
      ...(sqlstate !== null && { 'db.response.status_code': sqlstate, 'error.type': sqlstate }),
    })
  }
}

/** Ends a request's span. `route`: the pattern of its URL, or null; `facts`: other known facts. */
export function endRequest(
  span: Span,
  method: string,
  route: string | null,
  status: number,
  { restaurantId, seq }: { readonly restaurantId: string | null; readonly seq: number | null },
): void {
  if (restaurantId !== null) span.setAttribute('qtable.restaurant_id', restaurantId)
  if (seq !== null) span.setAttribute('qtable.seq', seq)
  if (route !== null) span.updateName(`${method} ${route}`).setAttribute('http.route', route)
  span.setAttribute('http.response.status_code', status)
  if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
  span.end()
}

/** Tracing, if an SDK was registered before this process started to serve. */
export function openTracing(): Tracing | null {
  const provider = trace.getTracerProvider()
  const isNoop = provider instanceof ProxyTracerProvider && provider.getDelegateTracer('qtable') === undefined
  return isNoop ? null : new Tracing(provider.getTracer('qtable'))
}
