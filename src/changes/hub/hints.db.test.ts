import { afterEach, beforeEach, expect, test } from 'vitest'
import { openLog, thing, type ChangeLog } from '../../../test/change-log.ts'
import type { TestDatabase } from '../../../test/database.ts'
import { type HeldReads, useHeldReads } from '../../../test/held-reads.ts'
import { newEpoch, newId } from '../../platform/ids.ts'
import { keyedHash } from '../../platform/keyed-hash.ts'
import { limits } from '../../platform/limits.ts'
import { createLog } from '../../platform/observability/log.ts'
import type { Topics } from '../../platform/redis.ts'
import { Commits } from '../commits.ts'
import { Hints } from './hints.ts'
import { Hub } from './hub.ts'
import type { Change } from '../log/log.ts'

/** Word of changes between two processes, over a Redis that the test is. */

const SECRET = 'a secret key for tests only, long enough'
const NEVER_MILLIS = 2_000_000_000

let database: TestDatabase
let db: HeldReads
let log: ChangeLog
let topic: string
let bus: Map<string, Set<(text: string) => void>>
let published: [string, string][]
let lines: string[]
let hubs: Hub[]
let heard: Change[]

useHeldReads(6, (a, b) => {
  database = a
  db = b
})
beforeEach(async () => {
  log = await openLog(database)
  topic = `qtable:changes:${log.restaurantId}`
  bus = new Map()
  published = []
  lines = []
  hubs = []
  heard = []
  db.asked.clear()
})
afterEach(() => {
  for (const hub of hubs) hub.close()
})

/** A connection to it. */
function connect(): Topics {
  const own = new Map<string, (text: string) => void>()
  return {
    publish(to, text) {
      published.push([to, text])
      for (const hear of bus.get(to) ?? []) hear(text)
    },
    subscribe(to, hear) {
      own.set(to, hear)
      bus.set(to, (bus.get(to) ?? new Set()).add(hear))
    },
    unsubscribe: (to) => void bus.get(to)?.delete(own.get(to)!),
    figures: { connected: true, topics: 0, published: 0, heard: 0, forgotten: 0 },
    close: async () => undefined,
  }
}
/** A process. */
function start(commits?: Commits, secretKey = SECRET) {
  const hub = new Hub(db, createLog('silent'), NEVER_MILLIS)
  hubs.push(hub)
  const said = createLog('warn', { write: (line) => void lines.push(line) })
  return { hub, hints: new Hints({ topics: connect(), hub, secretKey, log: said, ...(commits && { commits }) }) }
}
/** Two of them, the second with a listener. */
async function two(commits: Commits[] = []) {
  const [here, there] = [start(commits[0]), start(commits[1])]
  const stop = await there.hub.subscribe(log.restaurantId, (change) => void heard.push(change))
  return { here, there, stop }
}
const seal = (text: string, to = topic, key = SECRET) =>
  `${keyedHash(key, 'word of changes')(`${to}\n${text}`).subarray(0, 16).toString('base64url')} ${text}`
const say = (text: string) => {
  for (const hear of bus.get(topic) ?? []) hear(text)
}
const seqs = () => heard.map(({ seq }) => seq)
const reads = (name = 'read-changes') => db.asked.get(name) ?? 0

test('H1: a change is heard on another process whole, without the database, and on its own not again', async () => {
  const { here, there, stop } = await two()
  const own: number[] = []
  await here.hub.subscribe(log.restaurantId, ({ seq }) => void own.push(seq))
  const change = await log.append({ entries: [thing(newId(), 1, { note: 'é'.repeat(100) })] })
  here.hints.tell(change)
  expect([heard, own, reads()]).toEqual([[change], [], 0])
  expect(published.map(([to]) => to)).toEqual([topic])
  const [, , epoch, seq] = published[0]![1].split(' ')
  expect([epoch, seq]).toEqual([change.epoch, '1'])
  stop()
  expect([bus.get(topic)!.size, there.hub.figures.rooms]).toEqual([1, 0])
})

