import { afterAll, beforeAll, expect, test } from 'vitest'
import { MortalStorage, Network, openTestDevice, shownFloor, storedFloor, until } from '../test/devices.ts'
import { startApp, type TestApp } from '../test/kit.ts'
import { MemoryStorage } from './storage.ts'
import { upTo } from '../test/patience.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

/** A device makes four mutations, one of which is refused, and its process dies in its n-th write, done or not. A new process goes on. */
async function dieAt(n: number, isWritten: boolean): Promise<{ writes: number; died: boolean }> {
  const r = await app.restaurant()
  const table = await r.table('1')
  const seated = await r.walkIn('Seated')
  const under = new MemoryStorage()
  const network = new Network()
  await (await openTestDevice(app, r, { storage: under })).client.close()
  const storage = new MortalStorage(under, n, isWritten, () => network.down())
  const { client } = await openTestDevice(app, r, { storage, network })
  client.start()
  await until(client, () => client.status === 'live' || storage.isDead)
  const sent = [
    client.do.addGuest({ firstName: 'A', partySize: 2 }),
    client.do.seatGuest({ guestId: seated, tableId: table }),
  ]
  sent.push(
    client.do.seatGuest({ guestId: sent[0]!.made!, tableId: table }),
    client.do.addGuest({ firstName: 'B', partySize: 9 }),
  )
  const stored = await Promise.allSettled(sent.map((each) => each.stored))
  await until(client, () => client.pendingCount === 0 || storage.isDead)
  await client.close()

  const next = (await openTestDevice(app, r, { storage: under })).client
  next.start()
  await until(next, () => next.pendingCount === 0 && next.status === 'live')
  const changes = await app.database.sql<{ mutation_id: string }>(
    'select mutation_id from qtable.changes where restaurant_id = $1 and mutation_id is not null',
    [r.id],
  )
  const done = changes.map(({ mutation_id }) => mutation_id)
  const refused = next.conflicts.map(({ mutation }) => mutation.id)
  expect(new Set(done).size).toBe(done.length)
  sent.forEach(({ id }, i) => {
    const ends = Number(done.includes(id)) + Number(refused.includes(id))
    // Who was told that it is stored can rely on it; who was not can't be sure.
    if (stored[i]!.status === 'fulfilled') expect(ends, `mutation ${i}, death at write ${n}`).toBe(1)
    else expect(ends).toBeLessThanOrEqual(1)
  })
  const truth = await storedFloor(app, r)
  await until(next, () => next.confirmed.size === truth.size)
  expect(shownFloor(next)).toEqual(truth)
  expect([...truth.values()].filter((value) => 'firstName' in value && value.firstName === 'A').length).toBeLessThan(2)
  await next.close()
  const left = await under.load()
  expect([...left.keys()].filter((key) => key.includes('/mutation/'))).toEqual([])
  return { writes: storage.writes, died: storage.isDead }
}

test(
  'D6, D7: a process that dies in any of its writes, done or not, loses no mutation and doubles none',
  async () => {
    let n = 1
    let deaths = 0
    for (; ; n++) {
      const ends = [await dieAt(n, false), await dieAt(n, true)]
      deaths += ends.filter(({ died }) => died).length
      if (ends.every(({ died }) => !died)) break
    }
    console.log(`${deaths} deaths in ${n - 1} different writes`)
    expect(n).toBeGreaterThan(8)
  },
  upTo(90_000),
)
