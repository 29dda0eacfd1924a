import { expect, test, vi } from 'vitest'
import { count, endOf, expectOpen, say, seqsOf, useStream, type TestStream } from '../../../test/streams.ts'
import type { House, Parts } from '../../../test/parts.ts'
import { newId } from '../../platform/ids.ts'
import { upTo } from '../../../test/patience.ts'

/** What a device on the stream is told, over real sockets and a real database. */

vi.setConfig({ testTimeout: upTo(5_000) })

let at: TestStream
let parts: Parts
let house: House
let open: TestStream['open']
let greeted: TestStream['greeted']
useStream(
  (stream) => {
    at = stream
    ;({ parts, open, greeted } = at)
  },
  (each) => (house = each),
)

const sql = (text: string) => at.database.sql(text, [house.id])
const write = () => parts.addTable(house)
const standing = async () => {
  const { live, release } = await parts.floors.hold(house.id)
  release()
  return live.floor.standing
}

test('F1, F2: who holds nothing gets the floor and then each change, once', async () => {
  await write()
  const device = await greeted(house)
  const { epoch } = await standing()
  expect(device.messages).toMatchObject([
    { type: 'resync', reason: 'new', epoch, head: 1 },
    { type: 'snapshot', epoch, seq: 1, entities: [{ kind: 'table' }] },
  ])
  for (let n = 0; n < 3; n++) await write()
  await expectOpen(device)
  expect([seqsOf(device), device.messages.length]).toEqual([[2, 3, 4], 6])
  await device.close()
})

test('F1: who stands somewhere gets what it missed, from memory and from the log, and then each change, once', async () => {
  await write()
  await write()
  const { epoch } = await standing()
  for (let n = 0; n < 2; n++) await write()
  for (const since of [3, 0, 4]) {
    const device = await greeted(house, { epoch, since })
    const head = (await standing()).seq
    await write()
    await device.until(() => seqsOf(device).length === head - since + 1)
    await expectOpen(device)
    expect(device.messages[0]).toEqual({ type: 'resumed', epoch, head })
    expect(seqsOf(device)).toEqual(Array.from({ length: head + 1 - since }, (_, i) => since + 1 + i))
    expect(count(device, 'snapshot')).toBe(0)
    await device.close()
  }
})

test('F2: who cannot go on from where it stands is told why and begins anew', async () => {
  await write()
  await write()
  const { epoch, at: last } = await standing()
  const old = '2020-01-01T00:00:00.000000Z'
  for (const [place, reason] of [
    [{ epoch: newId(), since: 2 }, 'epoch'],
    [{ epoch, since: 3 }, 'ahead'],
    [{ epoch, since: 2, at: old }, 'diverged'],
    [{ epoch, since: 1, at: old }, 'diverged'],
  ] as const) {
    const device = await greeted(house, place)
    expect(device.messages).toMatchObject([
      { type: 'resync', reason, epoch, head: 2 },
      { type: 'snapshot', seq: 2 },
    ])
    await device.close()
  }
  const good = await greeted(house, { epoch, since: 2, at: last })
  await expectOpen(good)
  expect(good.messages).toEqual([{ type: 'resumed', epoch, head: 2 }, { type: 'pong' }])
  await good.close()
})

test('L20, F2: a log that began anew is found when a device comes from it, or stands ahead of the old one', async () => {
  await write()
  const { live, release } = await parts.floors.hold(house.id)
  const renew = async (): Promise<string> => {
    const [row] = await sql(
      'update qtable.heads set epoch = gen_random_uuid() where restaurant_id = $1 returning epoch',
    )
    return row!['epoch'] as string
  }
  const before = live.floor.standing.epoch
  const epoch = await renew()
  // Another process has told it of the new epoch already: nothing is to begin anew twice.
  const device = await greeted(house, { epoch, since: 1 })
  expect(device.messages[0]).toEqual({ type: 'resumed', epoch, head: 1 })
  const next = await renew()
  const ahead = await greeted(house, { epoch, since: 7 })
  expect(ahead.messages.slice(0, 2)).toMatchObject([
    { type: 'resync', reason: 'epoch', epoch: next },
    { type: 'snapshot', epoch: next },
  ])
  // And who was connected begins anew with it.
  await device.until(() => count(device, 'snapshot') === 1)
  expect(device.messages[1]).toEqual({ type: 'resync', reason: 'epoch', epoch: next, head: 1 })
  expect(before).not.toBe(next)
  await write()
  for (const each of [device, ahead]) {
    await each.until(() => seqsOf(each).length > 0)
    expect(seqsOf(each)).toEqual([2])
    await each.close()
  }
  release()
})

