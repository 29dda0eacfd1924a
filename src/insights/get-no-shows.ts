import { z } from 'zod'
import { query } from '../changes/query.ts'
import { daysOf, ofDays, rowsOf, todayAt } from './insights.ts'
import { share, summedBy, type Slot } from './rules.ts'
import { readHistory } from './visits.ts'

const row = z.object({
  day: z.string(),
  parties: z.int().meta({ description: 'Parties that sat down' }),
  covers: z.int(),
  reserved: z.int().meta({ description: 'Of these parties, those that had reserved' }),
  noShows: z.int(),
  noShowShare: z.number().nullable().meta({ description: 'No-shows among parties that had reserved, 0 to 1' }),
  walkAways: z.int().meta({ description: 'Parties that were there and left without a table' }),
  walkAwayShare: z.number().nullable().meta({ description: 'Walk-aways among parties that had not reserved, 0 to 1' }),
  cancelled: z.int().meta({ description: 'Parties that cancelled before they came' }),
})

/** Parties that came, that did not come, and that left without a table, by day. Spec: Y5. */
export const getNoShows = query({
  name: 'get-no-shows',
  summary: 'No-shows, walk-aways and cancellations by day',
  path: '/insights/no-shows',
  role: 'manager',
  budget: [8, 3],
  input: ofDays,
  ...rowsOf(row),
  async run(r, input): Promise<z.output<typeof row>[]> {
    const days = daysOf(input, (await todayAt(r.tx, r.restaurantId, r.now)).today)
    return lossesByDay(await readHistory(r.tx, r.restaurantId, days, r.now))
  },
})

/** The rows of some slots, oldest first. Days on which nothing was counted are left out. */
export function lossesByDay(slots: readonly Slot[]): z.output<typeof row>[] {
  const sums = summedBy(slots, ({ day }) => day)
  return [...sums.keys()].toSorted().map((day) => {
    const { parties, covers, reserved, noShows, walkAways, cancelled } = sums.get(day)!
    const noShowShare = share(noShows, reserved + noShows)
    const walkAwayShare = share(walkAways, parties - reserved + walkAways)
    return { day, parties, covers, reserved, noShows, noShowShare, walkAways, walkAwayShare, cancelled }
  })
}
