import { SpanKind, trace } from '@opentelemetry/api'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { expect, test } from 'vitest'
import { instantOfMicros, wallMillis } from '../platform/clock.ts'
import { limits } from '../platform/limits.ts'
import { readTraceparent, Tracing } from '../platform/observability/tracing.ts'
import { Commits } from './commits.ts'

/** When changes were committed, and whose trace they are of. */

const NOON = Date.parse('2026-11-24T12:00:00Z')
const change = (seq: number) => ({ at: instantOfMicros(NOON * 1000 + seq), restaurantId: 'r', seq })
const measuring = { isOn: true }

test('M3: the moment of a commit is what was said first; where nobody said any it is the time of the change', () => {
  const commits = new Commits(null, measuring)
  expect(commits.measuring).toBe(measuring)
  const before = wallMillis()
  commits.made(change(1))
  commits.made(change(2), null, 5_000)
  commits.made(change(2), null, 6_000)
  const now = commits.millisOf(change(1).at)
  expect(now).toBeGreaterThanOrEqual(before)
  expect(now).toBeLessThanOrEqual(wallMillis())
  expect([commits.millisOf(change(2).at), commits.millisOf(change(3).at)]).toEqual([5_000, NOON])
  commits.made(change(1), null, 7_000)
  expect(commits.millisOf(change(1).at)).toBe(now)
  expect([commits.tracing, commits.spanOf(change(1).at), commits.spanOf(change(3).at)]).toEqual([null, null, null])
})

test('M3: how long a change took is told in seconds, and never below none', () => {
  const commits = new Commits(null, measuring)
  commits.made(change(1), null, wallMillis() - 3_000)
  const seconds = commits.secondsSince(change(1).at)
  expect(seconds).toBeGreaterThanOrEqual(3)
  expect(seconds).toBeLessThan(60)
  commits.made(change(2), null, wallMillis() + 60_000)
  expect(commits.secondsSince(change(2).at)).toBe(0)
})

test('M3: as many commits are remembered as the limit says, at most, and half of them at least', () => {
  const commits = new Commits(null, measuring)
  const all = limits.commitsRemembered + 1
  for (let seq = 1; seq <= all; seq++) commits.made(change(seq), null, seq)
  const isKnown = (seq: number) => commits.millisOf(change(seq).at) === seq
  const half = limits.commitsRemembered / 2
  expect([1, half, half + 1, all].map(isKnown)).toEqual([false, false, true, true])
})

test('M5: what a change did on its way to the sockets is told under the request that made it, here and elsewhere', () => {
  const collected = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(collected)] })
  const commits = new Commits(new Tracing(provider.getTracer('test')), measuring)
  const remote = readTraceparent('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')!
  commits.made(change(1), { ...remote, isRemote: false })
  commits.made(change(2), remote)
  commits.made(change(3))
  commits.traceDelivery('stream', change(1).at)
  for (const seq of [3, 4]) commits.traceDelivery('stream', change(seq).at)
  const [published, heard, delivered, ...more] = collected.getFinishedSpans()
  expect(more).toEqual([])
  expect(published).toMatchObject({
    name: 'publish change',
    kind: SpanKind.PRODUCER,
    attributes: { 'qtable.restaurant_id': 'r', 'qtable.seq': 1 },
  })
  expect(heard).toMatchObject({ name: 'hear change', kind: SpanKind.CONSUMER, attributes: { 'qtable.seq': 2 } })
  expect(commits.spanOf(change(1).at)).toEqual(published!.spanContext())
  expect(commits.spanOf(change(3).at)).toBeNull()
  expect(delivered).toMatchObject({
    name: 'deliver stream',
    kind: SpanKind.CONSUMER,
    attributes: { 'qtable.socket.kind': 'stream', 'qtable.restaurant_id': 'r', 'qtable.seq': 1 },
    parentSpanContext: { spanId: published!.spanContext().spanId },
  })
  expect(trace.getActiveSpan()).toBeUndefined()
  new Commits(null, measuring).traceDelivery('stream', change(1).at)
})