test('H1: a change that is too large is read from the log; one that just fits travels along', async () => {
  const { here } = await two()
  const of = (fill: number) => log.append({ entries: [thing(newId(), 1, { note: 'x'.repeat(fill) })] })
  const empty = await of(0)
  here.hints.tell(empty)
  const room = limits.hintCharacters - JSON.stringify(empty).length
  here.hints.tell(await of(room))
  expect([seqs(), reads()]).toEqual([[1, 2], 0])
  here.hints.tell(await of(room + 1))
  await expect.poll(seqs).toEqual([1, 2, 3])
  expect([reads(), published[2]![1].length < 200]).toEqual([1, true])
})

test('H6: what this SECRET_KEY did not seal, for this topic, is nothing; the log says so once in a while', async () => {
  const { there } = await two()
  const change = await log.append({})
  const text = `${newId()} ${change.epoch} 1 ${JSON.stringify(change)}`
  const mended = seal(text).replace('"test"', '"Eve"')
  const forged = [
    text,
    seal(text, topic, 'another secret key, also long enough'),
    seal(text, 'qtable:changes:another'),
    mended,
    `${'A'.repeat(22)} ${text}`,
    `x${seal(text)}`,
    seal(`${newId()} no-epoch 1 `),
    seal(`${newId()} ${change.epoch} many `),
    `${seal(text).slice(0, 21)} ${text}`,
    '',
  ]
  for (const each of forged) say(each)
  expect([heard, reads(), reads('read-heads'), lines.length]).toEqual([[], 0, 1, 1])
  expect(there.hints.refused).toBe(forged.length)
  say(seal(text))
  expect([heard, there.hints.refused]).toEqual([[change], forged.length])
})

test('H6: sealed word whose change is none, or another one, is word and no more: the log is asked', async () => {
  await two()
  const bodies: ((change: Change) => string)[] = [
    () => '',
    () => '{"no JSON',
    (change) => JSON.stringify({ ...change, restaurantId: newId() }),
    (change) => JSON.stringify({ ...change, epoch: newEpoch() }),
    (change) => JSON.stringify({ ...change, seq: change.seq + 1 }),
  ]
  const made: Change[] = []
  for (const body of bodies) {
    const change = await log.append({})
    made.push(change)
    say(seal(`${newId()} ${log.epoch} ${change.seq} ${body(change)}`))
    await expect.poll(() => heard).toEqual(made)
  }
  expect(reads()).toBe(bodies.length)
})

test('H6: word of another epoch is looked into, though not each time that it is said', async () => {
  const { there } = await two()
  await log.add(1)
  const asked = () => reads('read-heads') - 1
  const word = (epoch: string) => say(seal(`${newId()} ${epoch} 9 `))
  for (let n = 0; n < 5; n++) word(newEpoch())
  await expect.poll(asked).toBe(1)
  await new Promise((resolve) => setTimeout(resolve, limits.otherEpochMillis + 5))
  word(newEpoch())
  await expect.poll(asked).toBe(2)
  // Word of its own epoch waits for nothing.
  say(seal(`${newId()} ${log.epoch} 1 `))
  await expect.poll(seqs).toEqual([1])
  // Who listens anew is told at once.
  there.hints.unwatch(log.restaurantId)
  there.hints.watch(log.restaurantId)
  word(newEpoch())
  await expect.poll(asked).toBe(3)
})

test('H1, M3: the moment of a commit travels along, to the microsecond, and is known before the change is heard', async () => {
  const commits = [0, 1].map(() => new Commits(null, { isOn: true }))
  const { here, there } = await two(commits)
  const change = await log.append({})
  const millis = Date.now() - 5_000 + 0.123
  commits[0]!.made(change, null, millis)
  let known = 0
  await there.hub.subscribe(log.restaurantId, ({ at }) => (known = commits[1]!.millisOf(at)))
  here.hints.tell(change)
  expect([known, heard]).toEqual([Math.round(millis * 1000) / 1000, [change]])
  // A process that measures nothing says none, and hears what others say all the same.
  const plain = start()
  const next = await log.append({})
  plain.hints.tell(next)
  expect([heard.at(-1), published.at(-1)![1].includes('@')]).toEqual([next, false])
  expect(commits[1]!.millisOf(next.at)).toBe(Date.parse(next.at))
})
