import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { goneAt } from '../http/client-gone.ts'
import { openDatabase, type TestDatabase } from '../../../test/kit.ts'
import { openProxyTo } from '../../../test/process/proxy.ts'
import { cleanUpAll } from '../../../test/process/server.ts'
import { statement, Db, type Scope, type Tx } from './db.ts'
import { limits } from '../limits.ts'
import { upTo } from '../../../test/patience.ts'

const POOL = 4
const nowhere: Scope = { restaurantId: '' }
const show = statement('test-show', `select current_setting($1) as value`)
const lower = statement('test-lower', `select set_config($1, $2, true)`)
const sleep = statement('test-sleep', `select pg_sleep($1)`)
const lock = statement('test-lock', `select pg_advisory_xact_lock(7)`)
const answer = statement('test-answer', `select 42 as value`)
const big = statement('test-big', `select 9007199254740993::bigint as value`)
const wrong = statement('test-wrong', `select 1 / ($1::int - 1) as value`)

let database: TestDatabase

beforeAll(async () => {
  database = await openDatabase(POOL)
})
afterEach(cleanUpAll)
afterAll(() => database.close())

const works = async () => {
  const all = Array.from({ length: POOL * 3 }, () => database.db.transaction(nowhere, (tx) => tx.one(answer, [])))
  expect(await Promise.all(all)).toEqual(Array.from({ length: POOL * 3 }, () => ({ value: 42 })))
}
const refused = (work: (tx: Tx) => Promise<unknown>) =>
  expect(database.db.transaction(nowhere, work)).rejects.toMatchObject({ code: 'busy', status: 503 })

test('P18: the time limits hold in every transaction', async () => {
  const values = await database.db.transaction(nowhere, (tx) =>
    Promise.all(
      ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'].map(
        async (name) => (await tx.one<{ value: string }>(show, [name])).value,
      ),
    ),
  )
  const seconds = [limits.statementMillis, limits.lockMillis, limits.idleTransactionMillis].map((ms) => `${ms / 1000}s`)
  expect(values).toEqual(seconds)
})

test('P18: a statement that takes too long is ended, and the pool is whole', async () => {
  await refused(async (tx) => {
    await tx.all(lower, ['statement_timeout', '50'])
    await tx.all(sleep, [30])
  })
  await works()
})

test('P18: the wait for a lock ends, and the pool is whole', async () => {
  await database.db.transaction(nowhere, async (holder) => {
    await holder.all(lock, [])
    await refused(async (tx) => {
      await tx.all(lower, ['lock_timeout', '50'])
      await tx.all(lock, [])
    })
  })
  await works()
})

test('P18: a transaction that does nothing is ended by the database, and the pool is whole', async () => {
  await refused(async (tx) => {
    await tx.all(lower, ['idle_in_transaction_session_timeout', '50'])
    for (;;) {
      const [row] = await database.sql<{ count: string }>(
        `select count(*) from pg_stat_activity where application_name = 'qtable' and datname = current_database() and state = 'idle in transaction'`,
      )
      if (Number(row!.count) === 0) break
    }
    await tx.all(answer, [])
  })
  await works()
})

test('P18: a pool of dead connections heals by itself', async () => {
  for (let round = 0; round < 3; round++) {
    await works()
    const inUse = database.db.transaction(nowhere, (tx) => tx.all(sleep, [30]))
    const broken = inUse.catch((error: unknown) => error)
    await expect.poll(() => database.db.figures.used).toBeGreaterThan(0)
    await database.sql(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'qtable' and datname = current_database()`,
    )
    expect(await broken).toMatchObject({ status: 503 })
    await expect
      .poll(
        () =>
          works().then(
            () => true,
            () => false,
          ),
        { timeout: upTo(5_000) },
      )
      .toBe(true)
  }
  expect(database.db.figures).toMatchObject({ used: 0, waiting: 0, max: POOL })
})

test('P18: statements on their way while their connection closes are told to come back', async () => {
  const { proxy, url } = await openProxyTo(database.url)
  const one = new Db({ url, poolSize: 1 })
  try {
    for (let round = 0; round < 20; round++) {
      // One in each turn of the event loop, so that some are on their way and some are yet to be sent when the connection ends.
      const writing = one.transaction(nowhere, async (tx) => {
        const sent: Promise<unknown>[] = []
        for (let turn = 0; turn < 200; turn++) {
          const asked = tx.all(answer, [])
          asked.catch(() => undefined)
          sent.push(asked)
          if (turn === round + 20) proxy.drop()
          await nextTurn()
        }
        await Promise.all(sent)
      })
      await expect(writing).rejects.toMatchObject({ code: 'busy', status: 503 })
    }
  } finally {
    await one.close()
  }
})

test('P17: who waits beyond the pool is served in order, and a client that is gone takes no connection', async () => {
  const gone = new AbortController()
  let release = () => undefined as void
  const held = new Promise<void>((resolve) => (release = resolve))
  const holders = Array.from({ length: POOL }, () => database.db.transaction(nowhere, () => held))
  await expect.poll(() => database.db.figures.used).toBe(POOL)
  const done: string[] = []
  const left = database.db.until(goneAt(gone.signal)).transaction(nowhere, async () => void done.push('gone'))
  const next = database.db.transaction(nowhere, async () => void done.push('next'))
  expect(database.db.figures.waiting).toBe(2)
  gone.abort()
  await expect(left).rejects.toMatchObject({ code: 'busy' })
  release()
  await Promise.all([...holders, next])
  expect(done).toEqual(['next'])
})

test('P18: what a statement that fails leaves behind it', async () => {
  // One that can't be read, one that fails ahead of others in the trip, one that nobody waits for: always that error, and the connection is good.
  const one = new Db({ url: database.url, poolSize: 1 })
  const run = <T>(work: (tx: Tx) => Promise<T>) => one.transaction(nowhere, work)
  try {
    await expect(run((tx) => tx.one(big, []))).rejects.toThrow('beyond 2^53')
    for (let i = 0; i < 3; i++) {
      await expect(run((tx) => Promise.all([tx.all(wrong, [1]), tx.all(answer, [])]))).rejects.toThrow('division')
      await expect(run(async (tx) => tx.send(wrong, [1]))).rejects.toThrow('division')
      await expect(
        run((tx) => Promise.all([tx.one(answer, []), tx.nested(async () => tx.send(wrong, [1]))])),
      ).rejects.toThrow('division')
      const kept = await run(async (tx) => {
        await tx.nested(() => tx.all(wrong, [1])).catch(() => undefined)
        return tx.one(answer, [])
      })
      expect(kept).toEqual({ value: 42 })
      expect(await run((tx) => tx.one(wrong, [2]))).toEqual({ value: 1 })
    }
  } finally {
    await one.close()
  }
})
