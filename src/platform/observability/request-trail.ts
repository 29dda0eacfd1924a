import { SpanKind } from '@opentelemetry/api'
import { AppError } from '../errors.ts'
import type { StatementObserver } from '../database/db-observer.ts'
import { readTraceparent, type Span, type SpanContext, type Tracing } from './tracing.ts'

/** The facts collected about one request: for its log line, its Server-Timing and its trace. */
export class Trail implements StatementObserver {
  /** The trace of the client's `traceparent`, or of the span started for it. */
  readonly traceId: string | null
  readonly span: Span | null
  readonly #tracing: Tracing | null
  /** The current parent of statements: the request or a part of it. */
  #part: Span | null
  restaurantId: string | null = null
  /** The change that the request made. */
  seq: number | null = null
  /** It was a repeat, answered with an earlier answer. */
  repeated = false
  /** The code of its refusal. */
  code: string | null = null
  /** The source of its answer in the cache, if it was asked, and the shape. */
  cache: string | null = null
  shape = ''
  statements = 0
  databaseSeconds = 0

  constructor(tracing: Tracing | null, method: string, headers: Readonly<Record<string, unknown>>) {
    this.#tracing = tracing
    this.span = tracing && tracing.request(method, headers)
    this.#part = this.span
    if (this.span) this.traceId = this.span.spanContext().traceId
    else if (headers['traceparent'] === undefined) this.traceId = null
    else this.traceId = readTraceparent(headers['traceparent'])?.traceId ?? null
  }

  /** The current parent span. */
  get part(): SpanContext | null {
    return this.#part && this.#part.spanContext()
  }

  statement(name: string, seconds: number, rows: number, sqlstate: string | null): void {
    this.statements++
    const part = this.#part
    if (part?.isRecording()) this.#tracing!.statement(part.spanContext(), name, seconds, rows, sqlstate)
  }

  /** Runs a part of the request, with a span of its own if there are spans. */
  async within<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#part
    if (!before) return work()
    const span = this.#tracing!.begin(name, before.spanContext(), SpanKind.INTERNAL, {})
    this.#part = span
    try {
      return await work()
    } finally {
      this.#part = before
      if (this.seq !== null) span.setAttribute('qtable.seq', this.seq)
      if (this.restaurantId !== null) span.setAttribute('qtable.restaurant_id', this.restaurantId)
      span.end()
    }
  }

  transaction(seconds: number): void {
    this.databaseSeconds += seconds
  }

  /** Notes that the cache was asked for its answer. */
  cached(shape: string, result: 'hit' | 'not-modified' | 'made' | 'redis' | 'bypassed'): void {
    this.shape = shape
    this.cache = result
  }

  /** Notes the error of a refusal; null for a bug. */
  refused(error: unknown): void {
    if (error === null) this.code = 'bug'
    else if (error instanceof AppError) this.code = error.code
    else if (error instanceof Error && error.name === 'ValidationError') this.code = 'invalid-input'
  }

  /** The Server-Timing of the request. `millis`: since it arrived. */
  timing(millis: number): string {
    const { statements, databaseSeconds } = this
    const db = statements > 0 ? `, db;dur=${said(databaseSeconds * 1000)};desc="${statements} statements"` : ''
    return timingOf(millis, this.cache, db)
  }

  /** Additional facts for its log line. */
  get facts(): Readonly<Record<string, string | number>> {
    const facts: Record<string, string | number> = {}
    if (this.traceId !== null) facts['traceId'] = this.traceId
    if (this.restaurantId !== null) facts['restaurantId'] = this.restaurantId
    if (this.seq !== null) facts['seq'] = this.seq
    if (this.code !== null) facts['code'] = this.code
    if (this.statements > 0) facts['statements'] = this.statements
    return facts
  }
}

/**
 * The text of a Server-Timing header: the total time, the database's part of it, and the source in the cache, if it
 * was asked.
 */
export const timingOf = (millis: number, cache: string | null, database = ''): string =>
  `total;dur=${said(millis)}${database}${cache === null ? '' : `, cache;desc=${cache}`}`

// Formatting a fraction is slower than a lookup, and nearly all values are among these.
const SAID = Array.from({ length: 1_000 }, (_, n) => String(n / 10))
const said = (millis: number): string => SAID[Math.round(millis * 10)] ?? String(tenths(millis))

/** To a tenth of a millisecond. */
export const tenths = (millis: number): number => Math.round(millis * 10) / 10
