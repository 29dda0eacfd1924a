import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, inject, test } from 'vitest'
import { openDatabase, type TestDatabase } from '../../test/kit.ts'
import { asLogin, databaseIn } from '../../test/postgres.ts'
import { registerRestaurant } from '../staff/register-restaurant.ts'
import { Db } from '../platform/db.ts'
import { createLog } from '../platform/log.ts'
import { newId } from '../platform/ids.ts'
import { systemClock } from '../platform/clock.ts'
import { checkLineage, renewAllEpochs, type LineageDeps } from './lineage.ts'

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

test('L16: all epochs are renewed when the operator says so', async () => {
  const before = await heads()
  expect(await renewAllEpochs(database.db)).toBe(2)
  const after = await heads()
  expect(new Set([...before, ...after].map(({ epoch }) => epoch)).size).toBe(4)
})
