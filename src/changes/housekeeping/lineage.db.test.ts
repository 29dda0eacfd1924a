import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, inject, test } from 'vitest'
import { openDatabase, type TestDatabase } from '../../../test/database.ts'
import { asLogin, databaseIn } from '../../../test/postgres.ts'
import { registerRestaurant } from '../../staff/register-restaurant.ts'
import { Db } from '../../platform/database/db.ts'
import { createLog } from '../../platform/observability/log.ts'
import { newId } from '../../platform/ids.ts'
import { systemClock } from '../../platform/clock.ts'
import type { CheckEpochs } from '../../platform/database/epoch-guard.ts'
import { addTable } from '../../tables/add-table.ts'
import { execute } from '../command/execute.ts'
import { Hub } from '../hub/hub.ts'
import { checkLineage, renewAfter, renewAllEpochs, type LineageDeps } from './lineage.ts'
import { headOf, headsOf } from '../log/log.ts'

let database: TestDatabase
let deps: LineageDeps
const clock = systemClock()
const lines: string[] = []
const log = createLog('warn', { write: (line) => void lines.push(line) })
beforeAll(async () => {
  database = await openDatabase(12)
  deps = { db: database.db, clock, log }
  for (const name of ['one', 'two'])
    await registerRestaurant(
      { db: database.db, clock, newId },
      { restaurantName: name, email: `${name}@log.example`, password: 'x', firstName: null, lastName: null },
    )
})
afterAll(() => database.close())
beforeEach(() => void lines.splice(0))

const heads = () =>
  database.sql<{ epoch: string; seq: number; floor: number }>(
    'select epoch, seq::int, floor::int from qtable.heads order by restaurant_id',
  )

test('L15: the same database keeps its epochs, however often and by how many it is looked at', async () => {
  const before = await heads()
  expect(await checkLineage(deps)).toEqual({ found: 'new' })
  const all = await Promise.all(Array.from({ length: 6 }, () => checkLineage(deps)))
  expect(all.every(({ found }) => found === 'same')).toBe(true)
  expect(await heads()).toEqual(before)
  expect(lines).toEqual([])
})

test('L15: another cluster, timeline, database or another making of the tables: new epochs, once, whoever looks', async () => {
  await database.sql('update qtable.heads set seq = 7')
  for (const [column, value] of [
    ['system_identifier', '1'],
    ['timeline', '0000AAAA'],
    ['database_oid', 1],
    ['heads_oid', 1],
  ] as const) {
    const before = await heads()
    await database.sql(`update qtable.lineage set ${column} = $1`, [value])
    const all = await Promise.all(Array.from({ length: 4 }, () => checkLineage(deps)))
    expect(all.filter(({ found }) => found === 'another')).toMatchObject([{ found: 'another', restaurants: 2 }])
    const after = await heads()
    expect(new Set([...before, ...after].map(({ epoch }) => epoch)).size).toBe(4)
    // Numbers go on, and whatever was before belongs to the old epoch.
    expect(after.map(({ seq, floor }) => [seq, floor])).toEqual([
      [7, 7],
      [7, 7],
    ])
    expect(await checkLineage(deps)).toEqual({ found: 'same' })
  }
})

test('L15: a copy within the cluster is another database', async () => {
  await checkLineage(deps)
  const [row] = await database.sql('select to_json(lineage) as noted from qtable.lineage')
  const copy = await openDatabase(2)
  try {
    await copy.sql('insert into qtable.lineage select * from json_populate_record(null::qtable.lineage, $1)', [
      row!['noted'],
    ])
    const why = 'another database of the cluster'
    expect(await checkLineage({ ...deps, db: copy.db })).toEqual({ found: 'another', why, restaurants: 0 })
  } finally {
    await copy.close()
  }
})

test('L15: a login that may not ask which cluster it is says so once, and still notices a restored dump', async () => {
  const role = `mute_${randomBytes(6).toString('hex')}`
  const server = inject('postgresUrl')
  await asLogin(server, `create role ${role} login bypassrls password 'p'`)
  const mute = new Db({ url: database.url.replace(/\/\/[^@]*@/, `//${role}:p@`), poolSize: 2 })
  try {
    await database.sql('revoke execute on function pg_control_system() from public')
    await database.sql(`grant usage on schema qtable to ${role}`)
    await database.sql(`grant select, insert, update on qtable.heads, qtable.lineage to ${role}`)
    await database.sql(`grant select, insert, delete on qtable.epoch_guard to ${role}`)
    await database.sql(`grant execute on function qtable.claim_housekeeping() to ${role}`)
    await checkLineage(deps)
    const before = await heads()
    for (let i = 0; i < 3; i++) expect(await checkLineage({ ...deps, db: mute })).toEqual({ found: 'same' })
    expect(lines.filter((line) => line.includes('npm run new-epoch'))).toHaveLength(1)
    expect(await heads()).toEqual(before)
    await database.sql('update qtable.lineage set heads_oid = 1')
    expect(await checkLineage({ ...deps, db: mute })).toMatchObject({ found: 'another', restaurants: 2 })
    expect((await checkLineage(deps)).found).toBe('same')
  } finally {
    await mute.close()
    await database.sql('grant execute on function pg_control_system() to public')
    await database.sql(`drop owned by ${role}`)
    await asLogin(databaseIn(server, 'postgres'), `drop role ${role}`)
  }
})

const epochs = async () => (await heads()).map(({ epoch }) => epoch)
const onServer = (deps: LineageDeps, checkEpochs: CheckEpochs) =>
  new Db({ url: database.url, poolSize: 8, checkEpochs: () => checkEpochs(deps.db) })

