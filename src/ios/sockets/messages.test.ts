import { guestFields } from '../../guests/fields.ts'
import { NOBODY } from '../../people/rules.ts'
import { tableFields } from '../../tables/fields.ts'
import { BARE } from '../../tables/rules.ts'
import { initialOf } from '../../platform/field.ts'
import { expect, test } from 'vitest'
import type { Change, Entry } from '../../changes/log/log.ts'
import type { Guest } from '../../guests/guests.ts'
import type { Table } from '../../tables/tables.ts'
import { PARTY_STATUSES, UNTOLD, type GuestEvent } from '../../parties/rules.ts'
import { TABLE_STATUSES, type TableEvent } from '../../tables/rules.ts'
import { messagesOf } from './messages.ts'
import { syncGuestJson } from '../shapes.ts'
import {
  GUEST_SPELLINGS,
  partyStatusOf,
  guestWords,
  syncGuestWord,
  tableStatusOf,
  tableWords,
} from '../../old-backend/statuses.ts'

const at = '2026-11-23T18:00:00.000001Z' as Change['at']
const guest: Guest = {
  id: 'g',
  ...initialOf(guestFields),
  ...NOBODY,
  firstName: '',
  partySize: 2,
  status: 'waitlist',
  tableId: null,
  serverId: null,
  checkInTime: '2026-11-23T17:30:30.000000Z' as Change['at'],
  seatedTime: null,
  finishedTime: null,
  endedAt: null,
  ...UNTOLD,
  version: 1,
  createdAt: at,
  updatedAt: at,
}
const table: Table = {
  id: 't',
  number: '1',
  capacity: 4,
  x: 0,
  y: 1,
  ...initialOf(tableFields),
  sectionId: null,
  serverId: null,
  status: 'available',
  ...BARE,
  version: 1,
  createdAt: at,
  updatedAt: at,
}
const put = (kind: string, event: string, value: Guest | Table): Entry => ({
  op: 'put',
  kind,
  id: value.id,
  event,
  version: 1,
  value,
})
const change = (...entries: Entry[]): Change => ({
  restaurantId: 'r',
  epoch: 'e',
  seq: 1,
  at,
  command: 'c',
  mutationId: null,
  actorId: null,
  device: null,
  entries,
})
const said = (messages: readonly object[]) =>
  messages.map((m) => m as { type: string; action?: string }).map(({ type, action }) => `${type} ${action}`)

test('C4: guest messages come first, each entity once, tables in the order they changed', () => {
  const { realtime, sync } = messagesOf(
    change(
      put('table', 'freed', table),
      put('guest', 'displaced', { ...guest, id: 'h' }),
      put('table', 'assigned', { ...table, id: 'u' }),
      put('guest', 'status-changed', guest),
    ),
  )
  expect(realtime.map((m) => Object.values(m)[2])).toEqual(['h', 'g', 't', 'u'])
  expect(said(realtime)).toEqual([
    'guest_updated status_changed',
    'guest_updated status_changed',
    'table_updated cleared',
    'table_updated assigned',
  ])
  expect(said(sync)).toEqual(['table_updated cleared', 'table_updated assigned'])
})

test('C4: every event has its message on each socket', () => {
  const guestEvents: Record<GuestEvent, [string, string]> = {
    created: ['guest_created created', ''],
    edited: ['guest_updated info_updated', ''],
    'status-changed': ['guest_updated status_changed', ''],
    'table-changed': ['guest_updated table_assigned', ''],
    displaced: ['guest_updated status_changed', ''],
    cleared: ['guest_updated status_changed', 'guest_updated undefined'],
    batched: ['guest_updated status_changed', ''],
    deleted: ['guest_deleted undefined', 'guest_deleted undefined'],
  }
  for (const [event, [realtime, sync]] of Object.entries(guestEvents)) {
    const entry: Entry =
      event === 'deleted' ? { op: 'drop', kind: 'guest', id: 'g', event, version: 2 } : put('guest', event, guest)
    const messages = messagesOf(change(entry))
    expect(said(messages.realtime), event).toEqual([realtime])
    expect(said(messages.sync), event).toEqual(sync === '' ? [] : [sync])
  }
  const tableEvents: Record<TableEvent, [string, string]> = {
    created: ['created', 'created'],
    edited: ['updated', 'updated'],
    assigned: ['assigned', 'assigned'],
    freed: ['cleared', 'cleared'],
    cleared: ['cleared', 'updated'],
    batched: ['status_changed', 'updated'],
    deleted: ['deleted', 'deleted'],
  }
  for (const [event, [realtime, sync]] of Object.entries(tableEvents)) {
    const { op: _, ...rest } = put('table', event, table)
    const entry: Entry = event === 'deleted' ? { ...rest, op: 'drop' } : put('table', event, table)
    const messages = messagesOf(change(entry))
    expect([said(messages.realtime), said(messages.sync)], event).toEqual([
      [`table_updated ${realtime}`],
      [`table_updated ${sync}`],
    ])
  }
})

test('C4: a guest without a name has an empty one in messages and "Unknown Guest" elsewhere', () => {
  expect(messagesOf(change(put('guest', 'edited', guest))).realtime[0]).toMatchObject({
    data: { guestName: '', email: '', phone: '', notes: '' },
  })
  expect(syncGuestJson(guest, at)).toMatchObject({
    name: 'Unknown Guest',
    waitTime: 29,
    isWalkIn: true,
    arrivalTime: '2026-11-23T17:30:30Z',
  })
})

test('C3: every status has its word on every surface, and every word is understood again', () => {
  expect(PARTY_STATUSES.map((status) => guestWords[status])).toEqual([
    'Waitlist',
    'Confirmed',
    'Running Late',
    'Arrived',
    'Partially Arrived',
    'Seated',
    'Finished',
    'Cancelled',
    'No Show',
  ])
  for (const status of PARTY_STATUSES)
    for (const text of [
      guestWords[status],
      guestWords[status].toLowerCase(),
      status,
      status.toUpperCase(),
      status.replace('_', '-'),
    ])
      expect(partyStatusOf(text), text).toBe(status)
  for (const text of ['noShow', 'waiting', 'WAITING', 'runningLate', 'partiallyArrived', 'completed'])
    expect(partyStatusOf(text), text).toBeDefined()
  for (const text of ['', ' ', 'bogus', 'seat', 'constructor', '__proto__'])
    expect(partyStatusOf(text), text).toBeUndefined()
  for (const text of GUEST_SPELLINGS) expect(partyStatusOf(text), text).toBeDefined()
  expect(PARTY_STATUSES.map(syncGuestWord)).toEqual([
    'waiting',
    'waiting',
    'waiting',
    'waiting',
    'waiting',
    'seated',
    'completed',
    'completed',
    'completed',
  ])
  expect(TABLE_STATUSES.map((status) => tableWords[status])).toEqual([
    'available',
    'occupied',
    'reserved',
    'outOfService',
    'outOfService',
  ])
  expect(['available', 'occupied', 'reserved', 'outOfService', 'needs_cleaning'].map(tableStatusOf)).toEqual([
    ...TABLE_STATUSES,
  ])
  expect(['out_of_service', 'toString', ''].map(tableStatusOf)).toEqual([undefined, undefined, undefined])
})
