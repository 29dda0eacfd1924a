import { expect, test } from 'vitest'
import { NOW, table } from '../../test/floors.ts'
import {
  BARE,
  decideRemoveTable,
  freed,
  given,
  newTable,
  partyAt,
  refuseTables,
  refuseUnseen,
  statusLeft,
  TABLE_STATUSES,
  tableStatuses,
  unknownTable,
  vacated,
  type Insistence,
  type TableState,
} from './rules.ts'

test('G8: only an available table is given to a party without insisting', () => {
  expect(Object.keys(tableStatuses).sort()).toEqual([...TABLE_STATUSES].sort())
  expect(TABLE_STATUSES.filter((status) => tableStatuses[status].seatable)).toEqual(['available'])
})

test('G16: a table that its party leaves keeps what a host said of it, and only that', () => {
  const left = (party: 'guest' | 'reservation') => TABLE_STATUSES.map((status) => statusLeft(status, party))
  expect(left('guest')).toEqual(['available', 'available', 'reserved', 'out_of_service', 'needs_cleaning'])
  expect(left('reservation')).toEqual(['available', 'available', 'available', 'out_of_service', 'needs_cleaning'])
})

const refuse = (partySize: number, of: TableState, insistence: Insistence) =>
  refuseTables({ id: null, partySize }, [of], insistence, NOW)

const TAKEN = table('t', { status: 'occupied', guestId: 'a' })
const HELD = table('t', { status: 'reserved', reservationId: 'r' })
const SET = table('t', { status: 'reserved' })
const free = { status: 'available', ...BARE }

test('G5, G10: what becomes of a table has its event', () => {
  expect([TAKEN, HELD, SET].map(partyAt)).toEqual([{ kind: 'guest', id: 'a' }, { kind: 'reservation', id: 'r' }, null])
  expect(vacated(TAKEN)).toEqual({ kind: 'table', id: 't', set: free, event: 'freed' })
  expect(vacated(HELD)).toMatchObject({ set: free })
  expect(vacated(SET)).toMatchObject({ set: { guestId: null, reservationId: null, status: 'reserved' } })
  expect(freed(SET)).toEqual({ kind: 'table', id: 't', set: free, event: 'freed' })
  expect(freed(SET, 'cleared')).toMatchObject({ event: 'cleared' })
  const taken = { ...BARE, status: 'occupied', guestId: 'a' }
  expect(given(SET, { kind: 'guest', id: 'a' })).toEqual({ kind: 'table', id: 't', set: taken, event: 'assigned' })
  const held = { status: 'reserved', guestId: null, reservationId: 'r' }
  expect(given(TAKEN, { kind: 'reservation', id: 'r' }, 'reserved')).toMatchObject({ set: held })
  const stamps = { version: 1, createdAt: NOW, updatedAt: NOW }
  expect(newTable('n', { number: '1' }, NOW)).toEqual({
    id: 'n',
    number: '1',
    ...free,
    sectionId: null,
    serverId: null,
    ...stamps,
  })
})

test('G6, T3, G15: a refusal has its status and shows the table as it is', () => {
  const shown = (of: object) => ({ status: 409, details: { table: of } })
  expect(refuse(2, TAKEN, {})).toMatchObject({ code: 'table-not-free', ...shown(TAKEN) })
  expect(refuse(5, table('t'), {})).toMatchObject({ code: 'over-capacity', ...shown(table('t')) })
  expect(refuse(5, TAKEN, { takeOver: true, force: true })).toBeNull()
  expect(refuseUnseen('t', TAKEN, 2)).toMatchObject({ code: 'version-conflict', ...shown(TAKEN) })
  expect(refuseUnseen('t', undefined, 1)).toMatchObject({
    code: 'table-not-found',
    status: 404,
    details: { tableId: 't' },
  })
  expect([refuseUnseen('t', TAKEN, 1), refuseUnseen('t', TAKEN, undefined)]).toEqual([null, null])
  expect(unknownTable('x')).toMatchObject({ code: 'unknown-table', status: 422, details: { tableId: 'x' } })
  expect(decideRemoveTable(TAKEN, { tableId: 't' })).toMatchObject({ code: 'table-occupied', ...shown(TAKEN) })
  expect(decideRemoveTable(SET, { tableId: 't', version: 1 })).toEqual({
    kind: 'table',
    id: 't',
    set: null,
    event: 'deleted',
  })
})
