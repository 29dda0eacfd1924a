/** What commands are measured on: restaurants, and pairs of a waiting guest and a free table, by numbers. */

/** Of every server of a bench. */
export const SECRET = 'a secret key for the bench only'

/** Where the commands of a run go: to 50 restaurants in turn, or all to one. */
export type Where = 'many' | 'hot'
export const RESTAURANTS = 50

const HOT = RESTAURANTS + 1
/** The restaurant that statements are captured in. */
export const SPARE = RESTAURANTS + 2
export const FIRST = { staff: 1_000, many: 1_000_000, hot: 2_000_000, spare: 3_000_000 }

/** A number as an id: decimal, because the variables of pgbench are numbers. `idIn` makes the same of it. */
export const idOf = (number: number): string =>
  String(number)
    .padStart(32, '0')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')

/** The same in SQL, of an expression. */
export const idIn = (number: string): string => `lpad((${number})::text, 32, '0')::uuid`

/** A guest and a table of the same restaurant; both have the number of the pair in their ids. */
export interface Pair {
  readonly restaurantId: string
  readonly staffId: string
  readonly pairId: string
  /** What the table is called. */
  readonly number: string
}

export const restaurantNumber = (where: Where, index: number): number =>
  where === 'hot' ? HOT : 1 + (index % RESTAURANTS)

export function pairOf(where: Where | 'spare', index: number): Pair {
  const restaurant = where === 'spare' ? SPARE : restaurantNumber(where, index)
  return {
    restaurantId: idOf(restaurant),
    staffId: idOf(FIRST.staff + restaurant),
    pairId: idOf(FIRST[where] + index),
    number: String(FIRST[where] + index),
  }
}
