import { expect } from 'vitest'
import type { Restaurant } from '../kit.ts'
import { asLogin } from '../postgres.ts'
import { StreamDevice } from './device.ts'
import { until } from './processes.ts'
import { cleanUp } from './server.ts'

/** Devices that follow a restaurant on any of its servers, and what must be true of them in the end. */

/** Without Redis, what another process wrote is found by the poll each second. */
const FOLLOW_MILLIS = 6_000

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
export async function expectFollowed(
  url: string,
  devices: readonly StreamDevice[],
  restaurant: Restaurant,
): Promise<void> {
  const [head] = await asLogin<{ seq: number; epoch: string }>(
    url,
    'select seq::int, epoch from qtable.heads where restaurant_id = $1',
    [restaurant.id],
  )
  const { seq, epoch } = head!
  const isThere = (device: StreamDevice) => device.seq === seq && device.epoch === epoch
  const isFaulty = ({ counts: { twice, gaps } }: StreamDevice) => twice + gaps > 0
  await until(() => devices.every(isThere) || devices.some(isFaulty), FOLLOW_MILLIS).catch(() => undefined)
  const told = (at: { seq: number; epoch: string }, twice: number, gaps: number) =>
    `${twice} twice, ${gaps} gaps, at ${at.seq} of ${at.epoch.slice(0, 8)}`
  expect(
    devices.map((device) => told(device, device.counts.twice, device.counts.gaps)).join('; '),
    'devices at the end of the log',
  ).toBe(devices.map(() => told({ seq, epoch }, 0, 0)).join('; '))
  const { status, body } = await restaurant.v2('GET', '/snapshot', undefined, { 'min-seq': `${seq}` })
  expect(status, 'the snapshot').toBe(200)
  const entities = await entitiesOf(restaurant)
  for (const device of devices) {
    // Of other kinds the hash speaks.
    const listed = [...device.entities].filter(([key]) => /^(guest|reservation|table) /.test(key))
    const held = new Map(listed.map(([key, { value }]) => [key, value]))
    expect(Object.fromEntries(held), 'what a device holds').toEqual(Object.fromEntries(entities))
    expect(device.hash, 'the hash of a device').toBe(body.hash)
    expect(device.counts.wrongHashes, 'heartbeats with another hash').toBe(0)
  }
}

async function entitiesOf(restaurant: Restaurant): Promise<Map<string, unknown>> {
  const entities = new Map<string, unknown>()
  for (const [kind, path] of [
    ['guest', '/guests?historyDays=0'],
    ['table', '/tables'],
    ['reservation', '/reservations'],
  ] as const)
    for (const entity of (await restaurant.v2('GET', path)).body.result as { id: string }[])
      entities.set(`${kind} ${entity.id}`, entity)
  return entities
}
