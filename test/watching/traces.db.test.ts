import { context, propagation, trace } from '@opentelemetry/api'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTracing } from '../../src/platform/observability/tracing.ts'
import { SiblingTopics, type ParentLine } from '../../src/processes/sibling-topics.ts'
import { openDatabase, openDevice, request, startApp, type TestApp, type TestDatabase } from '../kit.ts'

/** Traces, collected as an operator's SDK does. */

const collected = new InMemorySpanExporter()
let database: TestDatabase
const apps: TestApp[] = []

beforeAll(async () => {
  database = await openDatabase()
})
afterAll(async () => {
  for (const app of apps) await app.close()
  await database.close()
  trace.disable()
  context.disable()
  propagation.disable()
})

/** The lines of two processes to one that carries what either says to the other. */
function lines(): [ParentLine, ParentLine] {
  const hearers: ((message: unknown) => void)[][] = [[], []]
  const line = (own: number): ParentLine => ({
    send: (message) => void setImmediate(() => hearers[1 - own]!.forEach((hear) => hear(structuredClone(message)))),
    onMessage: (hear) => void hearers[own]!.push(hear),
  })
  return [line(0), line(1)]
}

test('M5: without an SDK there are no spans', async () => {
  expect(openTracing()).toBeNull()
  const app = await startApp({}, { database })
  const r = await app.restaurant()
  await r.walkIn()
  expect(collected.getFinishedSpans()).toEqual([])
  await app.close()
})

test('M5: one trace from the tap to the delivery on every process', async () => {
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(collected)] }))
  const topics = lines().map((line) => new SiblingTopics(line))
  for (const each of topics) apps.push(await startApp({}, { database, topics: each }))
  const [first, second] = apps as [TestApp, TestApp]
  const r = await first.restaurant()
  const guest = await r.walkIn()
  const table = await r.table('1')
  const here = await r.device()
  const there = await openDevice(second.base, `/realtime?restaurant_id=${r.id}&token=${r.token}`)
  const [traceId, spanId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331']
  collected.reset()
  const answer = await request(
    first.base,
    'POST',
    `/v2/restaurants/${r.id}/guests/${guest}/seat`,
    { tableId: table },
    {
      authorization: `Bearer ${r.token}`,
      traceparent: `00-${traceId}-${spanId}-01`,
    },
  )
  expect(answer.status, answer.text).toBe(200)
  await Promise.all([here, there].map((device) => device.until((heard) => heard.length > 2)))
  const spans = () => collected.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId)
  const named = (name: string) => spans().filter((span) => span.name === name)
  while (named('deliver realtime').length < 2) await new Promise((resolve) => setImmediate(resolve))

  const parentOf = (span: ReadableSpan) =>
    spans().find((each) => each.spanContext().spanId === span.parentSpanContext?.spanId)?.name
  const [tap] = named('POST /v2/restaurants/:restaurantId/guests/:guestId/seat')
  expect(tap).toMatchObject({ parentSpanContext: { spanId }, attributes: { 'http.response.status_code': 200 } })
  const [command] = named('execute seat-guest')
  expect(parentOf(command!)).toBe(tap!.name)
  const { seq } = answer.body
  expect(command!.attributes).toMatchObject({ 'qtable.seq': seq, 'qtable.restaurant_id': r.id })
  for (const statement of ['SQL append-change', 'SQL commit', 'SQL begin'])
    expect(parentOf(named(statement)[0]!), statement).toBe(command!.name)
  expect(parentOf(named('publish change')[0]!)).toBe(command!.name)
  expect(parentOf(named('hear change')[0]!)).toBe('publish change')
  expect(
    named('deliver realtime')
      .map(parentOf)
      .toSorted((a, b) => String(a).localeCompare(String(b))),
  ).toEqual(['hear change', 'publish change'])
  for (const delivery of named('deliver realtime'))
    expect(delivery.attributes).toMatchObject({ 'qtable.seq': seq, 'qtable.restaurant_id': r.id })
  await Promise.all([here.close(), there.close()])
})

test('M5: a trace that its sender does not record is not recorded here', async () => {
  const [app] = apps as [TestApp]
  const r = await app.restaurant()
  collected.reset()
  const traceparent = '00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00'
  await r.v2('POST', '/guests', { firstName: 'Ada', partySize: 2 }, { traceparent })
  expect(collected.getFinishedSpans().filter((s) => s.spanContext().traceId.startsWith('1af'))).toEqual([])
})
