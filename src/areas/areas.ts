import { AppError } from '../platform/errors.ts'
import { limits } from '../platform/limits.ts'
import { entity, type EntityOf } from '../changes/entity.ts'
import { plain } from '../changes/plain.ts'
import { countTables } from '../tables/tables.ts'
import { areaFields } from './fields.ts'

/** A dining area as devices see it. */
export const areaEntity = entity('area', 'Area', areaFields)

export type Area = EntityOf<typeof areaFields>

/** Dining areas. Spec: A1. */
export const areas = plain(areaEntity, {
  path: '/areas',
  role: 'manager',
  called: 'a dining area',
  max: limits.areasPerRestaurant,
  async checkRemoval(w, area) {
    const tables = await countTables(w, area.id)
    if (tables > 0) throw new AppError('area-in-use', 409, `${tables} tables are in this area`, { area })
  },
  budgets: { remove: [8, 3] },
})
