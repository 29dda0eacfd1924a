import type { Instant } from '../platform/clock.ts'

/** The kinds of socket: the native stream, and the two of the iPad's contract. */
export type SocketKind = 'stream' | 'realtime' | 'sync'

/** Counts what the sockets do. It is called often, so it must be cheap, and it must not throw. */
export interface SocketObserver {
  opened(kind: SocketKind): void
  /** `code`: the close code of either side (RFC 6455 section 7.4); 0 for a code that a peer invented. */
  closed(kind: SocketKind, code: number): void
  /** A handshake was refused. `status`: the HTTP status code. */
  refused(status: string): void
  /** Text frames were written to the network. */
  frames(kind: SocketKind, count: number): void
  /** The writes to the network that carried them. The frames of one turn share a write. */
  writes(kind: SocketKind, count: number): void
  /** Every socket that hears a change has been sent it. `at`: when the change was committed. */
  delivered(kind: SocketKind, at: Instant): void
  /** A device said that it shows a change. `at`: when the change was committed. */
  applied(at: Instant): void
}

/** Counts nothing. */
export const unobserved: SocketObserver = {
  opened: () => undefined,
  closed: () => undefined,
  refused: () => undefined,
  frames: () => undefined,
  writes: () => undefined,
  delivered: () => undefined,
  applied: () => undefined,
}
