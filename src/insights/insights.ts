import { z } from 'zod'
import { statement, type Tx } from '../platform/database/db.ts'
import { AppError } from '../platform/errors.ts'
import { limits } from '../platform/limits.ts'
import type { Instant } from '../platform/clock.ts'
import { daysBetween, plusDays } from './rules.ts'
import { CLOCK, dayOf } from './visits.ts'

/** What the queries of the past have in common. */

// Four weeks: each weekday counts the same.
const USUAL_DAYS = 28

/** A service day of the restaurant. PostgreSQL has no year 0. */
const dayField = z.iso
  .date()
  .refine((day) => !day.startsWith('0000'), 'must be a day of the years 1 to 9999')
  .meta({ description: "A service day of the restaurant: it begins at the settings' dayStart. Without it: today" })

const formatField = z.enum(['json', 'csv']).default('json').meta({
  description: 'csv: RFC 4180, with a header. A text that a spreadsheet would calculate has an apostrophe in front',
})

/** The input of an insight about one day. */
export const ofDay = z.strictObject({ day: dayField.optional(), format: formatField })

/** The input of an insight about some days: both ends belong to them. */
export const ofDays = z.strictObject({
  from: dayField.optional().meta({ description: 'The first day. Without it: 27 days before the last' }),
  to: dayField.optional().meta({ description: 'The last day. Without it: today' }),
  format: formatField,
})

/** An answer of flat rows, which may be CSV. */
export const rowsOf = <Row extends z.ZodObject>(row: Row) => ({
  answer: z.array(row),
  csv: Object.keys(row.shape),
})

const readToday = statement(
  'insights-today',
  `select ${dayOf('$2::timestamptz')}::text as today, (extract(epoch from start) / 1800)::int as "firstSlot" from ${CLOCK} clock`,
)

/** The service day at a time, and the half hour of the clock in which such days begin. */
export const todayAt = (tx: Tx, restaurantId: string, now: Instant): Promise<{ today: string; firstSlot: number }> =>
  tx.one(readToday, [restaurantId, now])

/** The days that are meant. Throws `AppError` invalid-input (422) when they are out of order or too many. */
export function daysOf({ from, to }: z.output<typeof ofDays>, today: string): { first: string; last: string } {
  const last = to ?? today
  const first = from ?? plusDays(last, 1 - USUAL_DAYS)
  const days = daysBetween(first, last)
  if (days < 0 || days >= limits.insightDays.asked)
    throw new AppError(
      'wrong-detail',
      422,
      `from and to are ${limits.insightDays.asked} days at most, in their order`,
      {
        detail: 'from',
      },
    )
  return { first, last }
}
