import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startApp, type Restaurant, type TestApp } from '../../../test/kit.ts'
import { changeText } from '../floor/live-floor.ts'

let app: TestApp
let r: Restaurant
let [guestId, tableId, freeId, reservationId] = ['', '', '', '']
beforeAll(async () => {
  app = await startApp()
})
beforeEach(async () => {
  r = await app.restaurant()
  ;[tableId, freeId] = [await r.table('1'), await r.table('2')]
  guestId = await r.walkIn()
  await r.call('PUT', `/guests/${guestId}`, { status: 'Seated', table_id: tableId, dietary_restrictions: ['nuts'] })
  const made = await r.v2('POST', '/reservations', { guestName: 'Bo', partySize: 2 })
  reservationId = made.body.result.id
})
afterAll(() => app.close())

const headers = () => ({ authorization: `Bearer ${r.token}` })
const get = async (path: string) => (await app.call('GET', path, undefined, headers())).body
/** Everything that is stored of the floor, versions and times too. */
const stored = async () => (await r.v2('GET', '/snapshot')).body
const deltaSince = async (since: string) =>
  (await get(`/api/sync/delta?restaurant_id=${r.id}&since=${since}`)).changes.map(
    (c: { entity_id: string }) => c.entity_id,
  )

test('L19: at the native API what changes nothing is no change: no seq, no version, nothing told', async () => {
  const before = await stored()
  const same: [string, string, object][] = [
    ['PATCH', `/guests/${guestId}`, {}],
    ['PATCH', `/guests/${guestId}`, { firstName: 'Ada', partySize: 2, notes: null, dietaryRestrictions: ['nuts'] }],
    ['PATCH', `/guests/${guestId}`, { status: 'seated', tableId }],
    ['POST', `/guests/${guestId}/status`, { status: 'seated' }],
    ['PATCH', `/tables/${tableId}`, { capacity: 4, x: 0.5, section: null, partyId: guestId }],
    ['PATCH', `/tables/${freeId}`, { status: 'available' }],
    ['POST', `/tables/${freeId}/clear`, {}],
    ['PATCH', `/reservations/${reservationId}`, { guestName: 'Bo', status: 'waitlist' }],
    ['POST', '/batch', { operations: [{ command: 'update-guest', input: { guestId } }] }],
    ['POST', '/each', { operations: [{ command: 'clear-table', input: { tableId: freeId } }] }],
  ]
  for (const [n, [method, path, body]] of same.entries()) {
    const key = { 'idempotency-key': `same-${n}` }
    const answers = [
      await r.v2(method, path, body, key),
      await r.v2(method, path, body, key),
      await r.v2(method, path, body),
    ]
    expect(
      answers.map(({ status, body: answer }) => [status, answer.seq]),
      path,
    ).toEqual(answers.map(() => [200, null]))
  }
  expect(await stored()).toEqual(before)
})

test("L19, C9: at the iPad's door it is told as recorded, and nothing else: no new time, no delta, no word on the stream", async () => {
  const [realtime, sync] = [await r.device(), await r.device('/ws/restaurant/sync')]
  const before = await stored()
  const live: string[] = []
  const stop = await app.app.hub.subscribe(r.id, (change) => void live.push(changeText(change)))
  const same: [string, string, object?][] = [
    ['PUT', `/guests/${guestId}`, {}],
    ['PUT', `/guests/${guestId}`, { first_name: 'Ada', status: 'Seated' }],
    ['PUT', `/guests/${guestId}`, { table_id: tableId }],
    ['PUT', `/tables/${tableId}`, {}],
    ['PUT', `/tables/${tableId}`, { status: 'occupied', capacity: 4 }],
    ['PUT', `/tables/${freeId}/clear`],
    ['POST', '/batch-update', { guests: [{ id: guestId, status: 'seated' }], tables: [{ id: freeId }] }],
    ['POST', '/batch-update', {}],
    ['PUT', `/reservations/${reservationId}`, { notes: null, party_size: 2 }],
  ]
  for (const [method, path, body] of same) expect((await r.call(method, path, body)).status, path).toBe(200)
  await realtime.until((heard) => heard.filter((m) => m['type'] === 'atomic_transaction_complete').length === 2)
  await sync.until((heard) => heard.length === 5)
  const heard = ({ messages }: typeof realtime) => messages.slice(1).map((m) => `${m['type']} ${m['action'] ?? ''}`)
  expect(heard(realtime)).toEqual([
    'guest_updated info_updated',
    'guest_updated status_changed',
    'guest_updated table_assigned',
    'table_updated updated',
    'table_updated assigned',
    'table_updated cleared',
    'guest_updated status_changed',
    'table_updated status_changed',
    'atomic_transaction_complete ',
    'atomic_transaction_complete ',
  ])
  expect(heard(sync)).toEqual(['updated', 'assigned', 'updated', 'updated'].map((action) => `table_updated ${action}`))

  const after = await stored()
  expect(after.seq).toBe(before.seq + same.length)
  expect([after.hash, after.entities]).toEqual([before.hash, before.entities])
  expect(await deltaSince(before.at)).toEqual([])
  const { body } = await r.v2('GET', `/changes?epoch=${before.epoch}&since=${before.seq}`)
  expect(body.changes.map(({ entries }: { entries: object[] }) => entries)).toEqual(same.map(() => []))
  expect(body.changes.map((change: object) => JSON.stringify(change))).toEqual(live)
  stop()
})

test('L19, B2: of a batch only that is news which changed', async () => {
  const before = await stored()
  const guests = [
    { id: guestId, status: 'Seated' },
    { id: guestId, partySize: 3 },
    { id: guestId, partySize: 3 },
  ]
  const { body } = await r.call('POST', '/batch-update', { guests, tables: [{ id: freeId, status: 'available' }] })
  expect(body.updated_guests.map((each: { partySize: number }) => each.partySize)).toEqual([2, 3, 3])
  expect(await deltaSince(before.at)).toEqual([guestId])
  const version = (snapshot: { entities: { id: string; version: number }[] }, id: string) =>
    snapshot.entities.find((each) => each.id === id)!.version
  const after = await stored()
  expect(version(after, guestId)).toBe(version(before, guestId) + 1)
  expect(version(after, freeId)).toBe(version(before, freeId))
})
