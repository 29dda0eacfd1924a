import { expect, test } from 'vitest'
import { countsOf, NONE, tableDaysOf, type TableMoment, type Visit } from './rules.ts'

const VISIT: Visit = {
  day: '2026-11-27',
  slot: 37,
  partySize: 2,
  status: 'cancelled',
  hasReserved: false,
  hasSat: false,
  hasCome: false,
  stay: null,
  wait: null,
  quotedFrom: null,
  quotedTo: null,
  waitAfterQuote: null,
  firstQuotedTo: null,
  endReason: null,
}

test('Y5: how a visit without a table ended is told by its status, its reason, and whether the party came', () => {
  const of = (visit: Partial<Visit>) => countsOf({ ...VISIT, ...visit }, false)
  const left = { ...NONE, walkAways: 1 }
  const stayedAway = { ...NONE, noShows: 1 }
  const cancelled = { ...NONE, cancelled: 1 }
  expect(of({})).toEqual(cancelled)
  expect(of({ hasCome: true })).toEqual(left)
  expect(of({ endReason: 'left', hasReserved: true })).toEqual(left)
  expect(of({ endReason: 'cancelled_by_guest' })).toEqual(left)
  expect(of({ endReason: 'cancelled_by_guest', hasReserved: true, hasCome: true })).toEqual(cancelled)
  expect(of({ status: 'no_show', hasReserved: true })).toEqual(stayedAway)
  expect(of({ status: 'no_show', hasReserved: true, endReason: 'grace_ended' })).toEqual(stayedAway)
  expect(of({ status: 'no_show', endReason: 'grace_ended' })).toEqual(left)
  expect(of({ status: 'waitlist', hasCome: true })).toEqual(NONE)
})

const moment = (minute: number, more: Partial<TableMoment> = {}): TableMoment => ({
  tableId: 'a',
  at: minute * 60_000,
  day: '2026-11-27',
  isOccupied: true,
  partyId: 'ada',
  number: '1',
  seats: 4,
  section: null,
  ...more,
})

test('Y6: one use of a table lasts until it is free or another party has it, across edits, four hours at most', () => {
  const moments = [
    moment(0),
    moment(10, { seats: 6 }),
    moment(60, { partyId: 'bo' }),
    moment(90, { isOccupied: false, partyId: null }),
    moment(95, { isOccupied: false, partyId: null }),
    moment(100, { tableId: 'b', partyId: null }),
  ]
  const days = tableDaysOf(moments, 1_000 * 60_000)
  expect(days.map(({ tableId, parties, minutes }) => [tableId, parties, minutes])).toEqual([
    ['a', 2, 90],
    ['b', 1, 240],
  ])
})
