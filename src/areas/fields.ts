import { z } from 'zod'
import { fact, integer, number, shape, text } from '../platform/field.ts'
import { textField } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'

/** What stands in a dining area beside its tables. */
export const FIXTURES = ['wall', 'door', 'host-stand', 'plant', 'bar', 'stairs'] as const

const centimetres = z.number().min(0).max(limits.areaCentimetres)

/** A fixture: a rectangle, its place from the top left of the area, in centimetres, turned by `rotation` degrees. */
const fixture = z.strictObject({
  is: z.enum(FIXTURES),
  x: centimetres,
  y: centimetres,
  width: centimetres,
  height: centimetres,
  rotation: z.number().min(0).max(360).default(0),
  label: textField(40).nullable().default(null),
})

/** A dining area. `width` and `height` are in centimetres; a table's `x` and `y` are parts of them. */
export const areaFields = {
  name: fact(text(100)),
  width: fact(number(100, limits.areaCentimetres), 1_200),
  height: fact(number(100, limits.areaCentimetres), 800),
  /** Its place among the areas, from 0. */
  position: fact(integer(0), 0),
  fixtures: fact(shape(z.array(fixture).max(limits.fixturesPerArea)), []),
}
