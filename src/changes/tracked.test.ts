import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { afterAll, expect, test } from 'vitest'
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base'
import { instantOfMicros } from '../platform/clock.ts'
import { Db } from '../platform/database/db.ts'
import { Tracing } from '../platform/observability/tracing.ts'
import { Trail } from '../platform/observability/request-trail.ts'
import { Commits } from './commits.ts'
import type { Change } from './log/log.ts'
import { tracked } from './tracked.ts'

/** What a request works with. */

// Nobody is asked: it opens no connection before it is.
const db = new Db({ url: 'postgres://nobody@127.0.0.1:1/none', poolSize: 1 })
afterAll(() => db.close())
const change: Change = {
  restaurantId: 'r',
  epoch: 'e',
  seq: 7,
  at: instantOfMicros(7),
  command: 'c',
  mutationId: null,
  actorId: null,
  device: null,
  entries: [],
}
const response = () => new ServerResponse(new IncomingMessage(new Socket()))

test('M4, M5: the change of a request is noted on its trail, and its trace known, before anybody hears of it', () => {
  const tracing = new Tracing(new BasicTracerProvider().getTracer('test'))
  for (const trail of [new Trail(tracing, 'POST', {}), new Trail(null, 'POST', {})]) {
    const commits = new Commits(tracing, { isOn: true })
    const heard: unknown[] = []
    const publish = ({ at }: Change) => void heard.push([trail.seq, commits.spanOf(at)?.traceId ?? null])
    const deps = tracked({ db, publish, commits, other: 1 }, trail, response())
    expect([deps.trail, deps.other]).toEqual([trail, 1])
    deps.publish(change)
    expect(heard).toEqual([[7, trail.traceId]])
  }
  const trail = new Trail(null, 'POST', {})
  const heard: Change[] = []
  tracked({ db, publish: (each: Change) => void heard.push(each) }, trail, response()).publish(change)
  expect([trail.seq, heard]).toEqual([7, [change]])
})

test('P17: a request whose client is gone takes no connection', async () => {
  const gone = response()
  gone.destroy()
  const { db: of } = tracked({ db, publish: () => undefined }, new Trail(null, 'GET', {}), gone)
  const ask = (from: Db) => from.snapshot({ restaurantId: '' }, async () => 1)
  await expect(ask(of)).rejects.toThrow('waits for the answer')
  await expect(
    ask(tracked({ db, publish: () => undefined }, new Trail(null, 'GET', {}), response()).db),
  ).rejects.toThrow("can't be reached")
})
