import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { doSomething, openTestDevice, shownFloor, storedFloor, until, type TestDevice } from '../test/devices.ts'
import { startApp, type Restaurant, type TestApp } from '../test/kit.ts'
import { FileStorage } from './storage-file.ts'
import { MemoryStorage } from './storage.ts'
import type { Snapshot } from './words.ts'
import { upTo } from '../test/patience.ts'
import { randomFrom } from '../test/random.ts'

/** The client against the real server. */

let app: TestApp
let folder: string
const open: TestDevice[] = []
beforeAll(async () => {
  app = await startApp()
  folder = await mkdtemp(join(tmpdir(), 'qtable-client-'))
})
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ client }) => client.close()))
})
afterAll(async () => {
  await app.close()
  await rm(folder, { recursive: true, force: true })
})

async function device(r: Restaurant, options: Parameters<typeof openTestDevice>[2] = {}): Promise<TestDevice> {
  const made = await openTestDevice(app, r, options)
  open.push(made)
  return made
}

async function live(r: Restaurant, options: Parameters<typeof openTestDevice>[2] = {}): Promise<TestDevice> {
  const made = await device(r, options)
  made.client.start()
  await until(made.client, () => made.client.status === 'live')
  return made
}

/** Resolves when each shows exactly what the database has. */
async function same(r: Restaurant, ...clients: TestDevice['client'][]): Promise<void> {
  const stored = await storedFloor(app, r)
  const { seq } = (await r.v2('GET', '/snapshot')).body
  for (const client of clients) {
    await until(client, () => client.confirmed.seq === seq && client.pendingCount === 0)
    expect(shownFloor(client)).toEqual(stored)
  }
}

const changesOf = (r: Restaurant) =>
  app.database.sql<{ mutation_id: string; seq: number; command: string }>(
    'select mutation_id, seq, command from qtable.changes where restaurant_id = $1 and mutation_id is not null',
    [r.id],
  )

test('D2, D11: two devices see what the other does, at once on their own glass and then on both', async () => {
  const r = await app.restaurant()
  const table = await r.table('1')
  const [a, b] = [(await live(r)).client, (await live(r)).client]
  const joined = a.do.addGuest({ firstName: 'Ada', partySize: 2 })
  expect(a.floor.get('guest', joined.made!)).toMatchObject({ firstName: 'Ada', status: 'waitlist' })
  expect(a.floor.isPending('guest', joined.made!)).toBe(true)
  const seated = a.do.seatGuest({ guestId: joined.made!, tableId: table })
  expect(a.floor.get('table', table)).toMatchObject({ status: 'occupied', guestId: joined.made })
  expect(await seated.settled).toMatchObject({ outcome: 'done', result: { status: 'seated' } })
  await until(b, () => b.floor.get('table', table)?.guestId === joined.made)
  b.do.clearTable({ tableId: table })
  await until(a, () => a.floor.get('table', table)?.status === 'available')
  await until(a, () => a.floor.get('guest', joined.made!)?.status === 'finished')
  await same(r, a, b)
  expect(a.floor.isPending('guest', joined.made!)).toBe(false)
  expect([a.lastSyncedAt !== null, a.conflicts, a.floor.unlikely.size]).toEqual([true, [], 0])
})

test('D8: a refused mutation becomes a conflict, changes nothing, and the next is sent', async () => {
  const r = await app.restaurant()
  const [table, mine, theirs] = [await r.table('1'), await r.walkIn('Mine'), await r.walkIn('Theirs')]
  const { client, network, storage } = await live(r, { device: 'Bar' })
  network.down()
  await r.v2('POST', `/guests/${theirs}/seat`, { tableId: table }, { 'x-device': 'Host stand' })
  const lost = client.do.seatGuest({ guestId: mine, tableId: table })
  const noted = client.do.updateGuest({ guestId: mine, notes: 'window' })
  expect(client.floor.get('guest', mine)).toMatchObject({ status: 'seated', notes: 'window' })
  await lost.stored
  network.up()
  const settled = await lost.settled
  expect(settled).toMatchObject({
    outcome: 'refused',
    conflict: {
      code: 'table-not-free',
      status: 409,
      current: { kind: 'table', id: table, version: 2, value: { guestId: theirs } },
      changed: { by: { staffId: r.staffId }, command: 'seat-guest', device: 'Host stand' },
    },
  })
  expect((await noted.settled).outcome).toBe('done')
  await until(client, () => client.status === 'live')
  await same(r, client)
  expect(client.floor.get('guest', mine)).toMatchObject({ status: 'waitlist', notes: 'window' })
  // It outlives a restart, until it is dismissed.
  await client.close()
  const again = (await device(r, { storage })).client
  expect(again.conflicts.map(({ mutation }) => mutation.id)).toEqual([lost.id])
  await again.dismiss(lost.id)
  expect((await device(r, { storage })).client.conflicts).toEqual([])
})

