import { afterAll, beforeAll, expect, test } from 'vitest'
import { Network, until } from '../test/devices.ts'
import { startApp, type Restaurant, type TestApp } from '../test/kit.ts'
import { newId } from '../src/platform/ids.ts'
import { QTable } from './client.ts'
import { surroundings } from './node.ts'
import { MemoryStorage } from './storage.ts'
import type { Surroundings } from './surroundings.ts'

/** People who switch on a shared device, with and without a network, against the real server. */

let app: TestApp
let house: Restaurant
beforeAll(async () => {
  app = await startApp()
  house = await app.restaurant()
})
afterAll(() => app.close())

interface Opened {
  readonly client: QTable
  readonly network: Network
  readonly storage: MemoryStorage
  readonly clock: { aheadMillis: number }
}

async function open(storage = new MemoryStorage(), more: Partial<Surroundings> = {}): Promise<Opened> {
  const [network, clock] = [new Network(), { aheadMillis: 0 }]
  const at = { ...network.around(surroundings(storage)), now: () => Date.now() + clock.aheadMillis, ...more }
  return { client: await QTable.open(at, { server: app.base }), network, storage, clock }
}

const isLive = (client: QTable) => until(client, () => client.status === 'live')

async function paired(checksPinsOffline = true, more: Partial<Surroundings> = {}): Promise<Opened> {
  const { code } = (await house.v2('POST', '/devices', { name: 'Host stand', checksPinsOffline })).body.result
  const opened = await open(undefined, more)
  await opened.client.pairDevice(code)
  await isLive(opened.client)
  return opened
}

async function person(firstName: string, pin: string): Promise<string> {
  const made = { email: `${newId()}@cedar.example`, password: 'Plum-Cedar-72', role: 'host', firstName }
  const { id } = (await house.v2('POST', '/staff', made)).body.result
  expect((await house.v2('POST', `/staff/${id}/pin`, { pin })).status).toBe(200)
  return id
}

const actorsOf = async (...names: string[]) => {
  const rows = await app.database.sql<{ actor: string; name: string; device: string }>(
    `select actor_id as actor, entries->0->'value'->>'firstName' as name, device from qtable.changes
     where restaurant_id = $1 and command = 'add-guest' order by seq`,
    [house.id],
  )
  return rows.filter(({ name }) => names.includes(name)).map(({ actor, name, device }) => [name, actor, device])
}

const join = (client: QTable, firstName: string) => client.do.addGuest({ firstName, partySize: 2 })
const switching = (client: QTable, staffId: string, pin: string) =>
  client.switchPerson(staffId, pin).then(
    ({ staffId: who }) => who,
    ({ code }) => code,
  )

test('D24: what Ana left unsent is shown to Ben, is sent while he works, and is hers in the log', async () => {
  const { client, network } = await paired()
  const [ana, ben] = [await person('Ana', '2580'), await person('Ben', '1379')]
  expect(() => join(client, 'Nobody')).toThrow('PIN')
  expect([await switching(client, ana, '2580'), await switching(client, ben, '1379')]).toEqual([ana, ben])
  network.down()
  expect(await switching(client, ana, '2580')).toBe(ana)
  const first = join(client, 'Kim')
  await first.stored
  expect(await switching(client, ben, '1379')).toBe(ben)
  const second = join(client, 'Lee')
  await second.stored
  expect(client.pending.map(({ staffId }) => staffId)).toEqual([ana, ben])
  expect(client.floor.guests.map(({ firstName }) => firstName)).toEqual(expect.arrayContaining(['Kim', 'Lee']))
  expect(client.floor.get('staff', ana)).toMatchObject({ firstName: 'Ana', hasPin: true })
  network.up()
  await Promise.all([first.settled, second.settled])
  await client.leavePerson()
  expect(client.person).toBe(null)
  expect(await actorsOf('Kim', 'Lee')).toEqual([
    ['Kim', ana, 'Host stand'],
    ['Lee', ben, 'Host stand'],
  ])
  await client.close()
})

