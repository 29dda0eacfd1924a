import { afterEach, beforeEach, expect, test } from 'vitest'
import { clockAt, dayOf, migrations, openOldLogs, seqs, type OldLogs } from '../../../test/old-logs.ts'
import type { Instant } from '../../platform/clock.ts'
import { asLogin } from '../../../test/postgres.ts'
import { migrate } from '../../platform/database/migrate.ts'
import { deltaSince } from '../log/delta.ts'
import { claimMutation, settleMutation } from '../command/mutations.ts'

/** What housekeeping of the log keeps, drops and makes. */

let logs: OldLogs
let url: OldLogs['url']
let db: OldLogs['db']
let sql: OldLogs['sql']
let openLog: OldLogs['openLog']
let keep: OldLogs['keep']
let days: OldLogs['days']
let headRow: OldLogs['headRow']
beforeEach(async () => {
  logs = await openOldLogs()
  ;({ url, db, sql, openLog, keep, days, headRow } = logs)
})
afterEach(() => logs.close())

test('L11, L12: days older than the setting go as a whole, floors first, and nothing younger', async () => {
  const log = await openLog(-30)
  const quiet = await openLog(-30)
  const young = await openLog(-5)
  await quiet.add(-20, 4)
  await log.add(-20, 3)
  await log.add(-15, 2)
  await log.add(-14, 2)
  await log.add(-1, 2)
  await young.add(-5, 2)
  const kept = await keep()
  expect(kept).toMatchObject({ busy: false, raised: 2, postponed: null, dropped: [dayOf(-20), dayOf(-15)] })
  expect((await days())[0]).toBe(dayOf(-14))
  expect(await days()).toEqual(expect.arrayContaining([-5, -1, 0, 1, 7].map(dayOf)))
  expect(await sql('select 1 from qtable.changes_other_days')).toEqual([])
  expect(seqs(await log.since(4))).toBe('floor')
  expect(seqs(await log.since(5))).toEqual([6, 7, 8, 9])
  expect(seqs(await log.since(5, log.at.get(5)))).toEqual([6, 7, 8, 9])
  expect(seqs(await log.since(7, log.at.get(7)))).toEqual([8, 9])
  expect(await headRow(log)).toMatchObject({ floor: 5, floor_at: log.at.get(5) })
  // Quiet for as long as its log: at its head it goes on, below it begins anew, and its next change follows.
  expect(await headRow(quiet)).toEqual({ seq: 4, floor: 4, floor_at: quiet.at.get(4) })
  expect(seqs(await quiet.since(4, quiet.at.get(4)))).toEqual([])
  expect(seqs(await quiet.since(3))).toBe('floor')
  await quiet.add(0)
  expect(seqs(await quiet.since(4, quiet.at.get(4)))).toEqual([5])
  expect(seqs(await young.since(0))).toEqual([1, 2])
  expect(await keep()).toMatchObject({ made: [], dropped: [], raised: 0 })
})

test('L12: what happened since a time below the floor is told from the entities', async () => {
  const log = await openLog(-30)
  await log.add(-20, 2)
  await log.add(-1, 1)
  await keep()
  const told: string[] = []
  const read = (since: Instant) =>
    db.snapshot({ restaurantId: log.restaurantId }, (tx) =>
      deltaSince(tx, log.restaurantId, since, ['thing'], 100, async () => {
        told.push(since)
        return []
      }),
    )
  await read(log.at.get(1)!)
  expect(told).toEqual([log.at.get(1)])
  expect((await read(log.at.get(2)!)).items).toHaveLength(1)
  expect(told).toHaveLength(1)
})

test('L11: a change without a day lies with the other days, is read like any other, and moves into its day when that is made', async () => {
  const log = await openLog(-3)
  await log.add(-3)
  await log.add(12)
  // A clock that ran ahead: the log doesn't go back, and the day is far away.
  await log.add(0)
  const others = () => sql<{ seq: number }>('select seq::int from qtable.changes_other_days order by 1')
  expect(await others()).toHaveLength(3)
  await keep()
  expect(await others()).toEqual([{ seq: 2 }, { seq: 3 }])
  expect(seqs(await log.since(0))).toEqual([1, 2, 3])
  const later = await keep({}, db, clockAt(6))
  expect(later.made).toContain(dayOf(12))
  expect(await others()).toEqual([])
  expect(seqs(await log.since(1, log.at.get(1)))).toEqual([2, 3])
})

test("L11: a server whose clock runs ahead drops nothing before it is old by the database's clock", async () => {
  const log = await openLog(-2)
  await log.add(-2, 2)
  expect(await keep({}, db, clockAt(400))).toMatchObject({ dropped: [], raised: 0 })
  expect(seqs(await log.since(0))).toEqual([1, 2])
})

test('L12: a day that is above a floor is not dropped, whoever asks', async () => {
  const log = await openLog(-30)
  await log.add(-20, 3)
  await keep()
  await log.add(-1, 1)
  const day = dayOf(-1)
  expect(await sql(`select qtable.drop_changes_day($1) as done`, [day])).toEqual([{ done: 'needed' }])
  expect(await sql(`select qtable.drop_changes_day('2001-01-01') as done`)).toEqual([{ done: 'none' }])
  expect(seqs(await log.since(3))).toEqual([4])
})

