import { afterAll, beforeAll, expect, test } from 'vitest'
import { openLog, type ChangeLog } from '../../../test/change-log.ts'
import { openOldLogs } from '../../../test/old-logs.ts'
import { newOwner, openDatabase, type TestDatabase } from '../../../test/database.ts'
import { nouns } from '../../floor/nouns.ts'
import { addGuest } from '../../guests/add-guest.ts'
import { systemClock } from '../../platform/clock.ts'
import { newId } from '../../platform/ids.ts'
import { createLog } from '../../platform/observability/log.ts'
import { execute } from '../command/execute.ts'
import { Floor } from '../floor/floor.ts'
import { horizonAt, type FloorKind } from '../floor/live-floor.ts'
import { deltaSince } from '../log/delta.ts'
import { changesAfter, headOf, headsOf } from '../log/log.ts'
import { LOG_VERSION, upgrades } from '../log/upgrades.ts'
import { upgradeAllLogs, upgradeJob } from './upgrade-logs.ts'

/** How a program meets a log that a newer one has brought forward. What the newer one does is shown by test/process/upgrade. */

let database: TestDatabase
let newer: ChangeLog
const clock = systemClock()
const log = createLog('silent')
const outdated = { code: 'outdated', status: 503 }
beforeAll(async () => {
  database = await openDatabase(6)
  newer = await openLog(database)
  await newer.append({})
})
afterAll(() => database.close())

const bringForward = () =>
  database.sql('update qtable.heads set version = $2 where restaurant_id = $1', [newer.restaurantId, LOG_VERSION + 1])

test('L22: logs of this version stay as they are', async () => {
  const before = await database.sql('select * from qtable.heads order by restaurant_id')
  expect(before.every(({ version }) => version === LOG_VERSION)).toBe(true)
  expect(await upgradeAllLogs({ db: database.db, clock, log, kinds: nouns })).toEqual({ upgraded: 0, hasNewer: false })
  expect(await database.sql('select * from qtable.heads order by restaurant_id')).toEqual(before)
})

test('L22: a log from before a kind is told of its entities: a device that held none of them has the floor there is', async () => {
  // Its login is no superuser: row-level security holds back the owner of the tables too.
  const { db, sql, close } = await openOldLogs()
  const context = await newOwner(db)
  await newOwner(db)
  const { restaurantId, actor } = context
  await execute({ db, clock, newId, publish: () => undefined }, addGuest, context, { firstName: 'Ada', partySize: 2 })
  const horizon = horizonAt(clock.now(), 7)
  const read = (kinds: readonly FloorKind[]) =>
    db.snapshot({ restaurantId }, async (tx) => {
      const { epoch, seq, lastAt: at } = await headOf(tx, restaurantId)
      const lists = await Promise.all(
        kinds.map(async (each) =>
          (await each.read(tx, restaurantId, horizon)).map((value) => ({ kind: each.kind, value })),
        ),
      )
      return new Floor({ epoch, seq, at, horizon }, lists.flat())
    })
  const isNew = (kind: string) => upgrades.some((upgrade) => upgrade.isNew && upgrade.kind === kind)
  const device = await read(nouns.filter(({ kind }) => !isNew(kind)))
  await sql('update qtable.heads set version = 1 where restaurant_id = $1', [restaurantId])
  expect(await upgradeAllLogs({ db, clock, log, kinds: nouns })).toEqual({ upgraded: 1, hasNewer: false })
  const [upgrade] = await changesAfter(db, restaurantId, device.standing.seq)
  expect(upgrade).toMatchObject({ command: 'upgrade', upgrade: upgrades, seq: device.standing.seq + 1 })
  expect(upgrade!.entries).toContainEqual(expect.objectContaining({ op: 'put', kind: 'staff', id: actor.staffId }))
  device.apply(upgrade!)
  const now = await read(nouns)
  expect(device.hash).toBe(now.hash)
  expect(now.get(`staff ${actor.staffId}`)?.json).not.toMatch(/mail|hash|@/)
  // Nothing is left to do, and each log has its own people only.
  expect(upgrade!.entries.filter(({ kind }) => kind === 'staff')).toHaveLength(1)
  expect(await upgradeAllLogs({ db, clock, log, kinds: nouns })).toEqual({ upgraded: 0, hasNewer: false })
  await close()
})

test('L23: nothing is appended to a log of a newer version, and what a command wrote goes with it', async () => {
  const context = await newOwner(database.db)
  const command = {
    ...context,
    restaurantId: newer.restaurantId,
    actor: { staffId: newer.staffId, role: 'owner' as const },
  }
  const deps = { db: database.db, clock, newId, publish: () => undefined }
  await bringForward()
  await expect(execute(deps, addGuest, command, { firstName: 'Ada', partySize: 2 })).rejects.toMatchObject(outdated)
  expect(await database.sql('select 1 from qtable.guests where restaurant_id = $1', [newer.restaurantId])).toEqual([])
  const [{ changes } = {}] = await database.sql(
    'select count(*)::int as changes from qtable.changes where restaurant_id = $1',
    [newer.restaurantId],
  )
  expect(changes).toBe(1)
})

test('L23: nothing is read of a log of a newer version', async () => {
  const { db } = database
  const { restaurantId } = newer
  await bringForward()
  await expect(headsOf(db, [restaurantId])).rejects.toMatchObject(outdated)
  await expect(newer.since({})).rejects.toMatchObject(outdated)
  await database.sql('update qtable.changes set version = $2 where restaurant_id = $1', [restaurantId, LOG_VERSION + 1])
  await expect(changesAfter(db, restaurantId, 0)).rejects.toMatchObject(outdated)
  const delta = db.snapshot({ restaurantId }, (tx) =>
    deltaSince(tx, restaurantId, '2020-01-01T00:00:00.000000Z' as never, ['thing'], 10, async () => []),
  )
  await expect(delta).rejects.toMatchObject(outdated)
})

test('L23: a server notices that a newer one is at work', async () => {
  await bringForward()
  let left = 0
  const job = upgradeJob({ db: database.db, clock, log, kinds: nouns }, () => void left++)
  expect(await job.run(new AbortController().signal)).toEqual({ upgraded: 0, hasNewer: true })
  expect(left).toBe(1)
})
