import { z } from 'zod'
import { sentInstant } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'
import { DAY_MILLIS, plusMillis, type Instant } from '../platform/clock.ts'
import { query, type Read } from '../changes/query.ts'
import { headOf } from '../changes/log/log.ts'
import { readTables, tableSchema, type Table } from '../tables/tables.ts'
import { guestSchema, historyField, readGuests, type Guest } from '../guests/guests.ts'

/** The floor at one moment. `at` is the time of the last change in it. */
export interface Floor {
  readonly epoch: string
  readonly seq: number
  readonly at: Instant
  readonly guests: readonly Guest[]
  readonly tables: readonly Table[]
}

/** Tables and guests at one moment, with their place in the log. Spec: S1. */
export const getFloor = query({
  name: 'get-floor',
  summary: 'Tables and guests at one moment',
  path: '/floor',
  role: 'host',
  budget: [7, 2],
  followsLog: true,
  input: z.strictObject({ historyDays: historyField }),
  answer: z.object({
    epoch: z.string(),
    seq: z.int(),
    at: sentInstant,
    guests: z.array(guestSchema),
    tables: z.array(tableSchema),
  }),
  async run(r, { historyDays }): Promise<Floor> {
    const [{ epoch, seq, lastAt }, guests, tables] = await Promise.all([
      headOf(r.tx, r.restaurantId),
      currentGuests(r, historyDays),
      readTables(r.tx, r.restaurantId),
    ])
    return { epoch, seq, at: lastAt, guests, tables }
  },
})

/** Guests on the floor and those whose visit ended recently, newest first. */
export const currentGuests = (r: Read, historyDays: number): Promise<Guest[]> =>
  readGuests(r.tx, r.restaurantId, {
    endedAfter: historyDays === 0 ? '-infinity' : plusMillis(r.now, -historyDays * DAY_MILLIS),
    after: null,
    limit: limits.guestsPerList,
  })
