import { z } from 'zod'
import { idField } from '../platform/fields.ts'
import { query } from '../changes/query.ts'
import { daysOf, ofDays, rowsOf, todayAt } from './insights.ts'
import { mean, type TableDay } from './rules.ts'
import { readTableUse } from './table-use.ts'

const row = z.object({
  tableId: idField,
  number: z.string(),
  seats: z.int(),
  section: z.string().nullable(),
  days: z.int().meta({ description: 'Days on which it was in use' }),
  parties: z.int(),
  minutes: z.number().meta({ description: 'Minutes in use. A party that nobody cleared counts four hours' }),
  minutesPerParty: z.number().nullable(),
  partiesPerDay: z.number().nullable().meta({ description: 'Parties for each day on which any table was in use' }),
})

/** What each table was used for. Spec: Y6. */
export const getTableUse = query({
  name: 'get-table-use',
  summary: 'Parties and minutes of each table',
  path: '/insights/tables',
  role: 'manager',
  budget: [7, 3],
  input: ofDays,
  ...rowsOf(row),
  async run(r, input): Promise<z.output<typeof row>[]> {
    const days = daysOf(input, (await todayAt(r.tx, r.restaurantId, r.now)).today)
    return useByTable(await readTableUse(r.tx, r.restaurantId, days, r.now))
  },
})

/** The rows of some days, by number. Facts of a table are those of its last day. */
export function useByTable(days: readonly TableDay[]): z.output<typeof row>[] {
  const openDays = new Set(days.map(({ day }) => day)).size
  const tables = new Map<string, TableDay[]>()
  for (const each of days) tables.set(each.tableId, [...(tables.get(each.tableId) ?? []), each])
  return [...tables.values()]
    .map((own) => {
      const { tableId, number, seats, section } = own.at(-1)!
      const parties = own.reduce((sum, each) => sum + each.parties, 0)
      const minutes = Math.round(own.reduce((sum, each) => sum + each.minutes, 0))
      const means = { minutesPerParty: mean(minutes, parties), partiesPerDay: mean(parties, openDays) }
      return {
        tableId,
        number,
        seats,
        section,
        days: new Set(own.map(({ day }) => day)).size,
        parties,
        minutes,
        ...means,
      }
    })
    .toSorted((a, b) => a.number.localeCompare(b.number, 'en', { numeric: true }))
}
