import { limits } from '../../src/platform/limits.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { register, request, type Restaurant } from '../kit.ts'
import { asLogin } from '../postgres.ts'
import { StreamDevice } from '../process/device.ts'
import { expectOneEffect, expectRefusalRemembered, playMany } from '../process/five-times.ts'
import { expectFollowed, openFollowers } from '../process/followers.ts'
import { openFloor, write, type Floor } from '../process/load.ts'
import { expectAcknowledged, expectWhole } from '../process/oracle.ts'
import { until } from '../process/processes.ts'
import type { Proxy } from '../process/proxy.ts'
import { raceForTable, raceForVersion } from '../races.ts'

/** What the proofs look for, each as something that takes seconds and throws when it finds it. */

/** A server, or two over one database without Redis: what one writes, the other finds by itself. */
export interface Ground {
  /** The database, for whoever looks into it. */
  readonly url: string
  /** The wire between servers and database. */
  readonly proxy: Proxy
  readonly bases: readonly string[]
  readonly random: () => number
}

export type Checker = (ground: Ground) => Promise<void>

/** The same restaurant on another server. */
const on = (base: string, restaurant: Restaurant): Restaurant => {
  const authorization = { authorization: `Bearer ${restaurant.token}` }
  const ask = (root: string, method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
    request(base, method, `${root}/${restaurant.id}${path}`, body, { ...authorization, ...headers })
  return {
    ...restaurant,
    call: (method, path, body) => ask('/restaurants', method, path, body),
    v2: (method, path, body, headers) => ask('/v2/restaurants', method, path, body, headers),
  }
}

/** How long a server may take to tell its own device of its own write; one with a bug never may. */
const LAST_MILLIS = 2_000

const stopAll = (devices: readonly StreamDevice[]): void => devices.forEach((device) => device.stop())

/** Writes by eight at once until so many were sent, on every server. `meanwhile` is done again and again. */
async function load(floors: readonly Floor[], writes: number, random: () => number, meanwhile: () => unknown) {
  const { sent } = floors[0]!
  const end = sent.length + writes
  const stopped = () => sent.length >= end
  const writers = Array.from({ length: 8 }, (_, n) => write(floors[n % floors.length]!, random, stopped))
  while (!stopped()) {
    await meanwhile()
    await sleep(40)
  }
  await Promise.all(writers)
}

async function openFloors({ bases }: Ground, tables: number): Promise<Floor[]> {
  const restaurant = await register(bases[0]!)
  const floor = await openFloor(restaurant, tables)
  return bases.map((base) => ({ ...floor, restaurant: on(base, restaurant) }))
}

/** The log, the tables, the answers and the devices agree after a storm in which devices come and go. */
export const storm: Checker = async (ground) => {
  const { url, bases, random } = ground
  const floors = await openFloors(ground, 4)
  const { restaurant } = floors[0]!
  const wandering = await openFollowers(4, bases, restaurant, random)
  const devices = [...wandering]
  try {
    // Those that stay where they are: a server that hears of a change by a device's coming back is no server that finds it by itself.
    const staying: StreamDevice[] = []
    for (const base of bases) staying.push(...(await openFollowers(1, [base], restaurant, random)))
    devices.push(...staying)
    await load(floors, 160, random, () => wandering[Math.floor(random() * wandering.length)]!.drop())
    await expectWhole(url, restaurant)
    await expectAcknowledged(url, floors[0]!)
    await until(() => devices.every(({ live }) => live))
    for (const [n, floor] of floors.entries()) {
      const { body } = await floor.restaurant.v2('POST', '/guests', { firstName: 'Last', partySize: 2 })
      // A server that is still reading what it missed before its own write would find the next server's in the same page.
      await until(() => staying[n]!.seq >= body.seq, LAST_MILLIS).catch(() => undefined)
    }
    await expectFollowed(url, devices, restaurant)
  } finally {
    stopAll(devices)
  }
}

/** Devices that are connected begin anew with a new epoch, whatever is written meanwhile. */
export const newEpoch: Checker = async (ground) => {
  const { url, bases, random } = ground
  const floors = await openFloors(ground, 4)
  const { restaurant } = floors[0]!
  const devices = await openFollowers(4, bases, restaurant, random)
  const begin = () =>
    asLogin(url, 'update qtable.heads set epoch = gen_random_uuid() where restaurant_id = $1', [restaurant.id])
  try {
    for (let round = 0; round < 3; round++) {
      let begun = false
      await load(floors, 40, random, async () => {
        if (!begun) await begin()
        begun = true
      })
      await expectFollowed(url, devices, restaurant)
    }
  } finally {
    stopAll(devices)
  }
}

/** Every mutation five times at once: one effect, one answer. */
export const repeats: Checker = async ({ url, bases, random }) => {
  const restaurant = await register(bases[0]!)
  const floor = await openFloor(restaurant, 4)
  const played = await playMany({ bases, restaurant }, floor, { count: 60, random })
  await expectOneEffect(url, restaurant, played)
}

/** A refusal stays what it was. */
export const refusals: Checker = async ({ bases }) => {
  const restaurant = await register(bases[0]!)
  await expectRefusalRemembered({ bases, restaurant }, () => restaurant.table('1'))
}

/** Of any number that want one table exactly one gets it. */
export const tableRaces: Checker = async ({ bases, random }) => {
  const restaurant = await register(bases[0]!)
  const [table, guests] = [await restaurant.table('1', 50), [] as string[]]
  for (let n = 0; n < 8; n++) guests.push(await restaurant.walkIn(`G${n}`))
  for (let race = 0; race < 12; race++) {
    const winner = await raceForTable(restaurant, guests.slice(0, 2 + Math.floor(random() * 7)), table)
    await restaurant.v2('PATCH', `/guests/${winner}`, { status: 'waitlist' })
  }
}

/** Of any number that edit the version they saw exactly one does. */
export const versionRaces: Checker = async ({ bases }) => {
  const restaurant = await register(bases[0]!)
  const id = await restaurant.walkIn()
  for (let race = 0; race < 5; race++)
    await raceForVersion(restaurant, (await restaurant.v2('GET', `/guests/${id}`)).body.result, 6)
}

/** Nothing is told before it is committed, however long committing takes. */
export const nothingEarly: Checker = async ({ url, proxy, bases, random }) => {
  const restaurant = await register(bases[0]!)
  const looks: Promise<{ told: number; committed: number }>[] = []
  const device = new StreamDevice({
    bases: () => [bases[0]!],
    restaurantId: restaurant.id,
    token: restaurant.token,
    random,
    onChange: ({ seq }) => {
      const sql = 'select seq::int from qtable.heads where restaurant_id = $1'
      const look = asLogin<{ seq: number }>(url, sql, [restaurant.id])
      looks.push(look.then(([head]) => ({ told: seq, committed: head!.seq })))
    },
  }).start()
  try {
    await until(() => device.live)
    proxy.set('toServer', { latency: { millis: 150 } })
    await Promise.all(Array.from({ length: 5 }, (_, n) => restaurant.walkIn(`G${n}`)))
    await until(() => device.seq >= 5)
    for (const { told, committed } of await Promise.all(looks))
      expect(committed, 'where the log stood when the change was told').toBeGreaterThanOrEqual(told)
  } finally {
    proxy.clear()
    device.stop()
  }
}

/** A read that asks for a place in the log is at least as new, on whichever server. */
export const ownWrites: Checker = async ({ bases }) => {
  const here = await register(bases[0]!)
  for (const base of bases) await on(base, here).v2('GET', '/snapshot')
  for (let n = 0; n < 5; n++) {
    const { body } = await here.v2('POST', '/guests', { firstName: `G${n}`, partySize: 2 })
    for (const base of bases) {
      const read = await on(base, here).v2('GET', '/snapshot', undefined, { 'min-seq': `${body.seq}` })
      expect(read.body.seq, 'the seq of a snapshot with Min-Seq').toBeGreaterThanOrEqual(body.seq as number)
    }
  }
}

/** One restaurant sees nothing of another. */
export const strangers: Checker = async ({ bases }) => {
  const [mine, theirs] = [await register(bases[0]!), await register(bases[0]!)]
  await theirs.walkIn('Zq7Mark')
  await mine.walkIn('Ada')
  for (const path of ['/guests', '/guests?historyDays=0', '/tables', '/reservations', '/floor', '/snapshot']) {
    const { status, text } = await mine.v2('GET', path)
    expect(status, path).toBe(200)
    expect(text, `${path} of another restaurant`).not.toContain('Zq7Mark')
  }
}

/** Who no longer counts hears nothing any more. */
export const shutOut: Checker = async ({ url, bases, random }) => {
  const restaurant = await register(bases[0]!)
  const [device] = await openFollowers(1, bases, restaurant, random)
  try {
    await asLogin(url, 'update qtable.staff set is_active = false where restaurant_id = $1', [restaurant.id])
    await until(() => device!.closes[4401] === 1, 3_000).catch(() => undefined)
    expect(device!.closes, 'closings of the socket of a deactivated account').toMatchObject({ 4401: 1 })
  } finally {
    device!.stop()
  }
}

/** A used-up refresh token is taken again for a while, and then ends the sign-in. */
export const refreshes: Checker = async ({ bases }) => {
  const { refreshToken } = await (await register(bases[0]!)).signIn()
  const statuses: number[] = []
  for (let n = 0; n < limits.refreshRepeats + 2; n++)
    statuses.push((await request(bases[0]!, 'POST', '/v2/refresh', { refreshToken })).status)
  expect(statuses.slice(-2), 'uses of one refresh token').toEqual([200, 401])
}
