import type { Query } from '../changes/query.ts'
import { getCovers } from './get-covers.ts'
import { getNoShows } from './get-no-shows.ts'
import { getTableUse } from './get-table-use.ts'
import { getTurnTimes } from './get-turn-times.ts'
import { getWaits } from './get-waits.ts'

/** Every insight, for the table of contents. */
export const insightQueries: readonly Query[] = [getCovers, getWaits, getTurnTimes, getTableUse, getNoShows]
