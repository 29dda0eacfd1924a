import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { openDatabase, type TestDatabase } from '../../../test/database.ts'
import {
  handClock,
  openMessenger,
  openReceiver,
  openSending,
  sendDue,
  type Receiver,
  type Sending,
} from '../../../test/messages.ts'
import { execute } from '../../changes/command/execute.ts'
import { systemClock } from '../../platform/clock.ts'
import { newId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import { forgetMessages } from '../forget-messages.ts'
import { ask } from '../../changes/query.ts'
import { readInput } from '../../changes/command/command.ts'
import { listMessageTemplates } from '../list-message-templates.ts'
import { retryMessage } from '../retry-message.ts'
import { updateSettings } from '../../settings/update-settings.ts'
import { setMessageTemplate } from '../set-message-template.ts'

/** The worker over a real database, with receivers on loopback and a clock that stands still. */

let database: TestDatabase
let receiver: Receiver
let clock: ReturnType<typeof handClock>
let house: Sending
beforeAll(async () => {
  database = await openDatabase(10)
})
afterAll(() => database.close())
beforeEach(async () => {
  receiver = await openReceiver()
  clock = handClock()
  house = await openSending(database.db, clock, receiver.url)
})
afterEach(() => receiver.close())

const idsAt = (of: Receiver) => of.received.map(({ headers }) => headers['webhook-id'])
const attemptsAt = (of: Receiver) => of.received.map(({ headers }) => Number(headers['qtable-attempt']))
const rowsOf = ({ context }: Sending) =>
  database.sql<{ id: string; status: string; attempts: number; failure: string | null }>(
    'select id, status, attempts, failure from qtable.messages where restaurant_id = $1 order by position',
    [context.restaurantId],
  )
const laneOf = async ({ context }: Sending) =>
  (
    await database.sql<{ waiting: number; failures: number; due_at: Date | null; lease: string | null }>(
      'select waiting, failures, due_at, lease from qtable.message_lanes where restaurant_id = $1',
      [context.restaurantId],
    )
  )[0]!
const several = async (count: number, of = house) => {
  const ids: string[] = []
  for (let n = 0; n < count; n++) ids.push(await of.tell({ variables: { name: `${n}` } }))
  return ids
}

test('X1, X2: what was written is sent in order, each once while nothing fails, and the lane rests', async () => {
  const ids = await several(5)
  const messenger = openMessenger(database.db, clock)
  await sendDue(messenger)
  expect(idsAt(receiver)).toEqual(ids)
  expect(attemptsAt(receiver)).toEqual([1, 1, 1, 1, 1])
  expect(receiver.received.map(({ body }) => JSON.parse(body).data.body.slice(0, 3))).toEqual([
    '0, ',
    '1, ',
    '2, ',
    '3, ',
    '4, ',
  ])
  expect((await rowsOf(house)).map(({ status }) => status)).toEqual(Array(5).fill('sent'))
  expect(await laneOf(house)).toEqual({ waiting: 0, failures: 0, due_at: null, lease: null })
  expect(await messenger.look()).toBe(0)
})

test('X1: a command that is refused sends nothing', async () => {
  await expect(house.tell({ recipient: 'x'.repeat(limits.messageRecipientCharacters + 1) })).rejects.toThrow(
    'recipient',
  )
  await expect(house.tell({ guestId: 'no id' })).rejects.toThrow('invalid input syntax for type uuid')
  await sendDue(openMessenger(database.db, clock))
  expect(receiver.received).toEqual([])
  expect(await rowsOf(house)).toEqual([])
})

test('X3, X2: a receiver that is down for an hour gets everything in order afterwards', async () => {
  const ids = await several(20)
  const messenger = openMessenger(database.db, clock)
  receiver.answer = () => 503
  const started = clock.micros()
  const pauses: number[] = []
  for (let last = started; clock.micros() < started + 3_600e6;) {
    await sendDue(messenger)
    const { due_at: due } = await laneOf(house)
    pauses.push((due!.getTime() * 1000 - last) / 1e6)
    // Nothing is tried before it is due, also when something new is written.
    if (pauses.length === 3) ids.push(...(await several(1)))
    expect(await messenger.look()).toBe(0)
    clock.forward((due!.getTime() * 1000 - clock.micros()) / 1000 + 1)
    last = clock.micros()
  }
  const tries = receiver.received.length
  expect(new Set(idsAt(receiver))).toEqual(new Set([ids[0]]))
  expect(attemptsAt(receiver)).toEqual(Array.from({ length: tries }, (_, n) => n + 1))
  // 2 s, 4 s, and so on, to a quarter of an hour.
  expect(pauses.slice(0, 4).map(Math.round)).toEqual([2, 4, 8, 16])
  expect(Math.round(Math.max(...pauses))).toBe(900)
  receiver.answer = () => 204
  await sendDue(messenger)
  expect(idsAt(receiver).slice(tries)).toEqual(ids)
  expect(attemptsAt(receiver).slice(tries)).toEqual([tries + 1, ...Array(ids.length - 1).fill(1)])
})

test('X4: what is not taken for a day is given up, and the next one is tried', async () => {
  const [first] = await several(1)
  const messenger = openMessenger(database.db, clock)
  receiver.answer = () => 500
  await sendDue(messenger)
  clock.forward(24 * 3_600_000)
  const [second] = await several(1)
  receiver.answer = () => 200
  await sendDue(messenger)
  expect(await rowsOf(house)).toEqual([
    { id: first, status: 'undelivered', attempts: 1, failure: 'it could not be sent in time' },
    { id: second, status: 'sent', attempts: 1, failure: null },
  ])
})

test('X4: a message that is refused holds up nothing; retried, it is sent again and marked', async () => {
  receiver.answer = ({ body }) => (body.includes('0, your') ? 422 : 200)
  const ids = await several(3)
  const messenger = openMessenger(database.db, clock)
  await sendDue(messenger)
  expect(idsAt(receiver)).toEqual(ids)
  expect((await rowsOf(house))[0]).toMatchObject({ status: 'undelivered', failure: 'the webhook answered 422' })
  receiver.answer = () => 200
  const deps = { db: database.db, clock, newId, publish: () => undefined }
  const retried = await execute(deps, retryMessage, house.context, { messageId: ids[0]! })
  expect(retried.result).toMatchObject({ id: ids[0], status: 'waiting', attempts: 1, failure: null })
  await sendDue(messenger)
  expect([idsAt(receiver).at(-1), attemptsAt(receiver).at(-1)]).toEqual([ids[0], 2])
  await expect(execute(deps, retryMessage, house.context, { messageId: ids[0]! })).rejects.toMatchObject({
    code: 'message-not-found',
  })
  expect((await laneOf(house)).waiting).toBe(0)
})

test('X5: a receiver that never answers holds up no other restaurant, and its attempt ends', async () => {
  const [slow, well] = [await openReceiver(), receiver]
  slow.answer = () => 'never'
  const others = await Promise.all(Array.from({ length: 3 }, () => openSending(database.db, clock, well.url)))
  const stuck = await openSending(database.db, clock, slow.url)
  await several(3, stuck)
  for (const other of others) await several(4, other)
  const messenger = openMessenger(database.db, clock, { times: { stop: 0 } })
  await messenger.look()
  await expect.poll(() => well.received.length).toBe(12)
  // The slow one is still being waited for, until the stop cuts it off.
  expect(slow.received).toHaveLength(1)
  expect((await laneOf(stuck)).lease).not.toBeNull()
  await messenger.close()
  expect(await laneOf(stuck)).toMatchObject({ waiting: 3, failures: 1, lease: null })
  clock.forward(10_000)
  await sendDue(openMessenger(database.db, clock, { times: { attempt: 20 } }))
  expect(await laneOf(stuck)).toMatchObject({ waiting: 3, failures: 2, lease: null })
  expect((await rowsOf(stuck))[0]).toMatchObject({ attempts: 2, failure: 'there was no answer in time' })
  await slow.close()
})

test('X1, X2: several workers share the lanes; each message is sent once and in order', async () => {
  const houses = [
    house,
    ...(await Promise.all(Array.from({ length: 7 }, () => openSending(database.db, clock, receiver.url)))),
  ]
  const ids = new Map<string, string[]>()
  await Promise.all(houses.map(async (each) => ids.set(each.context.restaurantId, await several(12, each))))
  const workers = Array.from({ length: 4 }, () => openMessenger(database.db, clock))
  await Promise.all(workers.map(sendDue))
  expect(receiver.received).toHaveLength(8 * 12)
  for (const [restaurant, expected] of ids) {
    const got = receiver.received.filter(({ body }) => JSON.parse(body).data.restaurantId === restaurant)
    expect(got.map(({ headers }) => headers['webhook-id'])).toEqual(expected)
  }
})

test('X1: a lease that ended while a message was sent leaves it to another worker, who marks the repeat', async () => {
  const [id] = await several(1)
  const [slow, quick] = [openMessenger(database.db, clock), openMessenger(database.db, clock)]
  receiver.answer = () => 'never'
  await slow.look()
  await expect.poll(() => receiver.received.length).toBe(1)
  expect(await quick.look()).toBe(0)
  clock.forward(limits.messageLeaseMillis + 1_000)
  receiver.answer = () => 200
  await sendDue(quick)
  expect(attemptsAt(receiver)).toEqual([1, 2])
  expect(await rowsOf(house)).toEqual([{ id, status: 'sent', attempts: 2, failure: null }])
  await receiver.close()
  await slow.close()
  // What the first one learns in the end changes nothing.
  expect(await rowsOf(house)).toEqual([{ id, status: 'sent', attempts: 2, failure: null }])
  receiver = await openReceiver()
})

test('X4: a lane without room keeps what comes as undelivered', async () => {
  await several(1)
  await database.sql('update qtable.message_lanes set waiting = $2 where restaurant_id = $1', [
    house.context.restaurantId,
    limits.messagesWaiting,
  ])
  await several(1)
  expect((await rowsOf(house)).map(({ status, failure }) => [status, failure])).toEqual([
    ['waiting', null],
    ['undelivered', 'too many messages were waiting'],
  ])
  await sendDue(openMessenger(database.db, clock))
  expect(await laneOf(house)).toMatchObject({ waiting: 0 })
  await several(1)
  expect((await rowsOf(house)).map(({ status }) => status)).toEqual(['sent', 'undelivered', 'waiting'])
})

test('X1: the worker sends by itself what is written while it runs, and stops when it is told to', async () => {
  const messenger = openMessenger(database.db, systemClock(), { times: { poll: 20 } })
  const now = await openSending(database.db, systemClock(), receiver.url)
  messenger.start()
  const id = await now.tell()
  await expect.poll(() => idsAt(receiver)).toEqual([id])
  await messenger.close()
  expect(await rowsOf(now)).toMatchObject([{ status: 'sent' }])
  await now.tell()
  expect(receiver.received).toHaveLength(1)
})

test('X10: what was settled 30 days ago is deleted; what waits and what is newer stays', async () => {
  const [old, newer] = await several(2)
  await sendDue(openMessenger(database.db, clock))
  await several(1)
  await database.sql(`update qtable.messages set settled_at = settled_at - interval '30 days' where id = $1`, [old])
  await database.sql(`update qtable.messages set created_at = created_at - interval '90 days'`)
  expect(await forgetMessages(database.db, clock.now())).toBe(1)
  expect((await rowsOf(house)).map(({ id, status }) => (id === newer ? 'newer' : status))).toEqual(['newer', 'waiting'])
})

test('X8: a restaurant’s own words are sent in its language, and the usual ones again when they are taken back', async () => {
  const deps = { db: database.db, clock, newId, publish: () => undefined }
  const set = (words: { subject: string; body: string } | null) =>
    execute(deps, setMessageTemplate, house.context, { template: 'table-ready', language: 'de', words })
  await execute(deps, updateSettings, house.context, { locale: 'de-AT' })
  await set({ subject: 'Tisch', body: 'Servus [{{name}}, ]{{restaurant}} wartet[ {{minutes}}].' })
  const listed = await ask(deps, listMessageTemplates, house.context, {})
  expect(listed.filter(({ isOwn }) => isOwn)).toMatchObject([
    { template: 'table-ready', language: 'de', subject: 'Tisch' },
  ])
  await house.tell({ variables: { name: 'Ada' } })
  await house.tell({ variables: { name: 'Ada' }, language: 'en' })
  const messenger = openMessenger(database.db, clock)
  await sendDue(messenger)
  await set(null)
  await house.tell({ variables: { link: 'https://qtable.example/g/secret' } })
  await sendDue(messenger)
  const bodies = receiver.received.map(({ body }) => JSON.parse(body).data.body as string)
  expect(bodies[0]).toBe('Servus Ada, Cedar wartet.')
  expect(bodies[1]).toMatch(/^Ada, your table at Cedar is ready/)
  expect(bodies[2]).toMatch(/^Ihr Tisch im Cedar ist bereit.*https:\/\/qtable\.example\/g\/secret$/)
  // The link is a key: nothing that is kept has it.
  const kept = await database.sql('select * from qtable.messages where restaurant_id = $1', [
    house.context.restaurantId,
  ])
  expect(JSON.stringify(kept)).not.toContain('secret')
  const given = { template: 'table-ready', language: 'de', words: { subject: 'x', body: '{{nmae}}' } }
  expect(() => readInput(setMessageTemplate, house.context, given)).toThrow('has problems')
})
