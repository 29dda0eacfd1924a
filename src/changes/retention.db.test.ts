import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { asLogin, databaseIn } from '../../test/postgres.ts'
import { registerRestaurant } from '../staff/register-restaurant.ts'
import { Db, statement } from '../platform/db.ts'
import { migrate, readMigrations } from '../platform/migrate.ts'
import { newId } from '../platform/ids.ts'
import { clockOf, plusMillis, systemClock, type Clock, type Instant } from '../platform/clock.ts'
import { append, headOf } from './log.ts'
import { deltaSince } from './delta.ts'
import { claimMutation, settleMutation } from './mutations.ts'
import { keepDays, type RetentionSettings } from './retention.ts'
import { changesSince, type Since } from './since.ts'

/** As a login that is no superuser, so that the walls stand for housekeeping too. */

const DAY = 86_400_000
const migrations = await readMigrations(new URL('../../migrations/', import.meta.url))
const server = inject('postgresUrl')
let name: string
let url: string
let db: Db
beforeEach(async () => {
  name = `plain_${randomBytes(6).toString('hex')}`
  await asLogin(server, `create role ${name} login password 'p'`)
  await asLogin(server, `grant qtable_app to ${name}`)
  await asLogin(server, `create database ${name} owner ${name}`)
  url = databaseIn(server, name).replace(/\/\/[^@]*@/, `//${name}:p@`)
  await migrate(url, migrations)
  db = new Db({ url, poolSize: 12 })
})
afterEach(async () => {
  await db.close()
  await asLogin(server, `drop database ${name} with (force)`)
  await asLogin(server, `drop role ${name}`)
})

// Noon of yesterday, so that no midnight passes while the tests run.
const now = `${plusMillis(systemClock().now(), -DAY).slice(0, 10)}T12:00:00.000000Z` as Instant
/** A clock that stands still, some days from now. */
const clockAt = (days: number): Clock => clockOf(() => plusMillis(now, days * DAY))
const dayOf = (days: number) => plusMillis(now, days * DAY).slice(0, 10)
const sql = <Row extends object>(text: string, values: unknown[] = []) =>
  asLogin<Row>(databaseIn(server, name), text, values)

interface Log {
  readonly restaurantId: string
  readonly epoch: string
  /** The time of each change, by seq. */
  readonly at: Map<number, Instant>
  add(days: number, n?: number): Promise<void>
  since(since: number, at?: Instant): Promise<Since>
}

/** A restaurant that was registered some days ago. */
async function openLog(days: number): Promise<Log> {
  const deps = { db, clock: clockAt(days), newId, publish: () => undefined }
  const { restaurantId } = await registerRestaurant(deps, {
    restaurantName: 'Log',
    email: `${newId()}@log.example`,
    password: 'x',
    firstName: null,
    lastName: null,
  })
  const { epoch } = await db.transaction({ restaurantId }, (tx) => headOf(tx, restaurantId))
  const at = new Map<number, Instant>()
  return {
    restaurantId,
    epoch,
    at,
    async add(when, n = 1) {
      for (let i = 0; i < n; i++) {
        const entries = [{ op: 'put' as const, kind: 'thing', id: newId(), event: 'made', version: 1, value: { i } }]
        const draft = { restaurantId, command: 'test', mutationId: null, actorId: null, device: null, entries }
        const made = await db.transaction({ restaurantId }, (tx) => append(tx, draft, clockAt(when).now()))
        at.set(made.seq, made.at)
      }
    },
    since: (since, time) =>
      db.transaction({ restaurantId }, (tx) => changesSince(tx, restaurantId, { epoch, since, at: time, limit: 500 })),
  }
}

const keep = (settings: Partial<RetentionSettings> = {}, as: Pick<Db, 'asOwner'> = db, clock = clockAt(0)) =>
  keepDays(as, clock, { days: 14, ...settings })

const seqs = (answer: Since) => (answer.kind === 'changes' ? answer.changes.map(({ seq }) => seq) : answer.reason)
const days = async () =>
  (
    await sql<{ day: string }>(
      `select right(c.relname, 8) as day from pg_inherits join pg_class c on c.oid = inhrelid where inhparent = 'qtable.changes'::regclass and c.relname ~ '\\d{8}$' order by 1`,
    )
  ).map(({ day }) => `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`)
