import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { HeldReads } from '../../../test/held-reads.ts'
import { openDatabase, type TestDatabase } from '../../../test/kit.ts'
import { openParts, type House, type Parts } from '../../../test/parts.ts'
import type { Frame } from '../../sockets/ws-frame.ts'
import { Outbox } from '../../sockets/outbox.ts'
import { unobserved } from '../../sockets/socket-observer.ts'
import { limits } from '../../platform/limits.ts'
import { StreamRoom, type Follower } from './stream-room.ts'
import { upTo } from '../../../test/patience.ts'

/** What a room tells those in it, and when it lets its floor go. */

vi.setConfig({ testTimeout: upTo(5_000) })

let database: TestDatabase
let db: HeldReads
let parts: Parts
let house: House
let room: StreamRoom
let emptied: number
let delivered: string[]
let random: number

beforeAll(async () => {
  database = await openDatabase(5)
  db = new HeldReads({ url: database.url, poolSize: 5 })
  parts = openParts(db)
})
afterAll(async () => {
  parts.close()
  await db.close()
  await database.close()
})
afterEach(() => room.close())
beforeEach(async () => {
  house = await parts.house()
  emptied = 0
  delivered = []
  // So late that no heartbeat comes of itself.
  random = 1_000
  const outbox = new Outbox('stream', { ...unobserved, delivered: (kind, at) => void delivered.push(`${kind} ${at}`) })
  const deps = { floors: parts.floors, clock: parts.clock, random: () => random, outbox }
  room = new StreamRoom(house.id, deps, () => void emptied++)
})

/** What a frame says: its text stands behind its length. */
function textOf({ bytes }: Frame): string {
  const length = bytes[1]!
  return bytes.toString('utf8', length < 126 ? 2 : length === 126 ? 4 : 10)
}

/** Somebody in the room: what they are told, in order. */
class Heard implements Follower {
  readonly all: string[] = []
  tell(seq: number, frame: Frame): void {
    const changes = JSON.parse(textOf(frame)).changes as { seq: number; entries: object[] }[]
    const isIt = changes.length === 1 && changes[0]!.seq === seq && changes[0]!.entries.length === 1
    this.all.push(isIt ? `${seq}` : textOf(frame))
  }
  send(frame: string | Frame): void {
    this.all.push(typeof frame === 'string' ? frame : textOf(frame))
  }
  beginAnew(): void {
    this.all.push('anew')
  }
  lost(): void {
    this.all.push('lost')
  }
  beats(): object[] {
    return this.all.filter((text) => text.startsWith('{')).map((text) => JSON.parse(text) as object)
  }
}

/** Somebody who has come in and hears. */
async function follower(): Promise<Heard> {
  const heard = new Heard()
  await room.enter(heard)
  room.follow(heard)
  return heard
}
const idle = () => parts.floors.figures.floors - parts.floors.figures.idle
const write = () => parts.addTable(house)

test('F1: who follows hears every change once, who has only come in or pauses hears none', async () => {
  const [early, late] = [new Heard(), new Heard()]
  const live = await room.enter(early)
  await room.enter(late)
  expect([room.size, live.floor.standing.seq]).toEqual([2, 0])
  expect(() => room.follow(new Heard())).toThrow('enters before it follows')
  await write()
  // What nobody heard was delivered to nobody.
  await new Promise((resolve) => setImmediate(resolve))
  expect(delivered).toEqual([])
  room.follow(early)
  await write()
  room.follow(late)
  await write()
  room.pause(early)
  await write()
  room.follow(early)
  await write()
  expect([early.all, late.all]).toEqual([
    ['2', '3', '5'],
    ['3', '4', '5'],
  ])
  await expect.poll(() => delivered.length).toBe(4)
  expect(delivered.at(-1)).toBe(`stream ${live.floor.standing.at}`)
  expect(room.size).toBe(2)
})

test('W9: the last one who leaves closes the room, and its floor is let go; nobody before does', async () => {
  const [first, second] = [await follower(), await follower()]
  const { live, release } = await parts.floors.hold(house.id)
  room.leave(first)
  await write()
  expect([first.all, second.all, room.size, emptied, live.watchers]).toEqual([[], ['1'], 1, 0, 1])
  room.leave(second)
  expect([room.size, emptied, live.watchers]).toEqual([0, 1, 0])
  await write()
  expect(second.all).toEqual(['1'])
  release()
  await expect.poll(idle).toBe(0)
  // And nothing is missing for whoever comes after.
  const again = await follower()
  await write()
  expect(again.all).toEqual(['3'])
  room.leave(again)
  await expect.poll(idle).toBe(0)
})

test('W9: who leaves before the floor is read leaves nothing behind, and neither does a room that nobody entered', async () => {
  const heard = new Heard()
  const entering = room.enter(heard)
  room.leave(heard)
  const live = await entering
  expect([live.watchers, emptied, room.size]).toEqual([0, 1, 0])
  await expect.poll(idle).toBe(0)
  room.close()
  expect(emptied).toBe(2)
})

test('F1, W9: where the floor cannot be read nobody comes in, and the next one does', async () => {
  const heard = new Heard()
  db.fail()
  await expect(room.enter(heard)).rejects.toThrow('planted')
  expect([room.size, emptied]).toEqual([0, 1])
  const next = await follower()
  await write()
  expect([next.all, heard.all]).toEqual([['1'], []])
  room.leave(next)
})