test('D6, D7, D8, D10: eight hours offline, a restart in between, 200 mutations while others work: each is a change, a conflict, or was done already', async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
  console.log(`seed ${seed}`)
  const random = randomFrom(seed)
  const r = await app.restaurant()
  for (let n = 1; n <= 12; n++) await r.table(`${n}`)
  for (let n = 0; n < 8; n++) await r.walkIn(`W${n}`)
  const file = join(folder, 'offline.journal')
  const first = await live(r, { storage: new FileStorage(file) })
  const storedSeq = async () => ((await first.storage.get(`${r.id}/${r.staffId}/state`)) as Snapshot | undefined)?.seq
  await expect.poll(storedSeq).toBe(first.client.confirmed.seq)
  first.network.down()
  const ids: string[] = []
  for (let n = 0; n < 100; n++) ids.push(doSomething(first, random).id)
  // As a process that is killed: nothing is flushed, only what was stored counts.
  await first.storage.write([])
  const before = shownFloor(first.client)
  const second = await device(r, { storage: new FileStorage(file) })
  await first.client.close()
  expect(second.client.pendingCount).toBe(100)
  expect(shownFloor(second.client)).toEqual(before)
  second.network.down()
  second.client.start()
  const other = await live(r)
  for (let n = 0; n < 100; n++) {
    ids.push(doSomething(second, random).id)
    doSomething(other, random)
  }
  await until(other.client, () => other.client.pendingCount === 0)
  // A bad network comes back first: one answer in ten is lost.
  second.network.loses = (url) => url.includes('/restaurants/') && random() < 0.1
  second.network.up()
  await until(second.client, () => second.client.pendingCount === 0 && second.client.status === 'live', 60_000)
  await same(r, second.client, other.client)
  const done = (await changesOf(r)).map(({ mutation_id }) => mutation_id)
  const refused = second.client.conflicts.map(({ mutation }) => mutation.id)
  expect(new Set(done).size).toBe(done.length)
  // What was so already, as a free table that is cleared or one that somebody else removed, is done and no change.
  const needless = await app.database.sql<{ mutation_id: string }>(
    `select mutation_id from qtable.mutations where restaurant_id = $1 and seq is null and (outcome ->> 'ok')::boolean`,
    [r.id],
  )
  const idle = needless.map(({ mutation_id }) => mutation_id)
  expect(ids.filter((id) => ![...done, ...refused, ...idle].includes(id))).toEqual([])
  expect(idle.length).toBeLessThan(ids.length / 2)
  expect(ids.filter((id) => done.includes(id) && refused.includes(id))).toEqual([])
  // Their order is the order of the intents.
  const mine = (await changesOf(r)).filter(({ mutation_id }) => ids.includes(mutation_id)).sort((x, y) => x.seq - y.seq)
  expect(mine.map(({ mutation_id }) => mutation_id)).toEqual(ids.filter((id) => done.includes(id)))
  console.log(`${mine.length} done, ${refused.length} refused`)
  expect(mine.length).toBeGreaterThan(20)
  // The queue is empty on the device as well, once its state is stored.
  await second.client.close()
  const stored = await new FileStorage(file).load()
  expect([...stored.keys()].filter((key) => key.includes('/mutation/'))).toEqual([])
})

