import type { Stored } from './answer-store.ts'
import type { Coding } from './compress.ts'
import type { Place } from '../query.ts'

/** The source of an answer. */
export type Found = 'hit' | 'made' | 'redis'

/** One answer in memory. */
export interface Entry extends Stored {
  readonly place: Place
  readonly restaurantId: string
  readonly found: Found
  readonly etag: string
  readonly madeAt: number
  /** When it is valid if nothing changes, in microseconds since 1970: until its own end or the end of its hour. */
  readonly from: number
  readonly to: number
  bytes: number
  /** When it was moved to the end of the order of use, in microseconds since 1970. */
  usedAt: number
  readonly coded: Partial<Record<Coding, Promise<Buffer>>>
  /** The finished ones. */
  readonly ready: Partial<Record<Coding, Buffer>>
}

/** One that is being made, for all who wait for it. */
export interface Making {
  readonly seq: number
  readonly entry: Promise<Entry>
}
