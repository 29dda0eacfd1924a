import { once } from 'node:events'
import { createServer } from 'node:net'

// Below the ports that systems give to outgoing connections (32768 and up): while a server is away, a client that connects
// to its port again and again could otherwise get just that port for its own end, and be connected to itself.
const FIRST = 11_000
const COUNT = 9_000
/** How much higher the port of the cluster's bus is: Redis counts so unless told otherwise. */
const BUS = 10_000

let next = process.pid % COUNT

/** A port of 127.0.0.1 that is free and stays so while the server on it is away. With `bus`, the one 10000 higher is free too. */
export async function steadyPort(bus = false): Promise<number> {
  for (let tries = 0; tries < COUNT; tries++) {
    const port = FIRST + (next++ % COUNT)
    if ((await isFree(port)) && (!bus || (await isFree(port + BUS)))) return port
  }
  throw new Error('no port is free')
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer().listen(port, '127.0.0.1')
  try {
    await once(probe, 'listening')
  } catch {
    return false
  }
  probe.close()
  await once(probe, 'close')
  return true
}
