import type { IncomingMessage } from 'node:http'

/** A read that was answered past the router. `millis`: from its arrival until the socket has its answer. */
export interface RepeatedRead {
  readonly id: string
  /** As it was sent, with its query. */
  readonly url: string
  /** The pattern of its path. */
  readonly route: string
  readonly status: 200 | 304
  readonly millis: number
  readonly restaurantId: string
  readonly shape: string
  readonly cache: 'hit' | 'made' | 'redis' | 'not-modified'
}

/** What is noted of reads, and what their answers say beside what was read. */
export interface RequestWatch {
  /** The id of a request; null where it is traced, which is not done here. */
  idOf(request: IncomingMessage): string | null
  /** What `Server-Timing` says; null: it is not sent. */
  timingOf(millis: number, cache: string): string | null
  took(read: RepeatedRead): void
}
