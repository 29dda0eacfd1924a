import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startApp, type Restaurant, type TestApp } from '../../test/kit.ts'

let app: TestApp
let r: Restaurant
beforeAll(async () => {
  app = await startApp()
})
beforeEach(async () => {
  r = await app.restaurant()
})
afterAll(() => app.close())

/** The entries of the restaurant's newest change: `guest status-changed`. */
async function lastChange(): Promise<{ command: string; events: string[] }> {
  const [row] = await app.database.sql<{ command: string; entries: { kind: string; event: string }[] }>(
    'select command, entries from qtable.changes where restaurant_id = $1 order by seq desc limit 1',
    [r.id],
  )
  return { command: row!.command, events: row!.entries.map(({ kind, event }) => `${kind} ${event}`) }
}
const guest = async (id: string) => (await r.v2('GET', `/guests/${id}`)).body.result
const table = async (id: string) =>
  (await r.v2('GET', '/tables')).body.result.find((each: { id: string }) => each.id === id)
const recent = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)

test('G1: a walk-in is on the waitlist and checked in now, or when it says', async () => {
  const now = await r.v2('POST', '/guests', { firstName: 'Ada', partySize: 2 })
  expect(now.body.result).toMatchObject({ status: 'waitlist', checkInTime: recent, seatedTime: null, tableId: null })
  const said = await r.v2('POST', '/guests', { firstName: 'Bo', partySize: 2, checkInTime: '2026-11-23T18:00:00Z' })
  expect(said.body.result.checkInTime).toBe('2026-11-23T18:00:00.000000Z')
})

test('G2: a guest may join at a table, and a visit that is over takes none', async () => {
  const t = await r.table('1')
  const joined = await r.v2('POST', '/guests', { firstName: 'Ada', partySize: 2, status: 'seated', tableId: t })
  expect(joined.body.result).toMatchObject({ status: 'seated', tableId: t, seatedTime: recent })
  expect(await table(t)).toMatchObject({ status: 'occupied', guestId: joined.body.result.id })
  expect((await lastChange()).events).toEqual(['guest created', 'table assigned'])
  const over = await r.v2('POST', '/guests', { firstName: 'Bo', partySize: 2, status: 'finished', tableId: t })
  expect(over.body.code).toBe('ended-with-table')
  const taken = await r.v2('POST', '/guests', { firstName: 'Cy', partySize: 2, status: 'seated', tableId: t })
  expect(taken).toMatchObject({ status: 409, body: { code: 'table-not-free' } })
  const unknown = await r.v2('POST', '/guests', {
    firstName: 'Cy',
    partySize: 2,
    status: 'seated',
    tableId: '00000000-0000-4000-8000-000000000000',
  })
  expect(unknown).toMatchObject({ status: 422, body: { code: 'unknown-table' } })
})

test('G4, G5: seating and moving change guest and tables in one change each', async () => {
  const [t1, t2, g] = [await r.table('1'), await r.table('2'), await r.walkIn()]
  const seated = await r.v2('POST', `/guests/${g}/seat`, { tableId: t1 })
  expect(seated.body.result).toMatchObject({ status: 'seated', tableId: t1, seatedTime: recent })
  expect(await lastChange()).toEqual({ command: 'seat-guest', events: ['guest status-changed', 'table assigned'] })
  const moved = await r.v2('POST', `/guests/${g}/move`, { tableId: t2 })
  expect(moved.body.result).toMatchObject({ tableId: t2, seatedTime: seated.body.result.seatedTime })
  expect(await lastChange()).toEqual({
    command: 'move-guest',
    events: ['guest table-changed', 'table freed', 'table assigned'],
  })
  expect(await table(t1)).toMatchObject({ status: 'available', guestId: null })
  expect((await r.v2('POST', `/guests/${await r.walkIn()}/move`, { tableId: t1 })).body.code).toBe('guest-not-seated')
  expect((await r.v2('POST', `/guests/${g}/seat`, { tableId: t1 })).body.code).toBe('guest-not-waiting')
})

