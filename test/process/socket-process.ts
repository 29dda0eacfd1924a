import type { Socket } from 'node:net'
import { WebSocket } from 'ws'

/**
 * Sockets in a process of their own, which read all they are sent and make nothing of it (`read`), or stop reading once they are open (`stall`). Started by stalled.e2e.test.ts with
 * the manner, a token and addresses; says when all are open.
 */

const [manner, token, ...addresses] = process.argv.slice(2)

async function open(address: string): Promise<Socket> {
  const ws = new WebSocket(address, { perMessageDeflate: false, headers: { authorization: `Bearer ${token}` } })
  const connection = new Promise<Socket>((resolve) => ws.on('upgrade', (response) => resolve(response.socket)))
  await new Promise((resolve, reject) => {
    ws.on('error', reject)
    ws.on('open', () => address.endsWith('/stream') && ws.send('{"type":"hello"}'))
    ws.once('message', resolve)
  })
  return connection
}

const connections = await Promise.all(addresses.map(open))
for (const connection of connections) {
  // Frames are not even looked at: pings stay unanswered, so it is for some seconds only.
  connection.removeAllListeners('data')
  if (manner === 'stall') connection.pause()
  else connection.resume()
}
process.on('disconnect', () => process.exit(0))
process.send!('open')
