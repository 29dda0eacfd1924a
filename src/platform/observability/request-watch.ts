import type { IncomingMessage } from 'node:http'

/** A read that was answered without the router. `millis`: from its arrival until the socket has its answer. */
export interface RepeatedRead {
  readonly id: string
  /** The URL as sent, with its query. */
  readonly url: string
  /** The pattern of its path. */
  readonly route: string
  readonly status: 200 | 304
  readonly millis: number
  readonly restaurantId: string
  readonly shape: string
  readonly cache: 'hit' | 'made' | 'redis' | 'not-modified'
}

/** Notes reads, and gives the additional headers of their answers. */
export interface RequestWatch {
  /** The id of a request; null if it is traced, which is not supported here. */
  idOf(request: IncomingMessage): string | null
  /** The value of `Server-Timing`; null if it is not sent. */
  timingOf(millis: number, cache: string): string | null
  took(read: RepeatedRead): void
}
