import { SpanKind } from '@opentelemetry/api'
import { wallMillis, type Instant } from '../platform/clock.ts'
import { limits } from '../platform/limits.ts'
import type { Measuring } from '../platform/observability/measuring.ts'
import type { SpanContext, Tracing } from '../platform/observability/tracing.ts'

/** What is remembered of a change after its commit, by its time, which is unique. */
interface Commit {
  readonly at: Instant
  /** The time of the commit, in milliseconds since 1970. */
  readonly millis: number
  readonly restaurantId: string
  readonly seq: number
  /** The parent span of its deliveries. */
  readonly span: SpanContext | null
}

/**
 * Remembers for a while when changes were committed and to which trace they belong. The time from a commit to the
 * sockets is measured with it.
 */
export class Commits {
  readonly tracing: Tracing | null
  readonly measuring: Measuring
  // In two halves, and the older half is dropped as a whole. Removing the oldest entry of one map takes longer the
  // more of them have gone.
  #young = new Map<Instant, Commit>()
  #old = new Map<Instant, Commit>()
  /** The latest entry made or requested: one socket after the other requests the same change. */
  #last: Commit | undefined

  constructor(tracing: Tracing | null, measuring: Measuring) {
    this.tracing = tracing
    this.measuring = measuring
  }

  /**
   * Notes that a change was committed now, or at `millis` according to another process. `parent`: the span of its
   * command. A repeat adds nothing.
   */
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

  /** The time of a change's commit. If it is unknown, the change's own time, which is the start of its command. */
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

  /** Notes in the trace of a change that the sockets of a kind have received it. */
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

  /** A span for the delivery of a change to the sockets of this process. */
  #publish(parent: SpanContext | null, restaurantId: string, seq: number): SpanContext | null {
    if (!this.tracing || !parent) return null
    const attributes = { 'qtable.restaurant_id': restaurantId, 'qtable.seq': seq }
    const kind = parent.isRemote ? SpanKind.CONSUMER : SpanKind.PRODUCER
    const span = this.tracing.begin(parent.isRemote ? 'hear change' : 'publish change', parent, kind, attributes)
    span.end()
    return span.spanContext()
  }
}