test('W9: a room takes as many as the limit says', async () => {
  const all = Array.from({ length: limits.socketsPerRestaurant }, () => new Heard())
  for (const each of all.slice(1)) await room.enter(each)
  expect(room.isFull).toBe(false)
  await room.enter(all[0]!)
  expect(room.isFull).toBe(true)
  room.leave(all[0]!)
  expect(room.isFull).toBe(false)
})

test('F3: a heartbeat tells those who follow where the floor stands, first at a moment of its own and then at the interval', async () => {
  random = 0.5
  // Before there is a floor there is nothing to tell.
  room.beat(limits.streamBeatMillis)
  room.beat(limits.streamBeatMillis)
  const [heard, behind] = [await follower(), new Heard()]
  const live = await room.enter(behind)
  await write()
  const before = parts.clock.now()
  room.beat()
  room.beat(limits.streamBeatMillis / 4)
  expect(heard.beats()).toEqual([])
  room.beat(limits.streamBeatMillis / 2)
  const { epoch, horizon } = live.floor.standing
  const beat = { type: 'heartbeat', epoch, head: 1, at: expect.any(String), horizon, hash: live.floor.hash }
  expect(heard.beats()).toEqual([beat])
  expect((heard.beats()[0] as { at: string }).at > before).toBe(true)
  room.beat((3 * limits.streamBeatMillis) / 4)
  expect(heard.beats()).toHaveLength(1)
  room.beat(limits.streamBeatMillis)
  expect(heard.beats()).toHaveLength(2)
  expect(behind.all).toEqual([])
})

test('F3: a heartbeat that is due within a second follows the change in the same turn, so in one write; one that is not due does not', async () => {
  /** Marks where the turn of a change ends. What is sent within one turn is one write (W10). */
  class Turns extends Heard {
    override tell(seq: number, frame: Frame): void {
      super.tell(seq, frame)
      queueMicrotask(() => this.all.push('end of turn'))
    }
  }
  for (const [each, beats] of [
    [1_000, []],
    [0.1, [expect.stringContaining('"heartbeat"')]],
  ] as const) {
    random = each
    const heard = new Turns()
    await room.enter(heard)
    room.follow(heard)
    room.beat()
    await write()
    expect(heard.all).toEqual([expect.stringMatching(/^\d+$/), ...beats, 'end of turn'])
    room.leave(heard)
    room = new StreamRoom(house.id, { ...parts, random: () => random, outbox: new Outbox('stream') }, () => undefined)
  }
})

test('F2: when the log begins anew all who are there begin anew, and hear nothing until they follow again', async () => {
  const [heard, behind] = [await follower(), new Heard()]
  const live = await room.enter(behind)
  const frame = room.catchUp.snapshot(live.floor)
  await database.sql('update qtable.heads set epoch = gen_random_uuid() where restaurant_id = $1', [house.id])
  await parts.hub.poll()
  await live.settled
  expect([heard.all, behind.all]).toEqual([['anew'], ['anew']])
  expect(room.catchUp.snapshot(live.floor)).not.toBe(frame)
  await write()
  expect(heard.all).toEqual(['anew'])
  room.follow(heard)
  await write()
  expect([heard.all, behind.all]).toEqual([['anew', '2'], ['anew']])
})

test('F2: when the floor can no longer be read all who are there are told that it is lost', async () => {
  const [heard, behind] = [await follower(), new Heard()]
  await room.enter(behind)
  await database.sql('update qtable.heads set epoch = gen_random_uuid() where restaurant_id = $1', [house.id])
  await database.sql('revoke select on qtable.tables from qtable_app')
  await parts.hub.poll()
  await expect.poll(() => [heard.all, behind.all]).toEqual([['lost'], ['lost']])
  await database.sql('grant select on qtable.tables to qtable_app')
})

test('F7: what was written for those who are brought up is kept while anybody is behind, and for one more look', async () => {
  const heard = await follower()
  const { live, release } = await parts.floors.hold(house.id)
  const snapshot = () => room.catchUp.snapshot(live.floor)
  const keptFor = (looks: number): boolean => {
    const frame = snapshot()
    for (let n = 0; n < looks; n++) room.tidy()
    return snapshot() === frame
  }
  expect([keptFor(1), keptFor(1)]).toEqual([true, false])
  room.pause(heard)
  room.follow(heard)
  expect([keptFor(1), keptFor(1)]).toEqual([true, false])
  room.pause(heard)
  expect(keptFor(5)).toBe(true)
  room.follow(heard)
  expect([keptFor(1), keptFor(1)]).toEqual([true, false])
  room.onReset()
  room.follow(heard)
  expect([keptFor(1), keptFor(1)]).toEqual([true, false])
  const other = await follower()
  expect([keptFor(1), keptFor(1)]).toEqual([true, false])
  room.leave(other)
  release()
})

test('F1, F7: the pages of the log are read in the epoch of the floor', async () => {
  for (let n = 0; n < 3; n++) await write()
  await follower()
  const page = await room.catchUp.page(1)
  expect(page).toMatchObject({ kind: 'steps', steps: [{ last: 3 }] })
  const [{ frame }] = (page as unknown as { steps: [{ frame: Frame }] }).steps
  expect(JSON.parse(textOf(frame)).changes.map(({ seq }: { seq: number }) => seq)).toEqual([2, 3])
})
