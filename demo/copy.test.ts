import { describe, expect, test } from 'vitest'
import {
  apply,
  differences,
  emptyCopy,
  load,
  syncDifferences,
  syncTableFields,
  type Fields,
  type Message,
} from './copy.ts'
import { compareDevice } from './verify.ts'

const GUEST = {
  id: 'g1',
  name: 'Ada Okafor',
  firstName: 'Ada',
  lastName: 'Okafor',
  email: null,
  phone: null,
  notes: null,
  partySize: 2,
  status: 'Waitlist',
  tableId: null,
  checkInTime: '2026-11-23T18:00:00',
  lastUpdated: '2026-11-23T18:00:00',
}
const TABLE = {
  id: 't1',
  tableNumber: '1',
  capacity: 4,
  status: 'available',
  position: { x: 0.5, y: 0.25 },
  shape: 'round',
  section: null,
  currentGuestId: null,
  lastUpdated: '2026-11-23T18:00:00',
  createdAt: '2026-11-23T17:00:00',
}
const second = (n: number) => `2026-11-23T18:00:${String(n).padStart(2, '0')}.000000Z`

const guestMessage = (n: number, change: Fields = {}, type = 'guest_updated'): Message => {
  const { firstName, lastName, partySize, status, tableId } = { ...GUEST, ...change }
  const person = { guestName: `${firstName} ${lastName}`, firstName, lastName, email: '', phone: '', notes: '' }
  const data = { id: 'g1', ...person, partySize, status, tableId }
  return { type, restaurant_id: 'r', guest_id: 'g1', action: 'status_changed', timestamp: second(n), data }
}
const tableMessage = (n: number, change: Fields = {}, action = 'updated'): Message => {
  const { lastUpdated: _, createdAt: __, ...facts } = { ...TABLE, ...change }
  const data = { ...facts, updatedAt: second(n) }
  return { type: 'table_updated', restaurant_id: 'r', table_id: 't1', action, timestamp: second(n), data }
}
const loaded = () => {
  const copy = emptyCopy()
  load(copy, [GUEST], [TABLE])
  return copy
}
const seated = { status: 'Seated', tableId: 't1' }
const occupied = { status: 'occupied', currentGuestId: 'g1' }
const naive = (n: number) => ({ lastUpdated: second(n).replace('.000000Z', '') })

describe('a copy', () => {
  test('equals the lists it was loaded from, empty words and times without a fraction included', () => {
    expect(differences(loaded(), [GUEST], [TABLE])).toEqual([])
    const nameless = { ...GUEST, name: 'Unknown Guest', firstName: '', lastName: '' }
    const copy = loaded()
    const said = guestMessage(1, { firstName: '', lastName: '' })
    apply(copy, { ...said, data: { ...(said['data'] as Fields), guestName: '' } })
    expect(differences(copy, [nameless], [TABLE])).toEqual([])
  })

  test('follows the messages', () => {
    const copy = loaded()
    expect(apply(copy, guestMessage(1, seated))).toBe('applied')
    expect(apply(copy, tableMessage(1, occupied, 'assigned'))).toBe('applied')
    const table = { ...TABLE, ...occupied, ...naive(1) }
    expect(differences(copy, [{ ...GUEST, ...seated }], [table])).toEqual([])
  })

  test('learns of new ones and forgets deleted ones', () => {
    const copy = emptyCopy()
    apply(copy, guestMessage(1, {}, 'guest_created'))
    apply(copy, tableMessage(2, {}, 'created'))
    expect(differences(copy, [GUEST], [{ ...TABLE, ...naive(2) }])).toEqual([])
    apply(copy, { type: 'guest_deleted', guest_id: 'g1', timestamp: second(3), data: { id: 'g1' } })
    apply(copy, tableMessage(4, {}, 'deleted'))
    expect(differences(copy, [], [])).toEqual([])
  })

  test('ends right when messages from before it was loaded are applied once more', () => {
    const copy = emptyCopy()
    load(copy, [{ ...GUEST, status: 'Finished' }], [TABLE])
    for (const message of [guestMessage(1), guestMessage(2, seated), guestMessage(3, { status: 'Finished' })])
      apply(copy, message)
    expect(differences(copy, [{ ...GUEST, status: 'Finished' }], [TABLE])).toEqual([])
  })

  test('knows repeated, disordered, unknown and other messages', () => {
    const copy = loaded()
    expect(apply(copy, guestMessage(2))).toBe('applied')
    expect(apply(copy, guestMessage(2))).toBe('repeated')
    expect(apply(copy, guestMessage(1))).toBe('disordered')
    expect(apply(copy, tableMessage(2))).toBe('applied')
    expect(apply(copy, { type: 'heartbeat', timestamp: second(3) })).toBe('other')
    expect(apply(copy, { type: 'surprise' })).toBe('unknown')
    expect(apply(copy, { type: 'surprise', guest_id: 'g1', data: {} })).toBe('unknown')
  })

  test('of the second socket knows tables, in its fewer fields', () => {
    const copy = emptyCopy()
    load(copy, [GUEST], [TABLE], syncTableFields)
    const { shape: _, updatedAt: __, ...data } = tableMessage(1, occupied)['data'] as Fields
    apply(copy, { ...tableMessage(1), data }, syncTableFields)
    expect(syncDifferences(copy, [{ ...TABLE, ...occupied }])).toEqual([])
    expect(syncDifferences(copy, [TABLE])).toHaveLength(2)
    const legacy = { type: 'guest_updated', timestamp: second(2), guest: { id: 'g1' }, table: null, guestId: null }
    expect(apply(copy, legacy, syncTableFields)).toBe('other')
    apply(copy, { type: 'guest_deleted', timestamp: second(3), guest: null, guestId: 'g1' }, syncTableFields)
    expect(copy.guests.size).toBe(0)
  })
})

describe('the comparison', () => {
  const messages = [guestMessage(1, seated), tableMessage(1, occupied), guestMessage(2, { ...seated, partySize: 5 })]
  const guests = [{ ...GUEST, ...seated, partySize: 5 }]
  const tables = [{ ...TABLE, ...occupied, ...naive(1) }]
  const device = (heard: readonly Message[], ready = true) => {
    const copy = loaded()
    for (const message of heard) apply(copy, message)
    return { ready, copy, syncCopy: null }
  }

  test('finds nothing on a device that heard everything', () => {
    expect(compareDevice(device(messages), guests, tables)).toEqual([])
  })

  test('finds a device that lost a message, whichever it was', () => {
    expect(compareDevice(device(messages.slice(0, 2)), guests, tables)).toEqual([
      'guest g1 partySize: device 2, database 5',
    ])
    expect(compareDevice(device([messages[0]!, messages[2]!]), guests, tables)).toEqual([
      'table t1 status: device "available", database "occupied"',
      'table t1 currentGuestId: device null, database "g1"',
      'table t1 updatedAt: device "2026-11-23T18:00:00.000000", database "2026-11-23T18:00:01.000000"',
    ])
  })

  test('finds what is missing, what is too much and who is not connected', () => {
    expect(compareDevice(device(messages), [], tables)).toEqual(['guest g1 is on the device and not in the database'])
    expect(compareDevice({ ready: true, copy: emptyCopy(), syncCopy: emptyCopy() }, [], tables)).toEqual([
      'table t1 is missing on the device',
      'second socket: table t1 is missing on the device',
    ])
    expect(compareDevice(device(messages, false), guests, tables)).toEqual(['is not connected'])
  })
})
