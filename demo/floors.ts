/** The floors of the demo: small, middle and large houses. */

export const FLOORS = ['small', 'middle', 'large'] as const
export type FloorSize = (typeof FLOORS)[number]

/** A table as it is sent to `POST /restaurants/{id}/tables/bulk`. */
export interface NewTable {
  readonly table_number: string
  readonly capacity: number
  readonly position: { readonly x: number; readonly y: number }
  readonly shape: 'round' | 'square' | 'rectangle' | 'oval'
  readonly section: string
}

/** How many tables of each capacity a section has. */
interface Section {
  readonly name: string
  readonly tables: Readonly<Record<number, number>>
}

// Together: small 6 × 2, 5 × 4, 1 × 6; middle 16 × 2, 18 × 4, 4 × 6, 2 × 8; large 40 × 2, 46 × 4, 10 × 6, 4 × 8.
const SECTIONS: Record<FloorSize, readonly Section[]> = {
  small: [{ name: 'Main', tables: { 2: 6, 4: 5, 6: 1 } }],
  middle: [
    { name: 'Main', tables: { 2: 6, 4: 12, 6: 4, 8: 2 } },
    { name: 'Bar', tables: { 2: 8 } },
    { name: 'Patio', tables: { 2: 2, 4: 6 } },
  ],
  large: [
    { name: 'Ground Floor', tables: { 2: 20, 4: 26, 6: 6, 8: 2 } },
    { name: 'Upper Floor', tables: { 2: 20, 4: 20, 6: 4, 8: 2 } },
  ],
}

const SHAPES = { 2: 'round', 4: 'square', 6: 'rectangle', 8: 'oval' } as const
const COLUMNS = 10

/** The tables of a floor, numbered from 1, in rows on the plan. */
export function floorOf(size: FloorSize): NewTable[] {
  const tables = SECTIONS[size].flatMap(({ name, tables }) =>
    Object.entries(tables).flatMap(([capacity, count]) =>
      Array.from({ length: count }, () => ({ capacity: Number(capacity), section: name })),
    ),
  )
  const rows = Math.ceil(tables.length / COLUMNS)
  return tables.map(({ capacity, section }, i) => ({
    table_number: String(i + 1),
    capacity,
    position: { x: ((i % COLUMNS) + 0.5) / COLUMNS, y: (Math.floor(i / COLUMNS) + 0.5) / rows },
    shape: SHAPES[capacity as keyof typeof SHAPES],
    section,
  }))
}