test('F4: whoever says anything but a good hello first is closed, and told what was wrong', async () => {
  for (const [message, why] of [
    [{ type: 'ping' }, 'the first message is hello'],
    [{ type: 'applied', seq: 1 }, 'the first message is hello'],
    [{}, 'the first message is hello'],
    [{ type: 'hello', token: house.token, epoch: 'x', since: 1 }, 'hello: epoch must be a UUID in lower case'],
    [{ type: 'hello', token: house.token, since: 3 }, 'hello:  epoch and since go together'],
  ] as const) {
    const device = await open(house)
    const end = endOf(device)
    say(device, message)
    expect(await end).toEqual([4400, why])
    expect(device.messages).toEqual([])
  }
  for (const [token, code, why] of [
    ['nonsense', 4401, 'no valid token'],
    [undefined, 4401, 'no valid token'],
    [(await parts.house()).token, 4403, 'not this restaurant, or it is suspended'],
  ] as const) {
    const device = await open(house)
    const end = endOf(device)
    say(device, { type: 'hello', ...(token !== undefined && { token }) })
    expect(await end).toEqual([code, why])
    expect(device.messages).toEqual([])
  }
})

test('F4, A16: an inactive account is closed as unknown, a suspended restaurant as not allowed', async () => {
  const other = await parts.house()
  await sql('update qtable.staff set is_active = false where restaurant_id = $1')
  await at.database.sql('update qtable.restaurants set is_active = false where restaurant_id = $1', [other.id])
  for (const [each, code] of [
    [house, 4401],
    [other, 4403],
  ] as const) {
    const device = await open(each)
    say(device, { type: 'hello', token: each.token })
    expect(await device.closed).toBe(code)
  }
})

test('F4: the token of the handshake counts in a hello that has none, and the hello’s before it', async () => {
  const other = await parts.house()
  const device = await open(house, house.token)
  say(device, { type: 'hello' })
  await device.until((heard) => heard.length === 2)
  await device.close()
  const changed = await open(house, house.token)
  say(changed, { type: 'hello', token: other.token })
  expect(await changed.closed).toBe(4403)
})

test('W3: after its hello a ping is answered, what is unknown is passed over, and what is no message closes it', async () => {
  for (const text of ['nonsense', '{}', '{"type":5}', '[]', '"ping"']) {
    const device = await greeted(house)
    say(device, { type: 'unknown' })
    await expectOpen(device)
    const end = endOf(device)
    device.ws.send(text)
    expect(await end, text).toEqual([4400, 'a message is a JSON object with a type'])
  }
})

test('M3: a change that a device says it shows is noted once, if it was told as it came', async () => {
  await write()
  const device = await greeted(house)
  const show = async (...all: unknown[]) => {
    for (const seq of all) say(device, { type: 'applied', seq })
    await expectOpen(device)
  }
  await show(1, 0, 2, -1, 'x')
  expect(at.applied).toEqual([])
  await write()
  await write()
  await device.until(() => seqsOf(device).length === 2)
  const { at: shown } = await standing()
  await show(3, 3, 2, 4)
  expect(at.applied).toEqual([shown])
  await device.close()
  // What it had missed is old.
  const { epoch } = await standing()
  const again = await greeted(house, { epoch, since: 1 })
  await again.until(() => seqsOf(again).length === 2)
  say(again, { type: 'applied', seq: 3 })
  await expectOpen(again)
  expect(at.applied).toEqual([shown])
  await again.close()
})
