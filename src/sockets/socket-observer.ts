import type { Instant } from '../platform/clock.ts'

/** The kinds of socket: the native stream, and the two of the iPad's contract. */
export type SocketKind = 'stream' | 'realtime' | 'sync'

/** Is told what the sockets do, so that it can be counted. Must not throw, and is called often: it must not cost much. */
export interface SocketObserver {
  opened(kind: SocketKind): void
  /** `code`: what this server closed it with, or what its end came with (RFC 6455 section 7.4); 0 for one that a peer made up. */
  closed(kind: SocketKind, code: number): void
  /** A handshake was refused. `status`: the HTTP status code. */
  refused(status: string): void
  /** So many text frames were given to the network. */
  frames(kind: SocketKind, count: number): void
  /** So many writes to the network were made for them: frames of one tick go out in one. */
  writes(kind: SocketKind, count: number): void
  /** A change, committed at `at`, has been given to every socket that hears it. */
  delivered(kind: SocketKind, at: Instant): void
  /** A device said that it shows a change, committed at `at`. */
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
