import type { Socket } from 'node:net'
import { WebSocket } from 'ws'

/** Sockets that read all they are sent and make nothing of it, in a process of their own. Started by stalled.e2e.test.ts with their addresses and a token; says when all are open. */

const [token, ...addresses] = process.argv.slice(2)

async function open(address: string): Promise<void> {
  const ws = new WebSocket(address, { perMessageDeflate: false, headers: { authorization: `Bearer ${token}` } })
  await new Promise((resolve, reject) => {
    ws.on('error', reject)
    ws.on('open', () => address.endsWith('/stream') && ws.send('{"type":"hello"}'))
    ws.once('message', resolve)
  })
  // Frames are not even looked at: pings stay unanswered, so it is for a few seconds only.
  const connection = (ws as unknown as { readonly _socket: Socket })._socket
  connection.removeAllListeners('data')
  connection.resume()
}

await Promise.all(addresses.map(open))
process.on('disconnect', () => process.exit(0))
process.send!('open')
