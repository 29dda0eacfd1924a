import type { z } from 'zod'

/** The sockets there are: the iPad's two, and the native stream. */
export type Socket = 'realtime' | 'sync' | 'stream'

/** One kind of message on a socket, for the description of the API. */
export interface MessageKind {
  /** Its `type`. */
  readonly name: string
  readonly socket: Socket
  readonly from: 'server' | 'client'
  readonly summary: string
  readonly shape: z.ZodType
}