test(
  'D2: a state that went wrong, in whatever way, is found and repaired at the next heartbeat: 100 of 100',
  async () => {
    const r = await app.restaurant()
    for (let n = 1; n <= 10; n++) await r.table(`${n}`)
    await r.walkIn()
    const devices = await Promise.all(Array.from({ length: 25 }, () => live(r)))
    let repaired = 0
    for (let round = 0; round < 4; round++) {
      const before = devices.map(({ client }) => client.repairs)
      devices.forEach(({ client }, i) => {
        const { entities, ...rest } = client.confirmed.snapshot()!
        const [gone, ...left] = entities
        const { value } = gone!
        const damaged = [
          left,
          [...left, { ...gone!, value: { ...value, version: Number(value['version']) + 1 } }],
          [...entities, { ...gone!, id: '00000000-0000-4000-8000-000000000000' }],
          [...left, { ...gone!, value: { ...value, number: `${String(value['number'])} ` } }],
        ]
        client.confirmed.take({ ...rest, entities: damaged[(i + round) % 4]! })
      })
      await Promise.all(
        devices.map(({ client }, i) => until(client, () => client.repairs > before[i]! && client.status === 'live')),
      )
      const truth = await storedFloor(app, r)
      for (const { client } of devices) {
        expect(shownFloor(client)).toEqual(truth)
        repaired++
      }
    }
    expect([repaired, devices.map(({ client }) => client.repairs)]).toEqual([100, devices.map(() => 4)])
  },
  upTo(90_000),
)

test('D2: a device that was away resumes from its stored state and asks for the rest only', async () => {
  const r = await app.restaurant()
  await r.table('1')
  const first = await live(r)
  await first.client.stop()
  const { storage } = first
  const guest = await r.walkIn('Later')
  const second = await device(r, { storage })
  expect(second.client.floor.tables).toHaveLength(1)
  const { seq } = second.client.confirmed
  expect(seq).toBeGreaterThan(0)
  second.client.start()
  await until(second.client, () => second.client.status === 'live')
  expect(second.client.floor.get('guest', guest)).toMatchObject({ firstName: 'Later' })
  await same(r, second.client)
})

test(
  'D2: a change that got lost on the way is asked for on the same socket',
  async () => {
    const r = await app.restaurant()
    const { client, network } = await live(r)
    let lost = 0
    network.hears = (text) => !(text.includes('"changes"') && lost++ === 0)
    const ids = [await r.walkIn('Lost'), await r.walkIn('Heard')]
    await until(client, () => client.floor.guests.length === 2)
    expect(client.floor.guests.map(({ id }) => id).sort()).toEqual(ids.sort())
    // The last one, with nothing after it that shows the gap: the heartbeats do.
    lost = 0
    await r.walkIn('Last')
    await until(client, () => client.floor.guests.length === 3, 20_000)
    expect([network.sockets, client.repairs]).toEqual([1, 0])
  },
  upTo(40_000),
)

test(
  'D3: a network that falls silent without a word is noticed after 12 s, and the rest is fetched',
  async () => {
    const r = await app.restaurant()
    const { client, network } = await live(r)
    network.hears = () => false
    await r.walkIn('Unheard')
    await until(client, () => client.status !== 'live', 20_000)
    network.hears = () => true
    await until(client, () => client.status === 'live' && client.floor.guests.length === 1)
    expect(network.sockets).toBeGreaterThan(1)
  },
  upTo(60_000),
)

test('D3, D6: a server stops and another takes its place: the device comes back by itself with what was done meanwhile', async () => {
  const [first, r] = [await startApp({}, { database: app.database }), await app.restaurant()]
  const { client, network } = await openTestDevice(first, r)
  open.push({ client, network, storage: new MemoryStorage() })
  client.start()
  await until(client, () => client.status === 'live')
  const before = client.confirmed.snapshot()
  await first.close()
  await until(client, () => client.status !== 'live')
  const joined = client.do.addGuest({ firstName: 'Meanwhile', partySize: 2 })
  await joined.stored
  expect(client.floor.guests.map(({ firstName }) => firstName)).toEqual(['Meanwhile'])
  expect(client.confirmed.snapshot()).toEqual(before)
  const host = (base: string) => new URL(base).host
  network.route = (url) => url.replace(host(first.base), host(app.base))
  expect(await joined.settled).toMatchObject({ outcome: 'done' })
  await until(client, () => client.status === 'live')
  await same(r, client)
})

test('D6: the queue has a limit, and so has what is put into it', async () => {
  const r = await app.restaurant()
  const { client } = await device(r)
  expect(() => client.do.addGuest({ firstName: 'x'.repeat(1_000_001), partySize: 2 })).toThrow('1000000 bytes')
  const began = performance.now()
  for (let n = 0; n < 10_000; n++) client.do.addGuest({ firstName: 'A', partySize: 2 })
  expect(() => client.do.addGuest({ firstName: 'A', partySize: 2 })).toThrow('10000 changes wait')
  expect(client.floor.guests).toHaveLength(10_000)
  console.log(`10,000 mutations taken in ${Math.round(performance.now() - began)} ms`)
})
