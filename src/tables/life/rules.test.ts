import { expect, test } from 'vitest'
import { NOW, table } from '../../../test/floors.ts'
import { BARE, refuseTables, statusAt, vacated, type TableState } from '../rules.ts'
import {
  decideBlockTable,
  decideEndHolds,
  decideHoldTable,
  decideMarkCheck,
  decideMarkClean,
  decideReleaseTable,
} from './rules.ts'

const TAKEN = table('t', { status: 'occupied', guestId: 'a' })
const HELD = table('t', { status: 'reserved', reservationId: 'r' })
const free = { status: 'available', ...BARE }
const LATER = '2026-11-23T13:00:00.000000Z' as typeof NOW
const hold = { tableId: 't', until: LATER, partyId: 'a', reason: null }

test('T9: a hold or a block ends by itself at its time, and only the party it is for sits there before', () => {
  const held = table('t', { status: 'reserved', statusUntil: LATER, heldFor: 'a' })
  expect(decideHoldTable(table('t'), hold, NOW)).toMatchObject({
    set: { status: 'reserved', statusUntil: LATER, heldFor: 'a', statusReason: null },
  })
  expect(statusAt(held, NOW)).toBe('reserved')
  expect(statusAt(held, LATER)).toBe('available')
  const sits = (id: string, now: typeof NOW) => refuseTables({ id, partySize: 2 }, [held], {}, now)
  expect([sits('a', NOW), sits('b', LATER)]).toEqual([null, null])
  expect(sits('b', NOW)).toMatchObject({ code: 'table-not-free' })
  const blocked = table('t', { status: 'out_of_service', statusUntil: LATER })
  expect([statusAt(blocked, NOW), statusAt(blocked, LATER)]).toEqual(['out_of_service', 'available'])
  // A status without a time does not end, and neither does a table that waits to be cleaned.
  expect(statusAt(table('t', { status: 'reserved' }), LATER)).toBe('reserved')
  expect(statusAt(table('t', { status: 'needs_cleaning', statusUntil: NOW }), LATER)).toBe('needs_cleaning')
  expect(decideEndHolds([held, blocked, TAKEN, table('u')], NOW)).toEqual([])
  expect(decideEndHolds([held, blocked, TAKEN, HELD], LATER)).toMatchObject([{ set: free }, { set: free }])
})

test('T9: what can be held, blocked and released', () => {
  const held = table('t', { status: 'reserved', statusUntil: LATER, heldFor: 'a' })
  expect(decideHoldTable(held, { ...hold, partyId: 'b' }, NOW)).toMatchObject({ set: { heldFor: 'b' } })
  expect(decideHoldTable(table('t'), { ...hold, until: NOW }, NOW)).toMatchObject({ code: 'already-past', status: 422 })
  expect(decideHoldTable(HELD, hold, NOW)).toMatchObject({ code: 'table-occupied' })
  expect(decideHoldTable(TAKEN, hold, NOW)).toMatchObject({ code: 'table-not-free' })
  expect(decideHoldTable(table('t', { status: 'out_of_service' }), hold, NOW)).toMatchObject({ code: 'table-not-free' })
  expect(decideHoldTable(undefined, hold, NOW)).toMatchObject({ code: 'table-not-found' })
  const block = { tableId: 't', until: null, reason: 'wobbly' }
  expect(decideBlockTable(held, block, NOW)).toMatchObject({
    set: { status: 'out_of_service', statusUntil: null, heldFor: null, statusReason: 'wobbly' },
  })
  expect(decideBlockTable(TAKEN, block, NOW)).toMatchObject({ code: 'table-occupied' })
  expect(decideReleaseTable(held, { tableId: 't' })).toMatchObject([{ set: free, event: 'freed' }])
  expect(decideReleaseTable(table('t'), { tableId: 't' })).toEqual([])
  expect(decideReleaseTable(HELD, { tableId: 't' })).toMatchObject({ code: 'table-occupied' })
  const dirty = table('t', { status: 'needs_cleaning' })
  expect(decideReleaseTable(dirty, { tableId: 't' })).toMatchObject({ code: 'table-to-clean' })
  expect(decideReleaseTable(held, { tableId: 't', version: 9 })).toMatchObject({ code: 'version-conflict' })
})

test('T10: a dirty table is free once it is clean, and the check has its times', () => {
  expect(decideMarkClean(table('t', { status: 'needs_cleaning' }), { tableId: 't' })).toMatchObject([{ set: free }])
  expect(decideMarkClean(table('t'), { tableId: 't' })).toEqual([])
  expect(decideMarkClean(TAKEN, { tableId: 't' })).toMatchObject({ code: 'table-occupied' })
  const check = (of: TableState, said: 'none' | 'dropped' | 'paid', at = NOW) =>
    decideMarkCheck(of, { tableId: 't', check: said }, at)
  expect(check(TAKEN, 'dropped')).toMatchObject({ set: { checkAt: NOW, paidAt: null } })
  const dropped = { ...TAKEN, checkAt: NOW }
  expect(check(dropped, 'paid', LATER)).toMatchObject({ set: { checkAt: NOW, paidAt: LATER } })
  expect(check({ ...dropped, paidAt: NOW }, 'paid', LATER)).toMatchObject({ set: { paidAt: NOW } })
  expect(check(dropped, 'none')).toMatchObject({ set: { checkAt: null, paidAt: null } })
  expect(check(table('t'), 'paid')).toMatchObject({ code: 'table-is-empty' })
  expect(vacated({ ...dropped, paidAt: NOW })).toMatchObject({ set: { checkAt: null, paidAt: null } })
})