const headRow = async ({ restaurantId }: Log) =>
  (
    await sql<{ seq: number; floor: number; floor_at: string }>(
      `select seq::int, floor::int, to_char(floor_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as floor_at from qtable.heads where restaurant_id = $1`,
      [restaurantId],
    )
  )[0]!

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

test('L13: cut off after any step, readers get no part, and the next run finishes', async () => {
  let steps = 0
  for (let dies = 1; ; dies++) {
    const log = await openLog(-40)
    // Other days each time, since those of the time before are gone.
    await log.add(-39 + (dies % 10), 2)
    await log.add(-16, 2)
    await log.add(-1, 1)
    let step = 0
    const dying: Pick<Db, 'asOwner'> = {
      async asOwner(work) {
        const made = await db.asOwner(work)
        if (++step === dies) throw new Error('cut off')
        return made
      },
    }
    const ran = await keep({}, dying).then(
      () => 'finished',
      (error: Error) => error.message,
    )
    for (let since = 0; since <= 5; since++) {
      const answer = seqs(await log.since(since, log.at.get(since)))
      if (answer !== 'floor') expect(answer).toEqual([1, 2, 3, 4, 5].filter((seq) => seq > since))
      if (since >= 4) expect(answer).not.toBe('floor')
    }
    await keep()
    expect(seqs(await log.since(3))).toBe('floor')
    expect(seqs(await log.since(4))).toEqual([5])
    expect((await days())[0]! >= dayOf(-14)).toBe(true)
    if (ran === 'finished') break
    expect(ran).toBe('cut off')
    steps = dies
  }
  expect(steps).toBeGreaterThan(8)
})

test('L13: four servers at once, and commands and readers meanwhile: one does the work, nothing is lost', async () => {
  const log = await openLog(-40)
  for (let day = -30; day <= -15; day++) await log.add(day)
  const stop = new AbortController()
  let last = 16
  const writers = [0, 1, 2].map(async () => {
    while (!stop.signal.aborted) await log.add(0)
  })
  const reader = (async () => {
    while (!stop.signal.aborted) {
      const answer = await log.since(last, log.at.get(last))
      if (answer.kind !== 'changes') throw new Error(answer.reason)
      for (const { seq } of answer.changes) expect(seq).toBe(++last)
    }
  })()
  const all = await Promise.all([keep(), keep(), keep(), keep()])
  await keep()
  stop.abort()
  await Promise.all([...writers, reader])
  expect(all.filter(({ busy }) => busy).length).toBeGreaterThan(0)
  const dropped = all.flatMap((each) => each.dropped)
  expect(new Set(dropped).size).toBe(dropped.length)
  expect((await days())[0]).toBe(dayOf(-1))
  expect(await headRow(log)).toMatchObject({ floor: 16 })
  expect(last).toBeGreaterThan(20)
})

test('L12: a day waits for readers that are older than the floors, and such a reader gets all or a refusal', async () => {
  const log = await openLog(-30)
  await log.add(-20, 3)
  await log.add(-1, 1)
  const one = statement('test-retention-view', 'select 1 as one')
  const oldView = (work: (read: () => Promise<Since>) => Promise<void>) =>
    db.snapshot({ restaurantId: log.restaurantId }, async (tx) => {
      await tx.all(one, [])
      await work(() => changesSince(tx, log.restaurantId, { epoch: log.epoch, since: 0, limit: 500 }))
    })
  await oldView(async (read) => {
    const kept = await keep({ olderReadersMillis: 0 })
    expect(kept).toMatchObject({ dropped: [], raised: 1 })
    expect(kept.postponed).toMatch('older')
    expect(seqs(await read())).toEqual([1, 2, 3, 4])
  })
  // Even if the day went in spite of it.
  await oldView(async (read) => {
    await keep({ olderReadersMillis: 0 })
    expect(await sql('select qtable.drop_changes_day($1) as done', [dayOf(-20)])).toEqual([{ done: 'dropped' }])
    expect(seqs(await read())).toBe('floor')
  })
  expect(await keep()).toMatchObject({ dropped: [], postponed: null })
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
      await claimMutation({ tx, restaurantId, now: clockAt(when).now() }, mutationId, 'f')
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
  const log = await openLog(-30)
  for (const day of [-30, -20, -20, -3, 0, 0, 40]) await log.add(day)
  const read = () => sql(`select *, entries::text as entries from qtable.changes order by seq`)
  const rows = await read()
  await migrate(url, migrations)
  expect(await read()).toEqual(rows)
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
