import { z } from 'zod'
import { query } from '../changes/query.ts'
import { daysOf, ofDays, rowsOf, todayAt } from './insights.ts'
import { mean, share, slotsFrom, summedBy, timeOfSlot, type Slot } from './rules.ts'
import { readHistory } from './visits.ts'

const row = z.object({
  time: z.string().meta({ description: 'When the half hour of sitting down begins, in the zone of the restaurant' }),
  waits: z.int().meta({ description: 'Parties whose wait is known' }),
  meanWait: z.number().nullable().meta({ description: 'Minutes from checking in to sitting down' }),
  quotes: z.int().meta({ description: 'Parties that sat down after a quote' }),
  meanQuoted: z.number().nullable().meta({ description: 'Minutes: the middle of the last quote' }),
  meanWaited: z.number().nullable().meta({ description: 'Minutes from that quote to sitting down' }),
  meanError: z.number().nullable().meta({ description: 'Minutes that these two are apart' }),
  earlyShare: z
    .number()
    .nullable()
    .meta({ description: 'Parties that sat down before the range of the quote, 0 to 1' }),
  withinShare: z.number().nullable().meta({ description: 'Parties that sat down within it' }),
  lateShare: z.number().nullable().meta({ description: 'Parties that sat down after it' }),
  brokenShare: z
    .number()
    .nullable()
    .meta({ description: 'Parties that waited longer than they were promised at first' }),
})

/** What parties were quoted, against how long they waited, by the half hour in which they sat down. Spec: Y7. */
export const getWaits = query({
  name: 'get-waits',
  summary: 'Quoted against waited, by half hour',
  path: '/insights/waits',
  role: 'manager',
  budget: [8, 3],
  input: ofDays,
  ...rowsOf(row),
  async run(r, input): Promise<z.output<typeof row>[]> {
    const { today, firstSlot } = await todayAt(r.tx, r.restaurantId, r.now)
    return waitsBySlot(await readHistory(r.tx, r.restaurantId, daysOf(input, today), r.now), firstSlot)
  },
})

/** The rows of some slots in the order of the service day. Half hours without a wait are left out. */
export function waitsBySlot(slots: readonly Slot[], firstSlot: number): z.output<typeof row>[] {
  const sums = summedBy(slots, ({ slot }) => slot)
  return slotsFrom(firstSlot).flatMap((slot) => {
    const of = sums.get(slot)
    if (!of || of.waits + of.quotes === 0) return []
    const { waits, waitMinutes, quotes, early, late } = of
    return [
      {
        time: timeOfSlot(slot),
        waits,
        meanWait: mean(waitMinutes, waits),
        quotes,
        meanQuoted: mean(of.quoteMinutes, quotes),
        meanWaited: mean(of.quoteWaits, quotes),
        meanError: mean(of.quoteErrors, quotes),
        earlyShare: share(early, quotes),
        withinShare: share(quotes - early - late, quotes),
        lateShare: share(late, quotes),
        brokenShare: share(of.brokenPromises, quotes),
      },
    ]
  })
}
