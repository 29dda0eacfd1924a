import { SpanKind } from '@opentelemetry/api'
import { wallMillis, type Instant } from '../platform/clock.ts'
import { limits } from '../platform/limits.ts'
import type { Measuring } from '../platform/observability/measuring.ts'
import type { SpanContext, Tracing } from '../platform/observability/tracing.ts'

/** What is remembered of a change after its commit, by its time, which no other has. */
interface Commit {
  readonly at: Instant
  /** When it was committed, in milliseconds since 1970. */
  readonly millis: number
  readonly restaurantId: string
  readonly seq: number
  /** The span that its deliveries belong to. */
  readonly span: SpanContext | null
}

/** When changes were committed and whose trace they are of, for a while: how long a change took to the sockets is told from it. */
export class Commits {
  readonly tracing: Tracing | null
  readonly measuring: Measuring
  // In two halves: the older one goes whole. Letting go the oldest of one map takes longer the more of them have gone.
  #young = new Map<Instant, Commit>()
  #old = new Map<Instant, Commit>()
  /** What was made or asked for last: a change is asked for by one socket after the other. */
  #last: Commit | undefined

  constructor(tracing: Tracing | null, measuring: Measuring) {
    this.tracing = tracing
    this.measuring = measuring
  }

  /** A change was committed now, or as another process says at `millis`. `parent`: the span of whoever did it. Whoever says so again says nothing new. */
  made(
    change: { readonly at: Instant; readonly restaurantId: string; readonly seq: number },
    parent: SpanContext | null = null,
    millis: number = wallMillis(),
  ): void {
    const { at, restaurantId, seq } = change
    if (this.#of(at)) return
    if (this.#young.size >= limits.commitsRemembered / 2) [this.#old, this.#young] = [this.#young, new Map()]
    this.#last = { at, millis, restaurantId, seq, span: this.#publish(parent, restaurantId, seq) }
    this.#young.set(at, this.#last)
  }

  /** The moment of a change's commit; its own time where that isn't known, which is that of its command's beginning. */
  millisOf(at: Instant): number {
    return this.#of(at)?.millis ?? Date.parse(at)
  }

  /** The span of a change, if there is one. */
  spanOf(at: Instant): SpanContext | null {
    return this.#of(at)?.span ?? null
  }

  /** Seconds from a change's commit to now. */
  secondsSince(at: Instant): number {
    return Math.max(0, (wallMillis() - this.millisOf(at)) / 1000)
  }

  /** Tells the trace of a change that it was given to the sockets of a kind. */
  traceDelivery(kind: string, at: Instant): void {
    if (!this.tracing) return
    const commit = this.#of(at)
    if (!commit?.span) return
    this.tracing.past(`deliver ${kind}`, commit.span, SpanKind.CONSUMER, this.secondsSince(at), {
      'qtable.socket.kind': kind,
      'qtable.restaurant_id': commit.restaurantId,
      'qtable.seq': commit.seq,
    })
  }

  #of(at: Instant): Commit | undefined {
    if (this.#last?.at === at) return this.#last
    const known = this.#young.get(at) ?? this.#old.get(at)
    if (known) this.#last = known
    return known
  }

  /** A span for the way of a change to the sockets of this process. */
  #publish(parent: SpanContext | null, restaurantId: string, seq: number): SpanContext | null {
    if (!this.tracing || !parent) return null
    const attributes = { 'qtable.restaurant_id': restaurantId, 'qtable.seq': seq }
    const kind = parent.isRemote ? SpanKind.CONSUMER : SpanKind.PRODUCER
    const span = this.tracing.begin(parent.isRemote ? 'hear change' : 'publish change', parent, kind, attributes)
    span.end()
    return span.spanContext()
  }
}
