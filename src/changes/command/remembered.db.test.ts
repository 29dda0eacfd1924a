import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { newOwner, openDatabase, type TestDatabase } from '../../../test/database.ts'
import { addGuest } from '../../guests/add-guest.ts'
import { systemClock } from '../../platform/clock.ts'
import { statement } from '../../platform/database/db.ts'
import { AppError } from '../../platform/errors.ts'
import { newId } from '../../platform/ids.ts'
import { command, type ChangeDeps, type Context, type Write } from './command.ts'
import { execute } from './execute.ts'

/** What a command was answered under a name that its client gave it, and who is given that again. */

let database: TestDatabase
let deps: ChangeDeps
let context: Context
let runs: number
beforeAll(async () => {
  database = await openDatabase(6)
})
afterAll(() => database.close())
beforeEach(async () => {
  runs = 0
  deps = { db: database.db, clock: systemClock(), newId, publish: () => undefined }
  context = await newOwner(database.db)
})

const does = (run: (w: Write) => Promise<unknown>, name = 'test-does') =>
  command({
    name,
    summary: '',
    method: 'POST',
    path: '/test',
    role: 'host',
    inBatch: false,
    budget: [0, 0],
    input: z.strictObject({ a: z.int().optional(), another: z.string().optional() }),
    answer: z.unknown(),
    run: (w) => {
      runs++
      return run(w)
    },
  })
const countGuests = statement('test-count-guests', 'select count(*) as own from guests where restaurant_id = $1')
const join = (w: Write) => addGuest.run(w, addGuest.input.parse({ firstName: 'Ada', partySize: 2 }))
const joins = does(join)
const ask = (as: Partial<Context>, c = joins, input = {}) => execute(deps, c, { ...context, ...as }, input)
const guests = async () =>
  (await database.sql('select 1 from qtable.guests where restaurant_id = $1', [context.restaurantId])).length
const refusing = (error: Error, after: (w: Write) => Promise<unknown> = join) =>
  does(async (w) => {
    await after(w)
    throw error
  })

test('L5: a repeat is answered with what was answered first, its place in the log included', async () => {
  const first = await ask({ mutationId: 'm' })
  await ask({})
  expect(await ask({ mutationId: 'm' })).toEqual({ ...first, repeated: true })
  expect(first).toMatchObject({ seq: 1, epoch: expect.stringMatching(/^[0-9a-f-]{36}$/) as string, repeated: false })
  expect([runs, await guests()]).toEqual([2, 2])
  // What has no name has none to be found by.
  await ask({})
  expect(await guests()).toBe(3)
})

test('L5: what changed nothing and what answers nothing is remembered too', async () => {
  const nothing = does(async () => undefined)
  expect(await ask({ mutationId: 'm' }, nothing)).toEqual({
    result: undefined,
    seq: null,
    epoch: null,
    repeated: false,
  })
  expect(await ask({ mutationId: 'm' }, nothing)).toEqual({ result: null, seq: null, epoch: null, repeated: true })
  expect(runs).toBe(1)
})

test('L5, L6: a refusal is remembered with all it said, and leaves nothing else', async () => {
  const refused = refusing(new AppError('table-not-free', 409, 'The table has a party', { current: { id: 'x' } }))
  for (let n = 0; n < 2; n++)
    await expect(ask({ mutationId: 'm' }, refused)).rejects.toMatchObject({
      code: 'table-not-free',
      status: 409,
      message: 'The table has a party',
      details: { current: { id: 'x' } },
    })
  expect([runs, await guests()]).toEqual([1, 0])
  expect(await ask({ mutationId: 'another' })).toMatchObject({ seq: 1 })
})

test("L5: what was the server's fault is not remembered: the same request is done when it comes again", async () => {
  for (const error of [
    new AppError('busy', 503, 'planted'),
    new AppError('planted', 500, 'planted'),
    new Error('bug'),
  ]) {
    const id = `after ${error.message} ${(error as AppError).status}`
    await expect(ask({ mutationId: id }, refusing(error))).rejects.toBe(error)
    expect(await ask({ mutationId: id })).toMatchObject({ repeated: false })
  }
  expect(await guests()).toBe(3)
})

test('L5: a name that was used for another request is refused, and what it stands for stays', async () => {
  const first = await ask({ mutationId: 'm' }, joins, { a: 1 })
  const reused = { code: 'mutation-id-reused', status: 422 }
  await expect(ask({ mutationId: 'm' }, joins, { a: 2 })).rejects.toMatchObject(reused)
  await expect(ask({ mutationId: 'm' }, does(join, 'test-other'), { a: 1 })).rejects.toMatchObject(reused)
  expect(await ask({ mutationId: 'm' }, joins, { a: 1 })).toEqual({ ...first, repeated: true })
  const elsewhere = await newOwner(database.db)
  expect(await ask({ mutationId: 'm', ...elsewhere }, joins, { a: 2 })).toMatchObject({ repeated: false })
})

test('L5: under its other name a mutation is found whatever its id is; the id belongs to that name alone', async () => {
  const first = await ask({ mutationId: 'm', alias: 'tap' })
  expect(await ask({ mutationId: 'm', alias: 'tap' })).toEqual({ ...first, repeated: true })
  expect(await ask({ mutationId: 'n', alias: 'tap' })).toEqual({ ...first, repeated: true })
  const reused = { code: 'mutation-id-reused' }
  await expect(ask({ mutationId: 'm', alias: 'other tap' })).rejects.toMatchObject(reused)
  await expect(ask({ mutationId: 'm' })).rejects.toMatchObject(reused)
  await expect(ask({ mutationId: 'tap', alias: 'm' })).rejects.toMatchObject(reused)
  await expect(ask({ mutationId: 'new', alias: 'tap' }, joins, { another: 'input' })).rejects.toMatchObject(reused)
  // A second name alone names nothing.
  expect(await ask({ alias: 'tap' })).toMatchObject({ repeated: false })
  expect(await guests()).toBe(2)
})

test('N7: what a door says of a refusal is read before anything is undone, and kept for repeats; nothing else is explained', async () => {
  const asked: string[] = []
  const explaining: ChangeDeps = {
    ...deps,
    explain: async (tx, restaurantId, refusal) => {
      const seen = await tx.one<{ own: string }>(countGuests, [restaurantId])
      asked.push(refusal.code)
      return new AppError(refusal.code, refusal.status, refusal.message, { seen: Number(seen.own) })
    },
  }
  const refused = refusing(new AppError('status-order', 409, 'planted'))
  const explained = { code: 'status-order', details: { seen: 1 } }
  for (const mutationId of ['m', 'm', undefined]) {
    const as = { ...context, ...(mutationId !== undefined && { mutationId }) }
    await expect(execute(explaining, refused, as, {})).rejects.toMatchObject(explained)
  }
  const bug = new Error('a bug')
  await expect(execute(explaining, refusing(bug), context, {})).rejects.toBe(bug)
  const part = does((w) =>
    w.attempt(() => Promise.reject(new AppError('too-large', 422, 'planted'))).catch(() => 'caught'),
  )
  expect((await execute(explaining, part, context, {})).result).toBe('caught')
  expect(asked).toEqual(['status-order', 'status-order', 'too-large'])
})
