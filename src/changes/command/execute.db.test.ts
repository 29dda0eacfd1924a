import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { newOwner, openDatabase, type TestDatabase } from '../../../test/database.ts'
import { addGuest } from '../../guests/add-guest.ts'
import { systemClock } from '../../platform/clock.ts'
import { statement, type Db } from '../../platform/database/db.ts'
import { AppError } from '../../platform/errors.ts'
import { newId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import { Trail } from '../../platform/observability/request-trail.ts'
import { readInput, LostRace, type ChangeDeps, type Command, type Context, type Role, type Write } from './command.ts'
import { execute } from './execute.ts'
import { findChange } from '../log/find-change.ts'
import { aheadOfLog, changesAfter, headOf, headsOf, wasRemoved, type Change } from '../log/log.ts'

/** What `execute` makes of a command: one transaction, one change, one answer. */

let database: TestDatabase
let db: Db
let deps: ChangeDeps
let context: Awaited<ReturnType<typeof newOwner>>
let published: Change[]
beforeAll(async () => {
  database = await openDatabase(6)
  db = database.db
  await database.sql(
    `create function qtable.fail(code text) returns void language plpgsql as
     $$ begin raise exception 'planted' using errcode = code; end $$;
     grant execute on function qtable.fail to qtable_app`,
  )
})
afterAll(() => database.close())
beforeEach(async () => {
  published = []
  deps = { db, clock: systemClock(), newId, publish: (change) => void published.push(change) }
  context = await newOwner(db)
})

const fail = statement('test-fail', 'select fail($1)')

/** A command that does what the test says. */
const does = (run: (w: Write) => Promise<unknown>, more: Partial<Command> = {}): Command => ({
  name: 'test-does',
  summary: '',
  method: 'POST',
  path: '/test',
  role: 'host',
  inBatch: false,
  budget: [0, 0],
  input: z.strictObject({ a: z.int().optional() }),
  answer: z.unknown(),
  run,
  ...more,
})
/** As a door does that reads what strangers send. */
const execute1 = async (c: Command, as: Partial<Context> = {}, raw: unknown = {}) =>
  execute(deps, c, { ...context, ...as }, readInput(c, { ...context, ...as }, raw))
/** Adds a guest: a row and what is told of it. */
const join = (w: Write, firstName: string) => addGuest.run(w, addGuest.input.parse({ firstName, partySize: 2 }))
const joins = (firstName: string) => does((w) => join(w, firstName))
const logOf = () => changesAfter(db, context.restaurantId, 0)
const names = async () =>
  (
    await database.sql('select first_name as name from qtable.guests where restaurant_id = $1 order by 1', [
      context.restaurantId,
    ])
  ).map(({ name }) => name)

test('A3: who may do less than a command needs is refused before anything is read or done', async () => {
  let runs = 0
  const managed = does(async () => void runs++, { role: 'manager', input: z.strictObject({}) })
  const as = (role: Role, input: unknown) =>
    execute1(managed, { actor: { staffId: context.actor.staffId, role } }, input)
  await expect(as('host', { unknown: 1 })).rejects.toMatchObject({ code: 'not-allowed', status: 403 })
  await expect(as('manager', { unknown: 1, more: 2 })).rejects.toMatchObject({
    code: 'invalid-input',
    status: 422,
    details: {
      problems: [
        { path: ['unknown'], message: 'there is no such field' },
        { path: ['more'], message: 'there is no such field' },
      ],
    },
  })
  // Nor is a door that checked the values itself let through.
  const host = { ...context, actor: { staffId: context.actor.staffId, role: 'host' } } as const
  await expect(execute(deps, managed, host, {})).rejects.toMatchObject({ code: 'not-allowed', status: 403 })
  expect(runs).toBe(0)
  await as('manager', {})
  await as('owner', {})
  expect(runs).toBe(2)
})

test('A18: a guest runs what is for guests and nothing else; the change names no member of staff', async () => {
  const guest = { actor: { role: 'guest', staffId: null, guestId: newId() } } as const
  const managed = does(async (w) => join(w, 'Nobody'))
  await expect(execute1(managed, guest)).rejects.toMatchObject({ code: 'not-allowed', status: 403 })
  const open = does(async (w) => join(w, 'Ada'), { role: 'guest' })
  await execute1(open, { ...guest, device: 'link' })
  await execute1(open)
  expect((await logOf()).map(({ actorId, device }) => [actorId, device])).toEqual([
    [guest.actor.guestId, 'link'],
    [context.actor.staffId, null],
  ])
  expect(await names()).toEqual(['Ada', 'Ada'])
})

test('N9: every problem of an input is told with its place', async () => {
  const shaped = does(async () => null, {
    input: z.object({ list: z.array(z.object({ size: z.int() })), name: z.string() }),
  })
  await expect(execute1(shaped, {}, { list: [{ size: 1 }, { size: 'x' }] })).rejects.toMatchObject({
    details: {
      problems: [
        { path: ['list', '1', 'size'], message: expect.stringContaining('number') as string },
        { path: ['name'], message: expect.stringContaining('string') as string },
      ],
    },
  })
})

test('L2, L10: what a command did is one change, published after its commit as it stands in the log', async () => {
  let began = 0
  const prepared = joins('Ada')
  const { result, ...place } = await execute1(
    {
      ...prepared,
      prepare: async (input, of, with1) =>
        void (began += Number(of.device === 'stand' && with1 === deps && 'a' in input)),
    },
    { device: 'stand', mutationId: 'm' },
    { a: 1 },
  )
  expect(began).toBe(1)
  const [change] = published
  expect(await logOf()).toEqual(published)
  const { restaurantId, actor } = context
  expect(change).toMatchObject({ restaurantId, seq: 1, command: 'test-does', mutationId: 'm', actorId: actor.staffId })
  expect(change).toMatchObject({
    device: 'stand',
    entries: [{ op: 'put', kind: 'guest', event: 'created', value: result }],
  })
  expect(place).toEqual({ seq: 1, epoch: change!.epoch, repeated: false })
  await execute1(joins('Bob'))
  expect(published[1]).toMatchObject({ seq: 2, mutationId: null, device: null })
  expect((await headsOf(db, [restaurantId, newId()])).size).toBe(1)
  expect((await headsOf(db, [restaurantId])).get(restaurantId)).toEqual({ epoch: change!.epoch, seq: 2 })
  const head = await db.transaction({ restaurantId }, (tx) => headOf(tx, restaurantId))
  expect(head).toEqual({ epoch: change!.epoch, seq: 2, lastAt: published[1]!.at })
  expect(aheadOfLog(2, 5)).toMatchObject({ code: 'ahead-of-log', status: 409, details: { head: 2 } })
})

test('L19: a command that told of nothing is no change, unless the old sockets are told even of that', async () => {
  const nothing = does(async () => undefined)
  const announced = { ...nothing, announcesNothing: true }
  expect(await execute1(nothing)).toEqual({ result: undefined, seq: null, epoch: null, repeated: false })
  await execute1(nothing, { tellsUnchanged: true })
  await execute1(announced)
  expect([published, await logOf()]).toEqual([[], []])
  expect(await execute1(announced, { tellsUnchanged: true })).toMatchObject({ seq: 1 })
  expect(published).toMatchObject([{ seq: 1, entries: [] }])
})

test('L19: what is stored as it was is told to the old sockets only, as it was', async () => {
  const value = { id: newId(), version: 3, updatedAt: systemClock().now(), name: 'a' }
  const changed = { ...value, name: 'b' }
  const stores = (said: unknown[]) =>
    does(async (w) => {
      said.push(w.isUnchanged('thing', 'edited', value))
      w.locked.note('thing', [value.id], [value])
      said.push(w.isUnchanged('thing', 'edited', changed))
      said.push(w.isUnchanged('thing', 'edited', { ...value, version: 4 }))
    })
  const said: unknown[] = []
  await execute1(stores(said))
  expect([said, published]).toEqual([[false, false, true], []])
  await execute1(stores(said), { tellsUnchanged: true })
  const { id, version } = value
  expect(published.map(({ entries }) => entries)).toEqual([
    [{ op: 'put', kind: 'thing', id, event: 'edited', version, value, unchanged: true }],
  ])
})

test('L7: what is dropped is gone for ever, one version later; what may be kept of it is told', async () => {
  const [a, b] = [newId(), newId()]
  let known: unknown[] = []
  await execute1(
    does(async (w) => {
      w.put('guest', b, 'edited', 1, { id: b })
      known = [w.locked.of('guest', b)]
      w.drop('guest', a, 'deleted', 4)
      w.drop('table', b, 'removed', 1, { id: b, number: '7' })
      known.push(w.locked.of('guest', a), w.locked.of('table', b))
    }),
  )
  expect(known).toEqual([{ id: b }, null, null])
  expect(published[0]!.entries).toEqual([
    { op: 'put', kind: 'guest', id: b, event: 'edited', version: 1, value: { id: b } },
    { op: 'drop', kind: 'guest', id: a, event: 'deleted', version: 5 },
    { op: 'drop', kind: 'table', id: b, event: 'removed', version: 2, value: { id: b, number: '7' } },
  ])
  const { restaurantId } = context
  const gone = await db.transaction({ restaurantId }, async (tx) => [
    await wasRemoved(tx, restaurantId, 'guest', a),
    await wasRemoved(tx, restaurantId, 'guest', b),
    await wasRemoved(tx, restaurantId, 'table', b),
  ])
  expect(gone).toEqual([true, false, true])
  const [tombstone] = await database.sql(
    `select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at from qtable.tombstones where id = $1`,
    [a],
  )
  expect(tombstone!['at']).toBe(published[0]!.at)
  // An id that was used up is none for somebody new.
  const taken = does((w) => addGuest.run(w, addGuest.input.parse({ id: a, firstName: 'Eve', partySize: 1 })))
  await expect(execute1(taken)).rejects.toMatchObject({ code: 'id-taken', status: 409, details: { id: a } })
})

test('B2: of a part that failed nothing is left, neither rows nor what was told nor what was held', async () => {
  let after: unknown[] = []
  const parts = does(async (w) => {
    const first = await join(w, 'Ada')
    const failed = await w
      .attempt(async () => {
        w.put('guest', first.id, 'edited', 2, { id: first.id })
        w.locked.set('thing', 'x', {})
        await join(w, 'Eve')
        throw new AppError('status-order', 409, 'planted')
      })
      .catch((error: unknown) => error)
    after = [(failed as AppError).code, w.locked.of('guest', first.id), w.locked.of('thing', 'x')]
    return w.attempt(() => join(w, 'Bob'))
  })
  await execute1(parts)
  expect(after).toEqual(['status-order', expect.objectContaining({ firstName: 'Ada', version: 1 }), undefined])
  expect(published[0]!.entries.map(({ event, version }) => `${event} ${version}`)).toEqual(['created 1', 'created 1'])
  expect(await names()).toEqual(['Ada', 'Bob'])
})

test('L6: what loses a race for rows is run again from the start, so often and no more; nothing else is', async () => {
  for (const lost of [() => new LostRace('moved'), '40001', '40P01', '23505']) {
    let runs = 0
    const losing = (times: number) =>
      does(async (w) => {
        await join(w, `${runs} times`)
        if (runs++ >= times) return
        if (typeof lost !== 'string') throw lost()
        await w.tx.all(fail, [lost])
      })
    const found = published.length
    if (lost === '23505') {
      await expect(execute1(losing(1))).rejects.toMatchObject({ code: '23505' })
      expect([runs, published.length]).toEqual([1, found])
      continue
    }
    await execute1(losing(limits.transactionAttempts - 1))
    expect([runs, published.length]).toEqual([limits.transactionAttempts, found + 1])
    runs = 0
    await expect(execute1(losing(limits.transactionAttempts))).rejects.toMatchObject({ code: 'busy', status: 503 })
    expect([runs, published.length]).toEqual([limits.transactionAttempts, found + 1])
  }
  expect(await names()).toEqual(Array.from({ length: 3 }, () => `${limits.transactionAttempts - 1} times`))
})

test('N7: the change that made an entity what it is now is found, and none that did not', async () => {
  const { result: guest } = await execute1(joins('Ada'), { device: 'stand', mutationId: 'm' })
  await execute1(joins('Bob'))
  const { restaurantId } = context
  const made = guest as { id: string; version: number; updatedAt: Change['at'] }
  const find = (more: object) =>
    db.transaction({ restaurantId }, (tx) => findChange(tx, restaurantId, { kind: 'guest', ...made, ...more }))
  const { entries: _, restaurantId: __, epoch: ___, ...wanted } = published[0]!
  expect(await find({})).toEqual(wanted)
  for (const other of [{ kind: 'table' }, { id: newId() }, { version: 2 }, { updatedAt: published[1]!.at }])
    expect(await find(other)).toBeNull()
})

test('L4: nobody doubts a commit whose answer came, whatever it was', async () => {
  const doubts: string[] = []
  const of = (c: Command) =>
    execute({ ...deps, doubt: (id) => void doubts.push(id) }, c, context, {}).catch((error: unknown) => error)
  await of(joins('Ada'))
  await of(does(async (w) => w.tx.all(fail, ['23505'])))
  expect(doubts).toEqual([])
  await of(does(() => Promise.reject(new AppError('outcome-unknown', 503, 'planted'))))
  expect(doubts).toEqual([context.restaurantId])
})

test('L5, M4: a repeat is noted for who asks what became of the request', async () => {
  const trail = new Trail(null, 'POST', {})
  const ask = () => execute({ ...deps, trail }, joins('Ada'), { ...context, mutationId: 'm' }, {})
  const first = await ask()
  expect([trail.repeated, first.repeated]).toEqual([false, false])
  expect(await ask()).toEqual({ ...first, repeated: true, result: JSON.parse(JSON.stringify(first.result)) })
  expect(trail.repeated).toBe(true)
  expect(await names()).toEqual(['Ada'])
})