test('L20: on a server that has recovered no transaction runs before the epochs were checked; all wait for the one that does it', async () => {
  await checkLineage(deps)
  const before = await epochs()
  // As a promoted standby finds it.
  await database.sql('delete from qtable.epoch_guard')
  await database.sql(`update qtable.lineage set timeline = '0000AAAA'`)
  let checks = 0
  const check = async () => void (checks++, await checkLineage(deps))
  const servers = [onServer(deps, check), onServer(deps, check)]
  try {
    const [{ restaurant_id: restaurantId }] = (await database.sql<{ restaurant_id: string }>(
      'select restaurant_id from qtable.heads order by 1 limit 1',
    )) as [{ restaurant_id: string }]
    const seen = await Promise.all(
      Array.from({ length: 40 }, async (_, n) => {
        const db = servers[n % 2]!
        if (n % 4 < 2) return db.transaction({ restaurantId }, async (tx) => (await headOf(tx, restaurantId)).epoch)
        return (await headsOf(db, [restaurantId])).get(restaurantId)!.epoch
      }),
    )
    const after = await epochs()
    expect(new Set(seen)).toEqual(new Set([after[0]]))
    expect(new Set([...before, ...after]).size).toBe(4)
    expect(checks).toBeGreaterThan(0)
    expect(lines.filter((line) => line.includes('another database than before'))).toHaveLength(1)
    // A check that fails, or none at all, is answered busy, and nothing has run.
    await database.sql('delete from qtable.epoch_guard')
    const failing = onServer(deps, () => Promise.reject(new Error('planted')))
    const none = new Db({ url: database.url, poolSize: 1 })
    for (const db of [failing, none])
      await expect(headsOf(db, [restaurantId])).rejects.toMatchObject({ code: 'busy', status: 503 })
    await Promise.all([failing.close(), none.close()])
  } finally {
    await Promise.all(servers.map((db) => db.close()))
    await checkLineage(deps)
  }
})

test('L20: a server that recovered by itself, or a file of the guard that moved, keeps its epochs', async () => {
  await checkLineage(deps)
  const before = await epochs()
  for (const sql of ['delete from qtable.epoch_guard', 'vacuum full qtable.epoch_guard']) {
    await database.sql(sql)
    const server = onServer(deps, () => checkLineage(deps))
    expect(await headsOf(server, [newId()])).toEqual(new Map())
    await server.close()
    expect(await epochs()).toEqual(before)
  }
  expect(lines).toEqual([])
})

test('L20: where a server that recovered does not tell its timeline, new epochs are given', async () => {
  await checkLineage(deps)
  const before = await epochs()
  await database.sql('delete from qtable.epoch_guard')
  await database.sql(`update qtable.lineage set timeline = ''`)
  expect(await checkLineage(deps)).toMatchObject({ found: 'another', restaurants: 2 })
  expect(new Set([...before, ...(await epochs())]).size).toBe(4)
  expect(await checkLineage(deps)).toEqual({ found: 'same' })
})

test('L21: a commit with a number that was delivered, or a log that ends earlier, ends the epoch at once, and once for all servers', async () => {
  await checkLineage(deps)
  const [{ restaurant_id: restaurantId }] = (await database.sql<{ restaurant_id: string }>(
    'select restaurant_id from qtable.heads order by 1 limit 1',
  )) as [{ restaurant_id: string }]
  const context = { restaurantId, actor: { staffId: newId(), role: 'owner' } } as const
  // No poll helps.
  const hubs = [1, 2].map(() => new Hub(database.db, log, 2_000_000_000, false, renewAfter(deps)))
  const heard: string[] = []
  for (const hub of hubs)
    await hub.subscribe(
      restaurantId,
      ({ seq }) => void heard.push(`${seq}`),
      () => void heard.push('anew'),
    )
  const write = (hub: Hub) =>
    execute({ ...deps, db: database.db, newId, publish: (change) => hub.publish(change) }, addTable, context, {
      number: newId().slice(-12),
      capacity: 2,
      x: 0.5,
      y: 0.5,
    })
  const setBack = (count: number) =>
    database.sql(
      `with gone as (delete from qtable.changes where restaurant_id = $1 and seq > (select seq - $2 from qtable.heads where restaurant_id = $1))
       update qtable.heads set seq = seq - $2 where restaurant_id = $1`,
      [restaurantId, count],
    )
  try {
    for (let n = 0; n < 5; n++) await write(hubs[0]!)
    await hubs[1]!.poll()
    const { length } = heard
    expect(length).toBe(10)
    const before = await epochs()
    await setBack(2)
    // Past what was delivered before anybody asks where the log ends.
    await Promise.all([write(hubs[0]!), write(hubs[0]!), write(hubs[0]!), write(hubs[0]!)])
    await expect.poll(() => heard.slice(length)).toContain('anew')
    await hubs[1]!.poll()
    await expect.poll(() => heard.slice(length).filter((each) => each === 'anew')).toEqual(['anew', 'anew'])
    const after = await epochs()
    expect(new Set([...before, ...after]).size).toBe(4)
    await setBack(2)
    await Promise.all(hubs.map((hub) => hub.poll()))
    await expect.poll(() => heard.filter((each) => each === 'anew')).toHaveLength(4)
    expect(new Set([...before, ...after, ...(await epochs())]).size).toBe(6)
  } finally {
    for (const hub of hubs) hub.close()
  }
})

test('L16: all epochs are renewed when the operator says so', async () => {
  const before = await heads()
  expect(await renewAllEpochs(database.db)).toBe(2)
  const after = await heads()
  expect(new Set([...before, ...after].map(({ epoch }) => epoch)).size).toBe(4)
})
