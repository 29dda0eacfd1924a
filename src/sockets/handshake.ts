import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { limits } from '../platform/limits.ts'
import { unobserved, type SocketObserver } from './socket-observer.ts'

/** A request to open a socket. `head`: the bytes that came behind it. */
export interface Handshake {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

/** The status lines, with their headers, that refuse a handshake. */
export const refusals = {
  notSignedIn: '401 Unauthorized\r\nWWW-Authenticate: Bearer',
  forbidden: '403 Forbidden',
  notFound: '404 Not Found',
  tryAgain: '503 Service Unavailable\r\nRetry-After: 1',
  /** The line of waiting handshakes is full, or the server stops. */
  lineFull: '503 Service Unavailable\r\nRetry-After: 2',
} as const

export type Refusal = (typeof refusals)[keyof typeof refusals]

/**
 * Makes WebSockets of handshakes. It keeps no list of them: the doors have their own. It agrees on no compression,
 * because sessions write frames themselves.
 */
export const newHandshakes = (): WebSocketServer => new WebSocketServer(HANDSHAKES)

const HANDSHAKES = {
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: limits.socketFrameBytes,
  // The library knows this option, its types do not. Without it a peer that does not answer a closing is kept for 30 s.
  closeTimeout: limits.closedSocketMillis,
}

/**
 * Refuses a handshake and ends its connection soon, whatever the peer does. A peer that kept its half open would hold
 * the file descriptor for ever.
 */
export function refuseHandshake(socket: Duplex, answer: Refusal, observer: SocketObserver = unobserved): void {
  if (socket.destroyed) return
  const late = setTimeout(() => socket.destroy(), limits.refusedSocketMillis).unref()
  socket.once('close', () => clearTimeout(late))
  // A socket that nobody reads does not notice that its peer closes.
  socket.resume()
  socket.end(`HTTP/1.1 ${answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
  observer.refused(answer.slice(0, 3))
}
