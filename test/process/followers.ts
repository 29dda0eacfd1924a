import { expect } from 'vitest'
import type { Restaurant } from '../kit.ts'
import { StreamDevice } from './device.ts'
import { until } from './processes.ts'
import { cleanUp } from './server.ts'

/** Devices that follow a restaurant on any of its servers, and what must be true of them in the end. */

/** So many devices that are up to date. They end with the test. */
export async function openFollowers(
  count: number,
  bases: readonly string[],
  { id, token }: Pick<Restaurant, 'id' | 'token'>,
  random: () => number,
): Promise<StreamDevice[]> {
  const devices = Array.from({ length: count }, (_, n) => {
    // Each of them has a server of its own that it comes to first, whatever chance says.
    let first = true
    const own = () => {
      const some = first ? [bases[n % bases.length]!] : bases
      first = false
      return some
    }
    return new StreamDevice({ bases: own, restaurantId: id, token, random }).start()
  })
  cleanUp(async () => devices.forEach((device) => device.stop()))
  await until(() => devices.every(({ live }) => live))
  return devices
}

/** Every device must come to the end of the log by itself, without a fault on the way, and hold then what the tables say. */
export async function expectFollowed(devices: readonly StreamDevice[], restaurant: Restaurant): Promise<void> {
  const { status, body } = await restaurant.v2('GET', '/snapshot')
  expect(status, 'the snapshot').toBe(200)
  const state = () => devices.map(({ seq, counts: { twice, gaps } }) => ({ seq, twice, gaps }))
  const wanted = devices.map(() => ({ seq: body.seq as number, twice: 0, gaps: 0 }))
  await until(() => devices.every(({ seq }) => seq === body.seq), 6_000).catch(() => undefined)
  expect(state(), 'devices at the end of the log').toEqual(wanted)
  const entities = new Map<string, unknown>()
  for (const [kind, path] of [
    ['guest', '/guests?historyDays=0'],
    ['table', '/tables'],
    ['reservation', '/reservations'],
  ] as const)
    for (const entity of (await restaurant.v2('GET', path)).body.result as { id: string }[])
      entities.set(`${kind} ${entity.id}`, entity)
  for (const device of devices) {
    const held = new Map([...device.entities].map(([key, { value }]) => [key, value]))
    expect(Object.fromEntries(held), 'what a device holds').toEqual(Object.fromEntries(entities))
    expect(device.hash, 'the hash of a device').toBe(body.hash)
    expect(device.counts.wrongHashes, 'heartbeats with another hash').toBe(0)
  }
}
