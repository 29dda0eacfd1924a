import { z } from 'zod'
import { number, shape } from '../platform/field.ts'
import { CELLS } from './rules.ts'

/** The turn times of a restaurant: one row, about 2 KB. Lists have an element for each cell (`cellOf` in `rules.ts`). */
export const turnFields = {
  /** The mean of the logarithm of a stay in minutes. */
  logMeans: shape(z.array(z.number()).length(CELLS)),
  /** How many visits count for each, the older ones less. */
  visits: shape(z.array(z.int().min(0)).length(CELLS)),
  /** The variance of that logarithm within a cell. */
  logVariance: number(0, 100),
}
