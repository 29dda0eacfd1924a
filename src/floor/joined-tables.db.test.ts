import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startApp, type Restaurant, type TestApp } from '../../test/kit.ts'
import { upTo } from '../../test/patience.ts'
import type { Table } from '../tables/tables.ts'

let app: TestApp
let r: Restaurant
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())
beforeEach(async () => {
  r = await app.restaurant()
})

const tables = async (): Promise<Table[]> => (await r.v2('GET', '/tables')).body.result
const seat = (guest: string, tableId: string, joinedTableIds: string[]) =>
  r.v2('POST', `/guests/${guest}/seat`, { tableId, joinedTableIds })
const fourTables = () => Promise.all(['1', '2', '3', '4'].map((number) => r.table(number, 4)))

/** What joined tables must look like, whatever was done; what is wrong with them. */
function faults(all: readonly Table[], guests: readonly { id: string; tableId: string | null }[]): string[] {
  const byId = new Map(all.map((table) => [table.id, table]))
  return all.flatMap((table) => {
    const { number, guestId, joinedTo, joined } = table
    const first = joinedTo === null ? table : byId.get(joinedTo)
    return [
      ...(guestId !== null && guests.find(({ id }) => id === guestId)?.tableId !== first?.id
        ? [`${number}: a pair`]
        : []),
      ...(joinedTo !== null && !first!.joined.includes(table.id) ? [`${number}: its first does not know it`] : []),
      ...joined.filter((id) => byId.get(id)?.joinedTo !== table.id).map(() => `${number}: does not lead`),
      ...(guestId === null && (joinedTo !== null || joined.length > 0) ? [`${number}: joined without a party`] : []),
    ]
  })
}

const found = async () => {
  const { entities } = (await r.v2('GET', '/snapshot')).body
  const of = (kind: string) =>
    entities.filter((each: { kind: string }) => each.kind === kind).map(({ value }: { value: object }) => value)
  return faults(of('table'), of('guest'))
}

test('T11: a party of eight takes two tables of four, which are moved and cleared as one', async () => {
  const [a, b, c, d] = (await fourTables()) as [string, string, string, string]
  const guest = await r.walkIn('Kim', 8)
  expect(await r.v2('POST', `/guests/${guest}/seat`, { tableId: a })).toMatchObject({
    status: 409,
    body: { code: 'over-capacity' },
  })
  expect((await seat(guest, a, [b])).body.result).toMatchObject({ status: 'seated', tableId: a })
  expect(await tables()).toMatchObject([
    { id: a, status: 'occupied', guestId: guest, joinedTo: null, joined: [b] },
    { id: b, status: 'occupied', guestId: guest, joinedTo: a, joined: [] },
    { status: 'available' },
    { status: 'available' },
  ])
  // The iPad sees each as taken by that guest.
  const ios = await r.call('GET', '/tables')
  expect(ios.body.map((table: { currentGuestId: string | null }) => table.currentGuestId)).toEqual([
    guest,
    guest,
    null,
    null,
  ])
  expect(await found()).toEqual([])
  await r.v2('POST', `/guests/${guest}/move`, { tableId: d, joinedTableIds: [c] })
  expect((await tables()).map(({ guestId }) => guestId)).toEqual([null, null, guest, guest])
  // Any of them clears all.
  expect((await r.call('PUT', `/tables/${c}/clear`)).status).toBe(200)
  expect((await tables()).map(({ status, joined }) => [status, joined])).toEqual(
    Array.from({ length: 4 }, () => ['available', []]),
  )
  expect((await r.v2('GET', `/guests/${guest}`)).body.result).toMatchObject({ status: 'finished', tableId: null })
})

test('T11: tables are added to a party that sits, and taken away again', async () => {
  const [a, b, c] = (await fourTables()) as [string, string, string, string]
  const guest = await r.walkIn('Kim', 4)
  await seat(guest, a, [])
  await r.v2('POST', `/guests/${guest}/move`, { tableId: a, joinedTableIds: [b, c] })
  expect((await tables()).slice(0, 3)).toMatchObject([{ joined: [b, c] }, { joinedTo: a }, { joinedTo: a }])
  // One of its own tables becomes the first, and one is given back.
  await r.v2('POST', `/guests/${guest}/move`, { tableId: c, joinedTableIds: [a] })
  expect((await tables()).slice(0, 3)).toMatchObject([
    { joinedTo: c, joined: [] },
    { status: 'available', joinedTo: null },
    { joinedTo: null, joined: [a] },
  ])
  expect(await found()).toEqual([])
})

