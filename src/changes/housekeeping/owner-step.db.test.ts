import { afterAll, beforeAll, expect, test } from 'vitest'
import { newOwner, openDatabase, type TestDatabase } from '../../../test/database.ts'
import { statement, type Owner } from '../../platform/database/db.ts'
import { AppError } from '../../platform/errors.ts'
import { inTurn, pause, Stopped, Taken } from './owner-step.ts'

/** Whose turn it is to keep house. */

let database: TestDatabase
beforeAll(async () => {
  database = await openDatabase(4)
})
afterAll(() => database.close())

const countHeads = statement('test-count-heads', 'select count(*) as own from heads')

test('L13: of several servers one is at a kind of work, and sees every restaurant; the others leave it there', async () => {
  await newOwner(database.db)
  let end: () => void = () => undefined
  let begun: () => void = () => undefined
  const started = new Promise<void>((resolve) => (begun = resolve))
  const first = inTurn(database.db, 'retention', undefined, async (tx) => {
    begun()
    await new Promise<void>((resolve) => (end = resolve))
    return (await tx.one<{ own: number }>(countHeads, [])).own
  })
  await started
  let ran = false
  const work = async () => (ran = true)
  await expect(inTurn(database.db, 'retention', undefined, work)).rejects.toBeInstanceOf(Taken)
  expect(ran).toBe(false)
  expect(await inTurn(database.db, 'lineage', undefined, work)).toBe(true)
  end()
  expect(await first).toBe(1)
  expect(await inTurn(database.db, 'retention', undefined, async () => 'next')).toBe('next')
})

test('L13: a step that met a lock is tried again after a moment, one that failed otherwise is not', async () => {
  const failing = (errors: Error[]) => {
    const tried: Error[] = []
    const owner: Owner = {
      asOwner: async (work) => {
        const error = errors.shift()
        if (!error) return database.db.asOwner(work)
        tried.push(error)
        throw error
      },
    }
    return { owner, tried }
  }
  const busy = new AppError('busy', 503, 'planted')
  const met = failing([busy])
  const began = performance.now()
  expect(await inTurn(met.owner, 'retention', undefined, async () => 'done')).toBe('done')
  expect([met.tried, performance.now() - began > 400]).toEqual([[busy], true])
  for (const error of [new Error('busy'), new AppError('outcome-unknown', 503, 'planted')]) {
    const failed = failing([error, error])
    await expect(inTurn(failed.owner, 'retention', undefined, async () => 'done')).rejects.toBe(error)
    expect(failed.tried).toHaveLength(1)
  }
})

test('L13: a server that stops begins no further step, and waits for nothing', async () => {
  const stop = new AbortController()
  const busy: Owner = { asOwner: () => Promise.reject(new AppError('busy', 503, 'planted')) }
  const waiting = inTurn(busy, 'retention', stop.signal, async () => 'done')
  const pausing = pause(stop.signal, 3_600_000)
  stop.abort()
  await expect(waiting).rejects.toBeInstanceOf(Stopped)
  await pausing
  await expect(inTurn(database.db, 'retention', stop.signal, async () => 'done')).rejects.toBeInstanceOf(Stopped)
})
