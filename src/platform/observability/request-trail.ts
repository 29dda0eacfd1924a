import { SpanKind } from '@opentelemetry/api'
import { AppError } from '../errors.ts'
import type { StatementObserver } from '../database/db-observer.ts'
import { readTraceparent, type Span, type SpanContext, type Tracing } from './tracing.ts'

/** What is learned of one request on its way: for its line in the log, its Server-Timing and its trace. */
export class Trail implements StatementObserver {
  /** Of the client's `traceparent`, or of the span that was begun for it. */
  readonly traceId: string | null
  readonly span: Span | null
  readonly #tracing: Tracing | null
  /** What statements belong to now: the request or a part of it. */
  #part: Span | null
  restaurantId: string | null = null
  /** The change that the request made. */
  seq: number | null = null
  /** It was a repeat: its answer is an earlier one. */
  repeated = false
  /** The code of its refusal. */
  code: string | null = null
  /** How its answer came from the cache, if that was asked, and of which shape it is. */
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

  /** The span that what is done now belongs to. */
  get part(): SpanContext | null {
    return this.#part && this.#part.spanContext()
  }

  statement(name: string, seconds: number, rows: number, sqlstate: string | null): void {
    this.statements++
    const part = this.#part
    if (part?.isRecording()) this.#tracing!.statement(part.spanContext(), name, seconds, rows, sqlstate)
  }

  /** Runs a part of the request, with a span of its own where there are spans. */
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

  /** Its answer was asked of the cache. */
  cached(shape: string, result: 'hit' | 'not-modified' | 'made' | 'redis' | 'bypassed'): void {
    this.shape = shape
    this.cache = result
  }

  /** It was refused with an error; null: it is a bug. */
  refused(error: unknown): void {
    if (error === null) this.code = 'bug'
    else if (error instanceof AppError) this.code = error.code
    else if (error instanceof Error && error.name === 'ValidationError') this.code = 'invalid-input'
  }

  /** As Server-Timing says it. `millis`: since the request came. */
  timing(millis: number): string {
    const { statements, databaseSeconds } = this
    const db = statements > 0 ? `, db;dur=${said(databaseSeconds * 1000)};desc="${statements} statements"` : ''
    return timingOf(millis, this.cache, db)
  }

  /** What its line in the log says besides. */
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

/** The text of a Server-Timing header: how long it took, of that the database, and how the answer came from the cache, where it was asked. */
export const timingOf = (millis: number, cache: string | null, database = ''): string =>
  `total;dur=${said(millis)}${database}${cache === null ? '' : `, cache;desc=${cache}`}`

// To write a fraction takes longer than to count what it is of, and nearly all are among these.
const SAID = Array.from({ length: 1_000 }, (_, n) => String(n / 10))
const said = (millis: number): string => SAID[Math.round(millis * 10)] ?? String(tenths(millis))

/** To a tenth of a millisecond. */
export const tenths = (millis: number): number => Math.round(millis * 10) / 10