test('L12: in a database that another owner restored, housekeeping sees what there is', async () => {
  const log = await openLog(-30)
  await log.add(-20, 3)
  await log.add(-1, 1)
  for (const each of ['heads', 'mutations', 'changes', 'changes_other_days'])
    await sql(`alter policy housekeeping on qtable.${each} to pg_monitor`)
  await sql('drop policy housekeeping on qtable.mutations')
  expect(await keep()).toMatchObject({ dropped: [dayOf(-20)], raised: 1 })
  expect(seqs(await log.since(0))).toBe('floor')
  expect(seqs(await log.since(3))).toEqual([4])
})

test('L14: answers of mutations go when they are as old as the log, not before', async () => {
  const { restaurantId } = await openLog(-30)
  const answer = (mutationId: string, when: number) =>
    db.transaction({ restaurantId }, async (tx) => {
      await claimMutation({ tx, restaurantId, now: clockAt(when).now() }, { id: mutationId, fingerprint: 'f' })
      await settleMutation(tx, restaurantId, mutationId, { ok: true, result: null }, false)
    })
  for (const [i, when] of [-30, -15, -14, -7, 0].entries()) await answer(`m${i}`, when)
  await sql(
    `insert into qtable.mutations (restaurant_id, mutation_id, fingerprint, at) select $1, 'many' || n, 'f', now() - interval '20 days' from generate_series(1, 4500) n`,
    [restaurantId],
  )
  expect((await keep()).forgotten).toBe(4502)
  expect(await sql('select mutation_id as id from qtable.mutations order by 1')).toEqual([
    { id: 'm2' },
    { id: 'm3' },
    { id: 'm4' },
  ])
})

test('L11: the migration keeps a log that there is, by days', async () => {
  await sql('drop schema qtable cascade')
  const before = migrations.findIndex((each) => each.name === 'retention')
  await migrate(url, migrations.slice(0, before))
  // Of the newest schema, because this program writes nothing without it.
  const newest = ['epoch-guard', 'log-versions', 'actor-kind'].map(
    (needed) => migrations.find(({ name }) => name === needed)!.sql,
  )
  await asLogin(
    url,
    `set search_path = qtable; ${newest.join(';')};
    insert into epoch_guard select pg_relation_filepath('epoch_guard'::regclass)`,
  )
  const log = await openLog(-30)
  for (const day of [-30, -20, -20, -3, 0, 0, 40]) await log.add(day)
  const read = () => sql(`select *, entries::text as entries from qtable.changes order by seq`)
  const rows = await read()
  await sql(`drop table qtable.epoch_guard; drop function qtable.refuse_stale_epochs, qtable.refuse_outdated;
    alter table qtable.heads drop column version;
    alter table qtable.changes drop column version, drop column upgrade, drop column actor_kind`)
  await migrate(url, migrations)
  // A log that is older than versions is of the first one.
  expect(await read()).toEqual(rows.map((row) => ({ ...row, version: 1 })))
  expect(await days()).toEqual(expect.arrayContaining([-30, -20, -3, 0, 40].map(dayOf)))
  expect(seqs(await log.since(2, log.at.get(2)))).toEqual([3, 4, 5, 6, 7])
  expect(await keep()).toMatchObject({ dropped: [dayOf(-30), dayOf(-20)], raised: 1 })
  expect(seqs(await log.since(3))).toEqual([4, 5, 6, 7])
})

test('L12: both ways to read the log are index scans of each day, and only of the days that matter', async () => {
  const log = await openLog(-10)
  for (let day = -10; day <= 0; day++) await log.add(day, 3)
  await keep()
  const plan = async (text: string) =>
    (await sql<{ 'QUERY PLAN': string }>(`explain (costs off) ${text}`)).map((row) => row['QUERY PLAN']).join('\n')
  await sql(
    `insert into qtable.changes select gen_random_uuid(), 1, gen_random_uuid(), $1::timestamptz + n * interval '1 minute', 'c', null, null, null, '[]' from generate_series(1, 12 * 1440 - 1) n`,
    [dayOf(-10)],
  )
  await sql('analyze qtable.changes')
  const id = log.restaurantId
  const bySeq = await plan(
    `select entries from qtable.changes where restaurant_id = '${id}' and seq > 5 order by seq limit 500`,
  )
  const byTime = await plan(
    `select entries from qtable.changes where restaurant_id = '${id}' and at > '${log.at.get(30)!}' order by at limit 500`,
  )
  for (const each of [bySeq, byTime]) {
    expect(each).toMatch('Index Scan')
    // Days that are empty have nothing to look up.
    for (const [, day] of each.matchAll(/Seq Scan on (\w+)/g))
      expect(await sql(`select 1 from qtable.${day} limit 1`), day).toEqual([])
  }
  expect(byTime).not.toMatch(`changes_${dayOf(-5).replaceAll('-', '')}`)
})
