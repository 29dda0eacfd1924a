import { z } from 'zod'
import { query } from '../changes/query.ts'
import { findTurns } from '../turns/turns.ts'
import { expectedTurn, meanMinutes, PERIODS, periodOf, WEEKDAYS, type Period, type Turns } from '../turns/rules.ts'
import { daysOf, ofDays, rowsOf, todayAt } from './insights.ts'
import { mean, summedBy, type Slot } from './rules.ts'
import { readHistory } from './visits.ts'

const PERIOD_NAMES = Object.keys(PERIODS) as [Period, ...Period[]]

const row = z.object({
  size: z.int().meta({ description: 'Party size; 9 stands for nine and more' }),
  period: z.enum(PERIOD_NAMES).meta({ description: 'Part of the day: from 04:00, 11:00, 16:00, 22:00' }),
  stays: z.int().meta({ description: 'Stays that count' }),
  meanMinutes: z.number().nullable(),
  typicalMinutes: z.number().nullable().meta({ description: 'The geometric mean: half of the stays are longer' }),
  oddStays: z.int().meta({ description: 'Stays that do not count: tables that nobody cleared, slips of a finger' }),
  expectedMinutes: z.number().meta({ description: 'What the turn times expect, over all weekdays' }),
})

/** How long parties stayed, by size and part of the day. Spec: Y4. */
export const getTurnTimes = query({
  name: 'get-turn-times',
  summary: 'How long parties stayed, by size and part of the day',
  path: '/insights/turn-times',
  role: 'manager',
  budget: [9, 3],
  input: ofDays,
  ...rowsOf(row),
  async run(r, input): Promise<z.output<typeof row>[]> {
    const days = daysOf(input, (await todayAt(r.tx, r.restaurantId, r.now)).today)
    const [slots, turns] = await Promise.all([
      readHistory(r.tx, r.restaurantId, days, r.now),
      findTurns(r.tx, r.restaurantId),
    ])
    return turnsBySize(slots, turns)
  },
})

/** The rows of some slots, by size and then by period. */
export function turnsBySize(slots: readonly Slot[], turns: Turns | undefined): z.output<typeof row>[] {
  const sums = summedBy(slots, ({ size, slot }) => `${size} ${periodOf(Math.floor(slot / 2))}`)
  const sizes = [...new Set(slots.map(({ size }) => size))].toSorted((a, b) => a - b)
  return sizes.flatMap((size) =>
    PERIOD_NAMES.flatMap((period) => {
      const of = sums.get(`${size} ${period}`)
      if (!of || of.stays + of.oddStays === 0) return []
      const { stays, stayMinutes, stayLogs, oddStays } = of
      const typicalMinutes = stays === 0 ? null : mean(Math.exp(stayLogs / stays), 1)
      const expectedMinutes = mean(expectedOf(turns, size, period), WEEKDAYS)!
      return [{ size, period, stays, meanMinutes: mean(stayMinutes, stays), typicalMinutes, oddStays, expectedMinutes }]
    }),
  )
}

const expectedOf = (turns: Turns | undefined, size: number, period: Period): number =>
  Array.from({ length: WEEKDAYS }, (_, weekday) => meanMinutes(expectedTurn(turns, { size, weekday, period }))).reduce(
    (sum, each) => sum + each,
    0,
  )
