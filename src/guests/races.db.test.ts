import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type Answer, type Device, type Restaurant, type TestApp } from '../../test/kit.ts'
import { raceForTable } from '../../test/races.ts'
import { upTo } from '../../test/patience.ts'
import { randomFrom } from '../../test/random.ts'

/** Races for one table. The long form of issue and spec: `RACES=10000 npx vitest run --project db src/guests/races`. */
const RACES = Number(process.env['RACES'] ?? 50)
const SEED = Number(process.env['SEED'] ?? 20_261_123)
const MOST = 20

let app: TestApp
let r: Restaurant
let device: Device
let table: string
let guests: string[]

beforeAll(async () => {
  app = await startApp({ POOL_SIZE: '24' })
  r = await app.restaurant()
  device = await r.device()
  table = await r.table('1', 50)
  guests = await Promise.all(Array.from({ length: MOST }, (_, i) => r.walkIn(`G${i}`)))
})
afterAll(() => app.close())

const byId = (answer: Answer, id: string) => answer.body.find((each: { id: string }) => each.id === id)
const quiet = async () => {
  const [{ seq }] = (await app.database.sql<{ seq: string }>('select seq from qtable.heads where restaurant_id = $1', [
    r.id,
  ])) as [{ seq: string }]
  const marker = `quiet ${seq}`
  const id = await r.walkIn(marker)
  await device.until((heard) => heard.at(-1)?.['data']?.guestName === marker)
  await r.call('DELETE', `/guests/${id}`)
  await device.until((heard) => heard.at(-1)?.['type'] === 'guest_deleted')
}

test(
  `G6: ${RACES} races of 2 to ${MOST} for one table through /v2: one winner each, each loser is shown the table (seed ${SEED})`,
  { timeout: upTo(600_000) },
  async () => {
    const next = randomFrom(SEED)
    let requests = 0
    for (let race = 0; race < RACES; race++) {
      const racers = guests.slice(0, 2 + Math.floor(next() * (MOST - 1)))
      const winner = await raceForTable(r, racers, table)
      requests += racers.length
      await r.v2('PATCH', `/guests/${winner}`, { status: 'waitlist' })
    }
    console.log(`${RACES} races, ${requests} requests, one winner each`)
    const [row] = await app.database.sql('select status, guest_id from qtable.tables where id = $1', [table])
    expect(row).toEqual({ status: 'available', guest_id: null })
  },
)

test(
  `G7: ${RACES} races through the iPad's contract: one party at the table, the others back on the waitlist, told once each (seed ${SEED})`,
  { timeout: upTo(600_000) },
  async () => {
    const next = randomFrom(SEED + 1)
    let displacements = 0
    for (let race = 0; race < RACES; race++) {
      const racers = guests.slice(0, 2 + Math.floor(next() * (MOST - 1)))
      await quiet()
      const from = device.messages.length
      const body = { status: 'Seated', table_id: table }
      const answers = await Promise.all(racers.map((id) => r.call('PUT', `/guests/${id}`, body)))
      expect(answers.every(({ status }) => status === 200)).toBe(true)
      await quiet()
      const heard = device.messages.slice(from).filter((m) => m['type'] === 'guest_updated')
      const list = await r.call('GET', '/guests')
      const holder: string = byId(await r.call('GET', '/tables'), table).currentGuestId
      expect(racers).toContain(holder)
      for (const id of racers) {
        const mine = heard.filter((m) => m['guest_id'] === id).map((m) => m['data'].status)
        const wanted = id === holder ? ['Seated'] : ['Seated', 'Waitlist']
        expect(mine).toEqual(wanted)
        expect(byId(list, id)).toMatchObject(
          id === holder
            ? { status: 'Seated', tableId: table }
            : { status: 'Waitlist', tableId: null, seatedTime: null },
        )
      }
      displacements += racers.length - 1
      await r.call('PUT', `/guests/${holder}`, { status: 'Waitlist' })
    }
    console.log(`${RACES} races, ${displacements} displacements, one message each`)
  },
)

test('G14: the database itself refuses two parties at one table, and a pair with one side', async () => {
  const [t1, t2, a, b] = [await r.table('raw 1'), await r.table('raw 2'), await r.walkIn('A'), await r.walkIn('B')]
  await r.call('PUT', `/guests/${a}`, { table_id: t1, status: 'Seated' })
  const raw = (sql: string, ...ids: string[]) =>
    app.database.sql(`set search_path = qtable; ${sql.replace(/\$(\d)/g, (_, n: string) => `'${ids[Number(n) - 1]}'`)}`)
  await expect(raw(`update guests set table_id = $1 where id = $2`, t1, b)).rejects.toThrow('guests_table_key')
  await expect(raw(`update guests set table_id = $1 where id = $2`, t2, b)).rejects.toThrow('guests_pair')
  await expect(raw(`update tables set guest_id = $1, status = 'occupied' where id = $2`, a, t2)).rejects.toThrow(
    'tables_guest_key',
  )
  await expect(raw(`update tables set guest_id = $1, status = 'occupied' where id = $2`, b, t2)).rejects.toThrow(
    'tables_pair',
  )
  await expect(raw(`update tables set guest_id = null where id = $1`, t1)).rejects.toThrow('guests_pair')
  await expect(raw(`update tables set status = 'available' where id = $1`, t1)).rejects.toThrow('tables_free_is_empty')
  await expect(raw(`delete from guests where id = $1`, a)).rejects.toThrow('tables_pair')
  await expect(raw(`delete from tables where id = $1`, t1)).rejects.toThrow('guests_pair')
})