test('D24: the next process sends what was left as whoever did it, and knows who acted', async () => {
  const { client, network, storage } = await paired()
  const ana = await person('Ana', '2580')
  await client.switchPerson(ana, '2580')
  network.down()
  await join(client, 'Max').stored
  await client.close()
  const next = await open(storage)
  expect(next.client.signedIn).toMatchObject({ isDevice: true })
  expect([next.client.person?.staffId, next.client.pendingCount]).toEqual([ana, 1])
  next.client.start()
  await until(next.client, () => next.client.pendingCount === 0)
  expect(await actorsOf('Max')).toEqual([['Max', ana, 'Host stand']])
  await next.client.close()
})

test('D24: what was done by a proof that counts no more becomes a conflict, and keeps nothing back', async () => {
  const { client, network } = await paired()
  const [ana, ben] = [await person('Ana', '2580'), await person('Ben', '1379')]
  await client.switchPerson(ben, '1379')
  await client.switchPerson(ana, '2580')
  network.down()
  const hers = join(client, 'Ivy')
  await hers.stored
  await client.switchPerson(ben, '1379')
  const his = join(client, 'Joe')
  await his.stored
  await house.v2('DELETE', `/staff/${ana}/sign-ins`)
  network.up()
  expect(await hers.settled).toMatchObject({ outcome: 'refused', conflict: { code: 'person-needed' } })
  expect(await his.settled).toMatchObject({ outcome: 'done' })
  expect(client.conflicts.map(({ mutation }) => mutation.staffId)).toEqual([ana])
  await client.close()
})

test('D25: without a network only who was here, by the right PIN, and not too often; a restart forgives nothing', async () => {
  const { client, network, storage, clock } = await paired()
  const [ana, eve] = [await person('Ana', '258013'), await person('Eve', '1379')]
  await client.switchPerson(ana, '258013')
  network.down()
  expect(await switching(client, eve, '1379')).toBe('unreachable')
  for (let n = 0; n < 5; n++) expect(await switching(client, ana, '0000')).toBe('wrong-pin')
  expect(await switching(client, ana, '258013')).toBe('too-many-attempts')
  expect(client.person?.staffId, 'a wrong PIN changes nobody').toBe(ana)
  await client.close()
  const next = await open(storage)
  next.network.down()
  expect(await switching(next.client, ana, '258013')).toBe('too-many-attempts')
  next.clock.aheadMillis = -3_600_000
  expect(await switching(next.client, ana, '258013'), 'a clock that was set back').toBe('too-many-attempts')
  next.clock.aheadMillis = 31_000
  expect(await switching(next.client, ana, '258013')).toBe(ana)
  next.clock.aheadMillis = 15 * 86_400_000
  expect(await switching(next.client, ana, '258013'), 'the proof is too old').toBe('unreachable')
  expect(JSON.stringify([...(await storage.load())])).not.toMatch(/\b258013\b/)
  expect(clock.aheadMillis).toBe(0)
  await next.client.close()
})

test('D25: a PIN is checked with a network only where a manager or the machine does not allow more', async () => {
  const ana = await person('Ana', '2580')
  const { slowHash: _, ...plain } = surroundings(new MemoryStorage())
  expect(plain).not.toHaveProperty('slowHash')
  for (const { client, network } of [await paired(false), await paired(true, { slowHash: undefined as never })]) {
    expect(await switching(client, ana, '2580')).toBe(ana)
    expect(await switching(client, ana, '0000')).toBe('wrong-pin')
    network.down()
    expect(await switching(client, ana, '2580')).toBe('unreachable')
    // Who is there stays, and goes on working.
    await join(client, 'Zoe').stored
    await client.close()
  }
})

test('D24: a personal sign-in has no people, and its person acts', async () => {
  const { client } = await open()
  await client.signIn(house.email, 'Tall-Cedar-71')
  expect(client.person).toMatchObject({ staffId: house.staffId, role: 'owner' })
  expect(await switching(client, house.staffId, '2580')).toBe('not-a-device')
  await client.close()
})
