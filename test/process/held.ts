import { expect } from 'vitest'
import type { Restaurant } from '../kit.ts'
import type { StreamDevice } from './device.ts'
import { until } from './processes.ts'

/** What devices hold, against what the tables say. */

/** Waits until devices stand at the head and checks that each holds what a query of the tables says, and that none had a fault on the way. `restaurant` is asked by HTTP. */
export async function expectHeld(
  restaurant: Restaurant,
  devices: readonly StreamDevice[],
  millis = 20_000,
): Promise<void> {
  const { seq } = (await restaurant.v2('GET', '/snapshot')).body
  await until(() => devices.every((device) => device.live && device.seq >= seq), millis)
  const said: Record<string, unknown> = {}
  // Of other kinds the hash tells: they have no list, or one with more than devices see.
  const paths: Readonly<Record<string, string>> = { table: '/tables', reservation: '/reservations', guest: '/guests' }
  for (const [kind, path] of Object.entries(paths)) {
    const { status, body } = await restaurant.v2('GET', path)
    expect(status).toBe(200)
    for (const entity of body.result as { id: string }[]) said[`${kind} ${entity.id}`] = entity
  }
  const [first] = devices
  const held = [...first!.entities].filter(([, { kind }]) => paths[kind] !== undefined)
  expect(Object.fromEntries(held.map(([key, { value }]) => [key, value]))).toEqual(said)
  for (const { hash, seq, counts } of devices) {
    expect({ hash, seq }).toEqual({ hash: first!.hash, seq: first!.seq })
    expect(counts).toMatchObject({ snapshots: 1, twice: 0, gaps: 0, wrongHashes: 0 })
  }
}