test('T11: a taken or unknown table refuses all of them; who takes one over frees the others', async () => {
  const [a, b, c] = (await fourTables()) as [string, string, string, string]
  const [kim, ana, bo] = await Promise.all([r.walkIn('Kim', 8), r.walkIn('Ana', 2), r.walkIn('Bo', 2)])
  await seat(ana, b, [])
  const before = await tables()
  expect(await seat(kim, a, [b])).toMatchObject({ status: 409, body: { code: 'table-not-free', table: { id: b } } })
  expect(await seat(kim, a, [kim])).toMatchObject({ status: 422, body: { code: 'unknown-table' } })
  expect(await tables()).toEqual(before)
  await seat(kim, a, [c])
  // A member is taken over by the iPad's way of saying so.
  await r.v2('PATCH', `/guests/${bo}`, { status: 'seated', tableId: c, takeOver: true })
  expect(await tables()).toMatchObject([
    { status: 'available', guestId: null, joined: [] },
    { guestId: ana },
    { guestId: bo, joinedTo: null },
    {},
  ])
  expect((await r.v2('GET', `/guests/${kim}`)).body.result).toMatchObject({ status: 'waitlist', tableId: null })
  expect(await found()).toEqual([])
})

test('T11: a reservation holds joined tables, and gives all of them back', async () => {
  const [a, b] = (await fourTables()) as [string, string, string, string]
  const { id } = (await r.v2('POST', '/reservations', { guestName: 'Bo', partySize: 8, status: 'confirmed' })).body
    .result
  expect((await r.v2('PATCH', `/reservations/${id}`, { tableId: a, joinedTableIds: [b] })).status).toBe(200)
  expect((await tables()).slice(0, 2)).toMatchObject([
    { status: 'reserved', reservationId: id, joined: [b] },
    { status: 'reserved', reservationId: id, joinedTo: a },
  ])
  await r.v2('PATCH', `/reservations/${id}`, { status: 'seated' })
  expect((await tables()).slice(0, 2)).toMatchObject([{ status: 'occupied', joined: [b] }, { status: 'occupied' }])
  await r.v2('POST', `/reservations/${id}/cancel`)
  expect((await tables()).map(({ status }) => status)).toEqual(Array(4).fill('available'))
})

test('T11: the database refuses a joined table whose party is not at its first', async () => {
  const [a, b, c] = (await fourTables()) as [string, string, string, string]
  const guest = await r.walkIn('Kim', 8)
  await seat(guest, a, [b])
  const set = (id: string, what: string) => app.database.sql(`update qtable.tables set ${what} where id = $1`, [id])
  await expect(set(b, `joined_to = '${c}'`)).rejects.toThrow('tables_pair')
  await expect(set(b, `joined_to = null`)).rejects.toThrow('tables_guest_key')
  await expect(set(c, `joined_to = '${a}'`)).rejects.toThrow('tables_joined_is_taken')
  await expect(set(b, `guest_id = null, joined_to = null, status = 'available'`)).resolves.toBeDefined()
})

/** `RACES=10000` is the number that a release is proven with. */
const RACES = Number(process.env['RACES'] ?? 60)

test(
  'T11: of parties that race for overlapping tables, one gets each, and no table has two',
  { timeout: upTo(60_000 + RACES * 60) },
  async () => {
    const ids = await fourTables()
    const guests = await Promise.all(Array.from({ length: 6 }, (_, n) => r.walkIn(`G${n}`, 2)))
    const some = fc.shuffledSubarray(ids, { minLength: 1, maxLength: 3 })
    const step = fc.record({
      guest: fc.nat(5),
      tables: some,
      does: fc.constantFrom('seat', 'move', 'clear', 'finish', 'take'),
    })
    const seed = Number(process.env['SEED'] ?? Math.trunc(Math.random() * 1e9))
    console.log(`seed ${seed}, ${RACES} races`)
    for (const race of fc.sample(fc.array(step, { minLength: 3, maxLength: 5 }), { seed, numRuns: RACES })) {
      const answers = await Promise.all(
        race.map(({ guest, tables: [tableId, ...joinedTableIds], does }) => {
          const id = guests[guest]!
          if (does === 'seat' || does === 'move')
            return r.v2('POST', `/guests/${id}/${does}`, { tableId, joinedTableIds })
          if (does === 'clear') return r.v2('POST', `/tables/${tableId}/clear`)
          if (does === 'take') return r.v2('PATCH', `/guests/${id}`, { tableId, takeOver: true, force: true })
          return r.v2('PATCH', `/guests/${id}`, { status: 'waitlist', force: true })
        }),
      )
      expect(answers.filter(({ status }) => status >= 500).map(({ text }) => text)).toEqual([])
      expect(await found(), `seed ${seed}`).toEqual([])
    }
  },
)