test('G6: moves that cross each other, and races for two tables at once, end with one party a table', async () => {
  const tables = await Promise.all([1, 2, 3, 4].map((n) => r.table(String(n))))
  const guests = await Promise.all([1, 2, 3, 4].map((n) => r.walkIn(`G${n}`)))
  await Promise.all(guests.map((g, i) => r.v2('POST', `/guests/${g}/seat`, { tableId: tables[i] })))
  for (let round = 0; round < 40; round++) {
    const answers = await Promise.all(
      guests.map((g, i) => r.call('PUT', `/guests/${g}`, { table_id: tables[(i + round + 1) % 4], status: 'Seated' })),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
  }
  const rows = await app.database.sql<{ table_id: string; id: string; guest_id: string }>(
    `select g.id, g.table_id, t.guest_id from qtable.guests g full join qtable.tables t
       on t.restaurant_id = g.restaurant_id and t.id = g.table_id where coalesce(g.restaurant_id, t.restaurant_id) = $1`,
    [r.id],
  )
  // Every guest sits at the table of its last move, and that table names it.
  const seats = guests.map((id, i) => ({ id, table_id: tables[(i + 40) % 4], guest_id: id }))
  expect(rows.toSorted((a, b) => guests.indexOf(a.id) - guests.indexOf(b.id))).toEqual(seats)
})

test('G8: over capacity, reserved and out of service are refused unless forced', async () => {
  const [small, g] = [
    await r.table('1', 2),
    (await r.v2('POST', '/guests', { firstName: 'Six', partySize: 6 })).body.result.id,
  ]
  const seat = (tableId: string, force?: boolean) => r.v2('POST', `/guests/${g}/seat`, { tableId, force })
  expect(await seat(small)).toMatchObject({ status: 409, body: { code: 'over-capacity', table: { id: small } } })
  for (const status of ['reserved', 'out_of_service', 'needs_cleaning', 'occupied']) {
    const t = await r.table(status, 8)
    await r.v2('PATCH', `/tables/${t}`, { status })
    expect(await seat(t)).toMatchObject({ status: 409, body: { code: 'table-not-free', table: { status } } })
  }
  expect((await seat(small, true)).body.result.tableId).toBe(small)
})

test('G9: times come with the status, a sent time wins, and the same status again changes no time', async () => {
  const [t, g] = [await r.table('1'), await r.walkIn()]
  const sent = await r.v2('PATCH', `/guests/${g}`, { status: 'seated', tableId: t, seatedTime: '2026-11-23T18:30:00Z' })
  expect(sent.body.result.seatedTime).toBe('2026-11-23T18:30:00.000000Z')
  const again = await r.v2('PATCH', `/guests/${g}`, { status: 'seated' })
  expect(again.body.result.seatedTime).toBe('2026-11-23T18:30:00.000000Z')
  const done = (await r.v2('POST', `/guests/${g}/status`, { status: 'finished' })).body.result.guest
  expect(done).toMatchObject({ finishedTime: recent, endedAt: recent, tableId: null })
  const twice = (await r.v2('PATCH', `/guests/${g}`, { status: 'finished' })).body.result
  expect(twice).toMatchObject({ finishedTime: done.finishedTime, endedAt: done.endedAt })
})

test('G10: whoever ends the visit or leaves the seat gives back the own table, whoever only had it keeps it till then', async () => {
  for (const [from, to, keeps] of [
    ['seated', 'finished', false],
    ['seated', 'waitlist', false],
    ['seated', 'cancelled', false],
    ['arrived', 'no_show', false],
    ['arrived', 'running_late', true],
    ['seated', 'seated', true],
  ] as const) {
    const [t, other, g] = [
      await r.table(`${from.slice(0, 8)} ${to.slice(0, 8)}`),
      await r.table(`x${from.slice(0, 8)} ${to.slice(0, 8)}`),
      await r.walkIn(),
    ]
    const bystander = await r.walkIn()
    await r.v2('POST', `/guests/${bystander}/seat`, { tableId: other })
    await r.v2('PATCH', `/guests/${g}`, { status: from, tableId: t })
    await r.v2('PATCH', `/guests/${g}`, { status: to })
    expect(await guest(g), `${from} to ${to}`).toMatchObject({ status: to, tableId: keeps ? t : null })
    expect(await table(t)).toMatchObject(keeps ? { guestId: g } : { status: 'available', guestId: null })
    expect(await table(other)).toMatchObject({ guestId: bystander })
  }
  const [t, g] = [await r.table('deleted'), await r.walkIn()]
  await r.v2('POST', `/guests/${g}/seat`, { tableId: t })
  await r.v2('DELETE', `/guests/${g}`)
  expect(await table(t)).toMatchObject({ status: 'available', guestId: null })
  expect((await lastChange()).events).toEqual(['guest deleted', 'table freed'])
})

test('G11: clearing frees a table whatever it was, and finishes whoever had it', async () => {
  const [t, g] = [await r.table('1'), await r.walkIn()]
  await r.v2('PATCH', `/guests/${g}`, { status: 'arrived', tableId: t })
  const cleared = (await r.v2('POST', `/tables/${t}/clear`)).body.result
  expect(cleared).toMatchObject({
    table: { status: 'available', guestId: null },
    guest: { status: 'finished', finishedTime: recent, tableId: null },
  })
  expect(await lastChange()).toEqual({ command: 'clear-table', events: ['guest cleared', 'table cleared'] })
  await r.v2('PATCH', `/tables/${t}`, { status: 'out_of_service' })
  expect((await r.v2('POST', `/tables/${t}/clear`)).body.result).toMatchObject({
    table: { status: 'available' },
    guest: null,
  })
})

test('G12: a table set to available is free; a guest named there moves there', async () => {
  const [t1, t2, a, b] = [await r.table('1'), await r.table('2'), await r.walkIn('A'), await r.walkIn('B')]
  await r.v2('POST', `/guests/${a}/seat`, { tableId: t1 })
  await r.call('PUT', `/tables/${t1}`, { status: 'available' })
  expect(await guest(a)).toMatchObject({ status: 'finished', finishedTime: recent, tableId: null })
  await r.v2('PATCH', `/guests/${b}`, { status: 'arrived', tableId: t1 })
  await r.call('PUT', `/tables/${t1}`, { status: 'available' })
  expect(await guest(b)).toMatchObject({ status: 'arrived', finishedTime: null, tableId: null })
  await r.call('PUT', `/tables/${t1}`, { currentGuestId: b })
  await r.call('PUT', `/tables/${t2}`, { current_guest_id: b, status: 'reserved' })
  expect(await table(t1)).toMatchObject({ status: 'available', guestId: null })
  expect(await table(t2)).toMatchObject({ status: 'reserved', guestId: b })
  expect(await guest(b)).toMatchObject({ tableId: t2 })
  await r.call('PUT', `/tables/${t2}`, { currentGuestId: '' })
  expect(await table(t2)).toMatchObject({ status: 'reserved', guestId: null })
  expect(await guest(b)).toMatchObject({ tableId: null })
  const nobody = await r.call('PUT', `/tables/${t2}`, { currentGuestId: 'nobody' })
  expect(nobody.status).toBe(422)
  expect(nobody.body.detail[0]).toMatchObject({ loc: ['body', 'currentGuestId'], input: 'nobody' })
})

test('G13: lists leave out visits that the server saw end long ago, whatever times were sent; history has all', async () => {
  const [old, open, recentlyDone] = [await r.walkIn('Old'), await r.walkIn('Open'), await r.walkIn('Done')]
  await r.call('PUT', `/guests/${old}`, { status: 'Finished' })
  await r.call('PUT', `/guests/${recentlyDone}`, { status: 'Finished', finished_time: '2001-01-01T00:00:00' })
  await app.database.sql(`update qtable.guests set ended_at = now() - interval '8 days' where id = $1`, [old])
  const names = async (query: string) =>
    (await r.call('GET', `/guests${query}`)).body.map((g: { firstName: string }) => g.firstName)
  expect(await names('')).toEqual(['Done', 'Open'])
  expect(await names('?history=all')).toEqual(['Done', 'Open', 'Old'])
  expect(await names('?history=all&limit=1')).toEqual(['Done'])
  const { createdAt } = (await r.call('GET', `/guests/${open}`)).body
  expect(await names(`?history=all&before=${createdAt}`)).toEqual(['Old'])
})

test('G15: a version that has passed is refused with the entity as it is; edits to different fields both stay', async () => {
  const [t, g] = [await r.table('1'), await r.walkIn()]
  await Promise.all([
    r.v2('PATCH', `/guests/${g}`, { notes: 'by the window' }),
    r.v2('PATCH', `/guests/${g}`, { phone: '555' }),
    r.v2('PATCH', `/guests/${g}`, { partySize: 3 }),
  ])
  expect(await guest(g)).toMatchObject({ notes: 'by the window', phone: '555', partySize: 3, version: 4 })
  const late = await r.v2('PATCH', `/guests/${g}`, { notes: 'x', version: 1 })
  expect(late).toMatchObject({
    status: 409,
    body: { code: 'version-conflict', guest: { version: 4, notes: 'by the window' } },
  })
  const lateTable = await r.v2('PATCH', `/tables/${t}`, { capacity: 9, version: 7 })
  expect(lateTable).toMatchObject({
    status: 409,
    body: { code: 'version-conflict', table: { version: 1, capacity: 4 } },
  })
  expect((await r.v2('PATCH', `/tables/${t}`, { capacity: 9, version: 1 })).body.result.version).toBe(2)
})

test('G1: an id that is in use is refused as such, also for a party that sits down at once', async () => {
  const restaurant = await app.restaurant()
  const table = await restaurant.table('1')
  const id = await restaurant.walkIn()
  for (const seat of [{}, { tableId: table, status: 'seated' }]) {
    const { status, body } = await restaurant.v2('POST', '/guests', { id, firstName: 'Bea', partySize: 2, ...seat })
    expect([status, body.code]).toEqual([409, 'id-taken'])
  }
  expect((await restaurant.call('GET', '/tables')).body[0].status).toBe('available')
  const other = await restaurant.walkIn()
  await restaurant.v2('POST', `/guests/${other}/seat`, { tableId: table })
  const takeOver = { id, firstName: 'Bea', partySize: 2, tableId: table, status: 'seated', takeOver: true }
  for (const headers of [{}, { 'Idempotency-Key': 'take-over' }, { 'Idempotency-Key': 'take-over' }]) {
    const { status, body } = await restaurant.v2('POST', '/guests', takeOver, headers)
    expect([status, body.code]).toEqual([409, 'id-taken'])
  }
  expect((await restaurant.call('GET', '/tables')).body[0].status).toBe('occupied')
})
