import { ServerResponse, IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import v8 from 'node:v8'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type Restaurant, type TestApp } from '../../../test/kit.ts'
import { Trail } from '../../platform/observability/request-trail.ts'
import type { Change } from '../log/log.ts'
import { tracked } from '../tracked.ts'

/**
 * What is made for each command has the same hidden class each time. V8 (of Node 20) makes a new one for each object that is spread and then given a property more: 3 µs, half a kilobyte that only a
 * collection of the old generation frees, and no inline cache that ever hits for whoever reads the object.
 */

v8.setFlagsFromString('--allow-natives-syntax')
// oxlint-disable-next-line no-new-func, no-implied-eval -- the syntax of natives is none of TypeScript's
const haveSameMap = new Function('a', 'b', 'return %HaveSameMap(a, b)') as (a: object, b: object) => boolean

let app: TestApp
let r: Restaurant
beforeAll(async () => {
  app = await startApp()
  r = await app.restaurant()
})
afterAll(() => app.close())

/** V8 does so once it has seen a place a few times. */
const TIMES = 30

test('changes of one command have one hidden class, and so have the things they hold', async () => {
  const heard: Change[] = []
  const stop = await app.app.hub.subscribe(r.id, (change) => void heard.push(change))
  for (let n = 0; n < TIMES; n++) await r.walkIn(`Guest ${n}`)
  stop()
  expect(heard).toHaveLength(TIMES)
  const values = heard.map(({ entries }) => (entries[0] as { value: object }).value)
  for (const each of [heard, values]) expect(haveSameMap(each.at(-1)!, each.at(-2)!)).toBe(true)
})

test('what requests work with has one hidden class', () => {
  const deps = { db: app.database.db, publish: () => undefined, other: 1 }
  const response = new ServerResponse(new IncomingMessage(new Socket()))
  const made = Array.from({ length: TIMES }, () => tracked(deps, new Trail(null, 'POST', {}), response))
  expect(haveSameMap(made.at(-1)!, made.at(-2)!)).toBe(true)
})
