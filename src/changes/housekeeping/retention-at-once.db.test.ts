import { afterEach, beforeEach, expect, test } from 'vitest'
import { dayOf, openOldLogs, seqs, type OldLogs } from '../../../test/old-logs.ts'
import { type Db, statement } from '../../platform/database/db.ts'
import { changesSince, type Since } from '../log/since.ts'

/** Housekeeping of the log while others read, write and do it too, and cut off. */

let logs: OldLogs
let db: OldLogs['db']
let sql: OldLogs['sql']
let openLog: OldLogs['openLog']
let keep: OldLogs['keep']
let days: OldLogs['days']
let headRow: OldLogs['headRow']
beforeEach(async () => {
  logs = await openOldLogs()
  ;({ db, sql, openLog, keep, days, headRow } = logs)
})
afterEach(() => logs.close())

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
