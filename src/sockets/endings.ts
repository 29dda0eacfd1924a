/** Close codes that this server uses (RFC 6455 section 7.4; those from 4000 on are its own). */
export const closeCodes = {
  /** The server is stopping: connect again. */
  goingAway: 1001,
  /** The peer left a ping unanswered. */
  dead: 1011,
  /** The peer does not read what it is sent: connect again and read everything anew. */
  tooSlow: 1013,
  /** A message could not be understood. */
  badMessage: 4400,
  /** No token within the time for it, or a wrong one, or one that no longer counts. */
  notSignedIn: 4401,
  /** The restaurant is another's or suspended. */
  notAllowed: 4403,
  /** The socket is older than the setting allows: connect again. */
  tooOld: 4408,
} as const

/** How the server closes a socket: the code and the reason that its peer sees. */
export type Ending = readonly [code: number, reason: string]

/** The endings that all sockets share. Each door adds those of its own protocol. */
export const endings = {
  accessEnded: [closeCodes.notSignedIn, 'no longer signed in'],
  dead: [closeCodes.dead, 'keepalive ping timeout'],
  stopping: [closeCodes.goingAway, 'server stopping'],
  tooMany: [closeCodes.tooSlow, 'too many sockets'],
  tooOld: [closeCodes.tooOld, 'connect again'],
  tooSlow: [closeCodes.tooSlow, 'reads too slowly'],
} as const satisfies Readonly<Record<string, Ending>>
