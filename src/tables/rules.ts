/** The words for a table's state, what each means for seating, and for whoever sits there. Pure; shared with the web. */

export const TABLE_STATUSES = ['available', 'occupied', 'reserved', 'out_of_service', 'needs_cleaning'] as const
export type TableStatus = (typeof TABLE_STATUSES)[number]

export const TABLE_SHAPES = ['round', 'square', 'rectangle', 'oval'] as const
export type TableShape = (typeof TABLE_SHAPES)[number]

/**
 * What a table becomes when its party goes elsewhere. What it was because of the party ends with it; what a host said of the table stays. A reservation
 * makes its table reserved, a guest doesn't.
 */
export const statusLeft = (status: TableStatus, party: 'guest' | 'reservation'): TableStatus =>
  status === 'occupied' || (status === 'reserved' && party === 'reservation') ? 'available' : status

/** Every status there is, and whether a party may be seated there without insisting. */
export const tableStatuses: Record<TableStatus, { readonly seatable: boolean }> = {
  available: { seatable: true },
  occupied: { seatable: false },
  reserved: { seatable: false },
  out_of_service: { seatable: false },
  needs_cleaning: { seatable: false },
}
