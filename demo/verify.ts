import { Client } from './client.ts'
import { sleep } from './clock.ts'
import { differences, syncDifferences, type Fields } from './copy.ts'
import type { Device } from './device.ts'
import type { House } from './house.ts'
import type { Tally } from './tally.ts'

/** The comparison at the end: what each device holds against what the server answers now. */
export interface Verdict {
  readonly devices: number
  /** Fewest and most guests and tables that a device was compared on. */
  readonly entities: readonly [fewest: number, most: number]
  readonly differences: readonly string[]
}

// Longer than the server's own look for what it missed.
const QUIET_MILLIS = 1_500
const QUIET_BOUND_MILLIS = 30_000

/** Waits until no action is on its way, every device is connected, and nothing was heard for a while; or until that takes too long. */
export async function untilQuiet(houses: readonly House[], tally: Tally): Promise<boolean> {
  const end = performance.now() + QUIET_BOUND_MILLIS
  const begun = performance.now()
  while (performance.now() < end) {
    const now = performance.now()
    const idle = houses.every((house) => house.isIdle && house.devices.every((device) => device.ready))
    if (idle && now - Math.max(tally.deliveredAt, begun) > QUIET_MILLIS) return true
    await sleep(50)
  }
  return false
}

/** Compares every device of every house, field by field. */
export async function verify(houses: readonly House[]): Promise<Verdict> {
  const found: string[] = []
  const sizes: number[] = []
  for (const house of houses) {
    const client = new Client(house.account.url)
    const truth = await truthOf(house, client).finally(() => client.close())
    sizes.push(truth.guests.length + truth.tables.length)
    for (const device of house.devices)
      for (const difference of compareDevice(device, truth.guests, truth.tables))
        found.push(`${house.name}, device ${device.index + 1}: ${difference}`)
  }
  const devices = houses.reduce((sum, house) => sum + house.devices.length, 0)
  return { devices, entities: [Math.min(...sizes), Math.max(...sizes)], differences: found }
}

/** Where one device and the database differ. */
export function compareDevice(
  device: Pick<Device, 'ready' | 'copy' | 'syncCopy'>,
  guests: readonly Fields[],
  tables: readonly Fields[],
): string[] {
  return [
    ...(device.ready ? [] : ['is not connected']),
    ...differences(device.copy, guests, tables),
    ...(device.syncCopy ? syncDifferences(device.syncCopy, tables).map((each) => `second socket: ${each}`) : []),
  ]
}

async function truthOf(house: House, client: Client): Promise<{ guests: Fields[]; tables: Fields[] }> {
  const guests = await house.account.call(client, 'GET', '/guests?history=all')
  const tables = await house.account.call(client, 'GET', '/tables')
  if (guests.status !== 200 || tables.status !== 200)
    throw new Error(`the lists to compare with were answered with ${guests.status} and ${tables.status}`)
  return { guests: guests.body as Fields[], tables: tables.body as Fields[] }
}
