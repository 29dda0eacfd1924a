/** The words for a table's state, what each means for seating, and for whoever sits there. Pure; shared with the web. */

export const TABLE_STATUSES = ['available', 'occupied', 'reserved', 'out_of_service', 'needs_cleaning'] as const
export type TableStatus = (typeof TABLE_STATUSES)[number]

export const TABLE_SHAPES = ['round', 'square', 'rectangle', 'oval'] as const
export type TableShape = (typeof TABLE_SHAPES)[number]

/** Every status there is, and whether a party may be seated there without insisting. */
export const tableStatuses: Record<TableStatus, { readonly seatable: boolean }> = {
  available: { seatable: true },
  occupied: { seatable: false },
  reserved: { seatable: false },
  out_of_service: { seatable: false },
  needs_cleaning: { seatable: false },
}
