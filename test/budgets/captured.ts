import pg from 'pg'
import { Trip } from '../../src/platform/database/trip.ts'

/** One statement as it went to the database. Statements with the same `trip` were sent before any of them was answered. */
export interface Sent {
  readonly text: string
  readonly values: readonly unknown[]
  readonly trip: number
}

type Send = (this: pg.Client, query: unknown, ...rest: unknown[]) => unknown

/** Everything that `work` sends to the database, written down where the driver is given it: what travels together is one trip. */
export async function capture(work: () => Promise<unknown>): Promise<Sent[]> {
  const prototype = pg.Client.prototype as unknown as { query: Send }
  const original = prototype.query
  const sent: Sent[] = []
  let trip = 0
  prototype.query = function (query, ...rest) {
    if (query instanceof Trip) {
      for (const { text, given } of query.asked) sent.push({ text, values: given, trip })
      trip++
    }
    return original.call(this, query, ...rest)
  }
  try {
    await work()
  } finally {
    prototype.query = original
  }
  return sent
}
