import { pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import { WebSocket } from 'ws'
import { QTable } from './client.ts'
import type { Options } from './parts.ts'
import { limits } from './limits.ts'
import { FileStorage } from './storage-file.ts'
import type { ClientStorage } from './storage.ts'
import type { Socket, SocketHandlers, Surroundings } from './surroundings.ts'

/** Opens a client in Node that keeps what it must in a file (one process at a time), or in a storage of your own. */
export function openQTable(options: Options & { readonly file: string }): Promise<QTable> {
  return QTable.open(surroundings(new FileStorage(options.file)), options)
}

/** Node's network, clock and randomness. */
export const surroundings = (storage: ClientStorage): Surroundings => ({
  storage,
  fetch: (url, { body, ...rest }) => fetch(url, { ...rest, ...(body !== undefined && { body }) }),
  openSocket,
  now: () => Date.now(),
  random: () => Math.random(),
  after(millis, callback) {
    const timer = setTimeout(callback, millis)
    return () => clearTimeout(timer)
  },
  alone: (_, work) => work(),
  slowHash: async (text, salt) =>
    (await promisify(pbkdf2)(text, salt, limits.pinRounds, 32, 'sha256')).toString('base64'),
})

// The package, not the global one of newer versions: it can send the token in a header, and hears of a close it asked for itself without waiting for it.
function openSocket(url: string, token: string, { onOpen, onText, onClose }: SocketHandlers): Socket {
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` }, perMessageDeflate: false })
  socket.on('open', onOpen)
  socket.on('message', (data, isBinary) => {
    if (!isBinary) onText((data as Buffer).toString('utf8'))
  })
  // A refused handshake tells its status; a socket that is lost is closed with 1006 after it.
  let code = 0
  socket.on('unexpected-response', (_, response) => {
    code = response.statusCode === 401 ? 4401 : 1006
    response.resume()
    socket.terminate()
  })
  socket.on('error', () => undefined)
  socket.on('close', (closed) => onClose(code || closed))
  return {
    send: (text) => socket.send(text, () => undefined),
    close() {
      socket.close()
      // A network that is gone answers no close.
      setTimeout(() => socket.terminate(), 1_000).unref()
    },
  }
}
