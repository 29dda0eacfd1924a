import { z } from 'zod'
import { query } from '../changes/query.ts'
import { ofDay, rowsOf, todayAt } from './insights.ts'
import { mean, plusDays, slotsFrom, summedBy, timeOfSlot, type Slot } from './rules.ts'
import { readHistory } from './visits.ts'

const WEEKS = ['weekAgo', 'twoWeeksAgo', 'threeWeeksAgo', 'fourWeeksAgo'] as const

const coversOf = () => z.int().meta({ description: 'Covers of the same half hour on that day' })

const row = z.object({
  time: z.string().meta({ description: 'When the half hour begins, in the zone of the restaurant: 18:30' }),
  parties: z.int(),
  covers: z.int(),
  weekAgo: coversOf(),
  twoWeeksAgo: coversOf(),
  threeWeeksAgo: coversOf(),
  fourWeeksAgo: coversOf(),
  usual: z.number().nullable().meta({ description: 'Mean covers of those of the four days on which anybody came' }),
})

/**
 * The people who sat down in each half hour of a day, beside the last four same weekdays. An hour that the clocks repeat
 * counts twice as long, one that they leave out is empty. Spec: Y3.
 */
export const getCovers = query({
  name: 'get-covers',
  summary: 'Covers by half hour of a day, beside the last four same weekdays',
  path: '/insights/covers',
  role: 'manager',
  budget: [8, 3],
  input: ofDay,
  ...rowsOf(row),
  async run(r, { day }): Promise<z.output<typeof row>[]> {
    const { today, firstSlot } = await todayAt(r.tx, r.restaurantId, r.now)
    const last = day ?? today
    const slots = await readHistory(r.tx, r.restaurantId, { first: plusDays(last, -28), last, step: 7 }, r.now)
    return coversBySlot(slots, last, firstSlot)
  },
})

/** The rows of a day from the slots of it and the four weeks before. Days begin in the half hour `firstSlot`. */
export function coversBySlot(slots: readonly Slot[], day: string, firstSlot: number): z.output<typeof row>[] {
  const sums = summedBy(slots, (slot) => `${slot.day} ${slot.slot}`)
  const days = WEEKS.map((_, index) => plusDays(day, -7 * (index + 1)))
  const open = days.filter((each) => slots.some((slot) => slot.day === each && slot.parties > 0)).length
  return slotsFrom(firstSlot).map((slot) => {
    const of = (each: string) => sums.get(`${each} ${slot}`)?.covers ?? 0
    const [weekAgo, twoWeeksAgo, threeWeeksAgo, fourWeeksAgo] = days.map(of) as [number, number, number, number]
    const usual = mean(weekAgo + twoWeeksAgo + threeWeeksAgo + fourWeeksAgo, open)
    const parties = sums.get(`${day} ${slot}`)?.parties ?? 0
    return {
      time: timeOfSlot(slot),
      parties,
      covers: of(day),
      weekAgo,
      twoWeeksAgo,
      threeWeeksAgo,
      fourWeeksAgo,
      usual,
    }
  })
}
