import { by } from './effort.ts'
import { layOut } from './figures.ts'
import { atMost, row as tell } from './report.ts'
import type { Kind } from './socket-clients.ts'
import { Devices, openGround, SocketServer } from './socket-processes.ts'
import type { Measured } from './socket-server.ts'

/**
 * Memory of a socket that is authorised, subscribed and idle, against a raw WebSocket server with as many, each alone in its process. About 40 seconds.
 */

const SOCKETS = by({ full: 5_000, quick: 5_000, short: 1_000 })
const PER_RESTAURANT = 200
const RESTAURANTS = Math.ceil(SOCKETS / PER_RESTAURANT)
const LIMIT = 1.7

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const manner = { as: 'text', hearing: 'realtime' } as const

/** Bytes a socket, from no sockets to all of them. What the first few bring along for all, code and pools, is there before. */
async function memoryOf(mode: 'app' | 'raw', kind: Kind, given: string): Promise<Measured> {
  const server = await SocketServer.open(mode, given)
  const range = { from: 0, restaurants: RESTAURANTS }
  await server.prepare(range, manner)
  const first = await Devices.open(server.port, kind, range, 2, 0)
  await first.close()
  await server.settle(0)
  const before = await server.measure()
  const devices = await Devices.open(server.port, kind, range, SOCKETS / RESTAURANTS, 0)
  await server.settle(SOCKETS)
  const after = await server.measure()
  await devices.close()
  await server.settle(0)
  const end = await server.measure()
  say(
    `${mode} ${kind}: heap ${(before.heapBytes / 1e6).toFixed(1)} MB with no socket, ${(after.heapBytes / 1e6).toFixed(1)} with ${SOCKETS}, ${(end.heapBytes / 1e6).toFixed(1)} after them`,
  )
  await server.end()
  const each = (key: keyof Measured) => (after[key] - before[key]) / SOCKETS
  return {
    cpuMillis: each('cpuMillis'),
    heapBytes: each('heapBytes'),
    externalBytes: each('externalBytes'),
    rssBytes: each('rssBytes'),
  }
}

const ground = await openGround(RESTAURANTS, PER_RESTAURANT)
try {
  const raw = await memoryOf('raw', 'plain', ground.sample)
  const sides: [string, Measured][] = [
    ['realtime', await memoryOf('app', 'realtime', ground.url)],
    ['stream', await memoryOf('app', 'stream', ground.url)],
  ]
  const held = ({ heapBytes, externalBytes }: Measured) => heapBytes + externalBytes
  const kb = (bytes: number) => (bytes / 1024).toFixed(1)
  const row = (name: string, one: Measured) => [
    name,
    kb(held(one)),
    kb(one.rssBytes),
    (held(one) / held(raw)).toFixed(2),
    (one.rssBytes / raw.rssBytes).toFixed(2),
    name === 'raw ws' ? '' : LIMIT.toFixed(2),
  ]
  for (const [name, one] of sides)
    tell(
      `idle ${name} socket, heap, raw ws`,
      `${kb(held(one))} KB`,
      `${kb(held(raw))} KB`,
      held(one) / held(raw),
      atMost(LIMIT),
    )
  say(
    `\n${SOCKETS} idle sockets of ${RESTAURANTS} restaurants, KB (1,024 bytes) a socket, after the garbage was collected\n`,
  )
  say(
    layOut([
      ['what', 'heap and external', 'resident', 'ratio', 'ratio of resident', 'limit'],
      ...sides.map(([name, one]) => row(name, one)),
      row('raw ws', raw),
    ]),
  )
} finally {
  await ground.close()
}
