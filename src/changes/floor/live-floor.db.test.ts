import { afterEach, beforeEach, expect, test } from 'vitest'
import { openLog } from '../../../test/change-log.ts'
import { newOwner, type TestDatabase } from '../../../test/database.ts'
import { type HeldReads, useHeldReads } from '../../../test/held-reads.ts'
import { addGuest } from '../../guests/add-guest.ts'
import { guestsOnFloor } from '../../guests/guests.ts'
import { plusMillis, systemClock, type Instant } from '../../platform/clock.ts'
import { newEpoch, newId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import { createLog } from '../../platform/observability/log.ts'
import type { ChangeDeps, Context } from '../command/command.ts'
import { execute } from '../command/execute.ts'
import { Hub } from '../hub/hub.ts'
import { changeText, horizonAt, LiveFloor, type FloorKind } from './live-floor.ts'
import { LiveFloors } from './live-floors.ts'
import type { Change } from '../log/log.ts'

/** A floor in memory that follows its log, and whom it brings up. */

const NEVER_MILLIS = 2_000_000_000
const log = createLog('silent')
let database: TestDatabase
let db: HeldReads
let deps: ChangeDeps
let context: Context
let hub: Hub
let made: Change[]
let asked: Map<string, number>
/** What the reading of the floor waits for, and whether it fails. */
let gate: Promise<void>
let failing: boolean
let reading: number

useHeldReads(6, (a, b) => {
  database = a
  db = b
  deps = { db: database.db, clock: systemClock(), newId, publish: (change) => void made.push(change) }
})
beforeEach(async () => {
  context = await newOwner(database.db)
  hub = new Hub(db, log, NEVER_MILLIS)
  made = []
  gate = Promise.resolve()
  failing = false
  reading = 0
  asked = new Map()
  const ignore = () => undefined
  const count = (name: string) => void asked.set(name, (asked.get(name) ?? 0) + 1)
  db.observe({ statement: count, transaction: ignore, waited: ignore, gaveUp: ignore, reached: ignore })
})
afterEach(() => {
  db.letAll()
  hub.close()
})

const guests: FloorKind = {
  kind: 'guest',
  async read(tx, restaurantId, horizon) {
    reading++
    const values = await guestsOnFloor.read(tx, restaurantId, horizon)
    await gate
    if (failing) throw new Error('planted: the floor cannot be read')
    return values
  },
}
const floorDeps = () => ({ db, hub, clock: systemClock(), log, kinds: [guests], historyDays: 7 })
const newFloor = (onLost: (live: LiveFloor) => void = () => undefined) =>
  new LiveFloor(context.restaurantId, floorDeps(), onLost)
/** Guests who came, published or not. */
async function join(count = 1, publishes = true): Promise<Change[]> {
  const before = made.length
  for (let n = 0; n < count; n++) await execute(deps, addGuest, context, { firstName: 'Ada', partySize: 2 })
  const own = made.slice(before)
  if (publishes) for (const change of own) hub.publish(change)
  return own
}
const pages = () => asked.get('changes-page') ?? 0
const renew = () =>
  database.sql<{ epoch: string }>(
    'update qtable.heads set epoch = gen_random_uuid() where restaurant_id = $1 returning epoch',
    [context.restaurantId],
  )
const seqs = (found: readonly { seq: number }[] | null) => found?.map(({ seq }) => seq) ?? null
function watching(live: LiveFloor) {
  const heard: (string | [Change, string])[] = []
  const stop = live.watch({
    onChange: (change, text) => void heard.push([change, text]),
    onReset: () => void heard.push(`anew at ${live.floor.standing.seq}`),
    onLost: () => void heard.push(`lost, ${live.isLost}`),
  })
  return { heard, stop }
}

test('F1: a floor follows its log, and tells whoever watches of each change, until they stop or it does', async () => {
  await join()
  const live = newFloor()
  expect([live.isSettled, live.watchers]).toEqual([false, 0])
  await live.open()
  expect([live.isSettled, live.isLost, live.floor.size, live.floor.standing.seq]).toEqual([true, false, 1, 1])
  const [one, two] = [watching(live), watching(live)]
  expect(live.watchers).toBe(2)
  const [change] = await join()
  expect(live.floor.size).toBe(2)
  expect(one.heard).toEqual([[change, changeText(change!)]])
  one.stop()
  const [next] = await join()
  expect([one.heard.length, two.heard.length, live.watchers]).toEqual([1, 2, 1])
  const { restaurantId: _, ...told } = next!
  expect(JSON.parse(changeText(next!))).toEqual(told)
  live.close()
  await join()
  expect([two.heard.length, live.watchers, live.floor.size, hub.figures.rooms]).toEqual([2, 0, 3, 0])
})

test('L19: what is as it was is no word on the stream', () => {
  const entry = { op: 'put' as const, kind: 'guest', id: 'a', event: 'edited', version: 1, value: {} }
  const base = {
    restaurantId: 'r',
    epoch: 'e',
    seq: 1,
    at: '' as Instant,
    command: 'c',
    mutationId: null,
    actorId: null,
  }
  const text = changeText({ ...base, device: null, entries: [{ ...entry, unchanged: true }, entry] })
  expect((JSON.parse(text) as Change).entries).toEqual([entry])
})

test('F1: what is delivered while a floor is read is on it, once', async () => {
  db.hold('read-heads')
  let open: () => void = () => undefined
  gate = new Promise((resolve) => (open = resolve))
  const live = newFloor()
  const opening = live.open()
  await expect.poll(() => db.held).toBe(1)
  // Delivered first, then found when the floor is read.
  await join()
  db.letAll()
  await expect.poll(() => reading).toBe(1)
  const [late] = await join()
  const { heard } = watching(live)
  expect(live.isSettled).toBe(false)
  open()
  await opening
  expect([live.floor.standing.seq, live.floor.size]).toEqual([2, 2])
  expect(heard).toEqual([[late, changeText(late!)]])
  expect(seqs(live.after(1))).toEqual([2])
  live.close()
})

test('F1: a floor that is closed while it begins listens to nothing', async () => {
  db.hold('read-heads')
  const live = newFloor()
  const opening = live.open()
  await expect.poll(() => db.held).toBe(1)
  live.close()
  db.letAll()
  await opening
  expect([hub.figures.rooms, reading, live.isSettled]).toEqual([0, 0, false])
})

test('F1, D1: what ended before the horizon of a change is let go with it', async () => {
  const live = newFloor()
  await live.open()
  const { horizon } = live.floor.standing
  const at = plusMillis(systemClock().now(), 3 * 3_600_000)
  const base = { restaurantId: context.restaurantId, epoch: live.floor.standing.epoch, command: 'c', mutationId: null }
  const rest = { actorId: null, device: null }
  const ended = { id: newId(), version: 1, endedAt: plusMillis(horizon, 1_000) }
  const entry = { op: 'put' as const, kind: 'guest', id: ended.id, event: 'created', version: 1, value: ended }
  hub.publish({ ...base, ...rest, seq: 1, at: systemClock().now(), entries: [entry] })
  expect(live.floor.size).toBe(1)
  hub.publish({ ...base, ...rest, seq: 2, at, entries: [] })
  expect([live.floor.size, live.floor.standing.horizon]).toEqual([0, horizonAt(at, 7)])
  live.close()
})

test('F1, F2: what memory tells of a place is told without the log: it goes on, is of another epoch, or has diverged', async () => {
  await join()
  const live = newFloor()
  await live.open()
  const changes = await join(3)
  const { epoch, at } = live.floor.standing
  expect([4, 3, 1, 5].map((since) => seqs(live.after(since)))).toEqual([[], [4], [2, 3, 4], null])
  expect([live.timeOf(4), live.timeOf(2), live.timeOf(1), live.timeOf(9)]).toEqual([at, changes[0]!.at, null, null])
  const reason = (since: number, time?: Instant, of = epoch) => live.reasonAgainst({ epoch: of, since, at: time })
  const other = plusMillis(at, 1)
  expect(await Promise.all([reason(4), reason(4, at), reason(3), reason(3, changes[1]!.at), reason(1)])).toEqual(
    Array.from({ length: 5 }, () => null),
  )
  expect(
    await Promise.all([reason(4, other), reason(3, other), reason(3, other, newEpoch()), reason(1, at, '')]),
  ).toEqual(['diverged', 'diverged', 'epoch', 'epoch'])
  expect(pages()).toBe(0)
  live.close()
})

test('F1, F7: a place that memory does not know is looked up once for all who stand near it, and kept', async () => {
  const [first, ...older] = await join(5, false)
  const live = newFloor()
  await live.open()
  const { epoch } = live.floor.standing
  expect(live.after(1)).toBeNull()
  const places = Array.from({ length: 20 }, (_, n) => ({
    epoch,
    since: 1 + (n % 3),
    at: older[(n % 3) - 1]?.at ?? first!.at,
  }))
  expect(await Promise.all(places.map((place) => live.reasonAgainst(place)))).toEqual(places.map(() => null))
  expect([pages(), seqs(live.after(1)), live.timeOf(1)]).toEqual([1, [2, 3, 4, 5], first!.at])
  // Further back it is looked up again, and only once.
  expect(await live.reasonAgainst({ epoch, since: 0 })).toBeNull()
  expect([pages(), seqs(live.after(0))]).toEqual([2, [1, 2, 3, 4, 5]])
  expect(await live.reasonAgainst({ epoch, since: 0 })).toBeNull()
  expect(await live.reasonAgainst({ epoch, since: 1, at: plusMillis(first!.at, 1) })).toBe('diverged')
  expect(pages()).toBe(2)
  live.close()
})

test('F1, F2: what the log says against a place is told to who stands there, and a log that cannot be read to nobody else', async () => {
  const [first] = await join(3, false)
  const live = newFloor()
  await live.open()
  const { epoch } = live.floor.standing
  const wrong = { epoch, since: 1, at: plusMillis(first!.at, 1) }
  expect(await live.reasonAgainst(wrong)).toBe('diverged')
  await database.sql('update qtable.heads set floor = 2 where restaurant_id = $1', [context.restaurantId])
  expect(await live.reasonAgainst({ epoch, since: 1 })).toBe('floor')
  await database.sql('update qtable.heads set floor = 0 where restaurant_id = $1', [context.restaurantId])
  // What no database can be asked fails for who asked it.
  const asking = [live.reasonAgainst({ epoch, since: 0.5 }), live.reasonAgainst({ epoch, since: 1 })]
  const [one, other] = await Promise.allSettled(asking)
  expect([one!.status, other]).toEqual(['rejected', { status: 'fulfilled', value: null }])
  live.close()
})

test('F7: whoever missed more than is read at once is looked up with one change, and memory keeps none of it', async () => {
  const long = await openLog(database)
  const last = (await long.fill(limits.changesPerRead + 1)).at(-1)!
  const live = new LiveFloor(long.restaurantId, floorDeps(), () => undefined)
  await live.open()
  const { epoch } = live.floor.standing
  expect(await live.reasonAgainst({ epoch, since: 0 })).toBeNull()
  expect(live.after(last.seq - 1)).toBeNull()
  expect(await live.reasonAgainst({ epoch, since: 1 })).toBeNull()
  expect(live.after(1)).toHaveLength(limits.changesPerRead)
  live.close()
})

test('F2: of a log that has begun anew the new floor is read before anybody is told of it', async () => {
  await join(2)
  const live = newFloor()
  await live.open()
  const { heard } = watching(live)
  const { epoch: old } = live.floor.standing
  const [{ epoch }] = (await renew()) as [{ epoch: string }]
  const found = await live.readLog({ epoch: old, since: 2 }, 1)
  expect(found).toMatchObject({ kind: 'resync', reason: 'epoch', epoch })
  expect([live.floor.standing.epoch, heard, live.after(1)]).toEqual([epoch, ['anew at 2'], null])
  // A place in an epoch that nobody knows is no reason to read anything anew.
  const asked1 = asked.get('read-heads')
  expect(await live.readLog({ epoch: old, since: 2 }, 1)).toMatchObject({ kind: 'resync' })
  expect(await live.readLog({ epoch, since: 2 }, 1)).toMatchObject({ kind: 'changes', head: 2 })
  expect(asked.get('read-heads')).toBe(asked1)
  live.close()
})

test('F2: a floor that cannot be read anew is lost: those who watch are told, and whoever comes gets another', async () => {
  await join()
  const floors = new LiveFloors(floorDeps())
  const { restaurantId } = context
  expect([floors.has(restaurantId), floors.now(restaurantId)]).toEqual([false, null])
  const { live, release } = await floors.hold(restaurantId)
  expect([floors.has(restaurantId), floors.now(restaurantId)]).toEqual([true, live])
  const { heard } = watching(live)
  failing = true
  await renew()
  await hub.poll()
  await live.settled
  expect([heard, live.isLost, live.isSettled]).toEqual([['lost, true'], true, false])
  expect([floors.has(restaurantId), live.watchers]).toEqual([false, 0])
  await expect(floors.hold(restaurantId)).rejects.toThrow('planted')
  expect([floors.has(restaurantId), hub.figures.rooms]).toEqual([false, 0])
  failing = false
  const again = await floors.hold(restaurantId)
  expect([again.live === live, again.live.floor.size]).toEqual([false, 1])
  release()
  again.release()
  floors.close()
})
