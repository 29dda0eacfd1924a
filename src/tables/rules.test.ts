import { expect, test } from 'vitest'
import { statusLeft, TABLE_STATUSES, tableStatuses } from './rules.ts'

test('G8: only an available table is given to a party without insisting', () => {
  expect(Object.keys(tableStatuses).sort()).toEqual([...TABLE_STATUSES].sort())
  expect(TABLE_STATUSES.filter((status) => tableStatuses[status].seatable)).toEqual(['available'])
})

test('G16: a table that its party leaves keeps what a host said of it, and only that', () => {
  const left = (party: 'guest' | 'reservation') => TABLE_STATUSES.map((status) => statusLeft(status, party))
  expect(left('guest')).toEqual(['available', 'available', 'reserved', 'out_of_service', 'needs_cleaning'])
  expect(left('reservation')).toEqual(['available', 'available', 'available', 'out_of_service', 'needs_cleaning'])
})
