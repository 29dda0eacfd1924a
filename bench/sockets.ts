import { setTimeout as sleep } from 'node:timers/promises'
import type { Kind, Order } from './socket-clients.ts'
import { openGround, startProcess } from './socket-ground.ts'
import { atMost, by, row } from './report.ts'

/**
 * Memory of a socket that is authorised, subscribed and idle, against a raw WebSocket server with as many, each alone in its
 * process. About 40 seconds.
 */

const SOCKETS = by({ full: 5_000, quick: 5_000, short: 1_000 })
const PER_RESTAURANT = 200
const RANGE = { from: 0, restaurants: Math.ceil(SOCKETS / PER_RESTAURANT) }

const ground = await openGround(RANGE.restaurants, PER_RESTAURANT)

/** Bytes a socket, from no sockets to all of them. */
async function bytesOf(kind: Kind): Promise<number> {
  const { server, port } = await ground.start(kind === 'plain' ? 'raw' : 'app', 'realtime', RANGE)
  const heldBy = async (devices: number) => {
    while ((await server.ask({ what: 'devices' })) !== devices) await sleep(50)
    return server.ask<number>({ what: 'held' })
  }
  const clients = startProcess('socket-clients')
  const open = (devices: number) =>
    clients.ask({ what: 'open', ...RANGE, port, kind, devices, first: 0, stamps: 0 } satisfies Order)
  // What the first few bring along for all, code and pools, is there before.
  await open(2)
  await clients.ask({ what: 'close' } satisfies Order)
  const before = await heldBy(0)
  await open(SOCKETS / RANGE.restaurants)
  const bytes = (await heldBy(SOCKETS)) - before
  await clients.end()
  await server.end()
  return bytes / SOCKETS
}

try {
  const raw = await bytesOf('plain')
  const shown = (bytes: number) => `${(bytes / 1024).toFixed(1)} KB`
  for (const kind of ['realtime', 'stream'] as const) {
    const ours = await bytesOf(kind)
    row(`idle ${kind} socket, heap, raw ws`, shown(ours), shown(raw), ours / raw, atMost(1.7))
  }
} finally {
  await ground.close()
}
