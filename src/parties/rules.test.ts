import { expect, test } from 'vitest'
import { floorOf, guest, reservation, table } from '../../test/floors.ts'
import type { Instant } from '../platform/clock.ts'
import {
  canFollow,
  canSeat,
  entryOf,
  isOver,
  keepsTable,
  PARTY_STATUSES,
  partyStatuses,
  PHASES,
  phaseOf,
  timesOf,
} from './rules.ts'
import { displaced, left } from './tables/rules.ts'

test('G3: every status has a rule, may follow itself, and leads to known ones only', () => {
  expect(Object.keys(partyStatuses).sort()).toEqual([...PARTY_STATUSES].sort())
  for (const status of PARTY_STATUSES) {
    expect(canFollow(status, status), status).toBe(true)
    for (const next of partyStatuses[status].next) expect(PARTY_STATUSES).toContain(next)
  }
})

test('G3: no status is a trap: from each there is a way back to the waitlist, and to every ending', () => {
  const reach = (from: string, seen = new Set([from])): Set<string> => {
    for (const next of partyStatuses[from as keyof typeof partyStatuses].next)
      if (!seen.has(next)) reach(next, seen.add(next))
    return seen
  }
  for (const status of PARTY_STATUSES) expect(reach(status).size, status).toBe(PARTY_STATUSES.length)
})

test('G3: who is seated or gone is not seatable, and only seated guests finish', () => {
  for (const status of PARTY_STATUSES) {
    expect(canSeat(status)).toBe(status !== 'seated' && !isOver(status))
    expect(canFollow(status, 'finished')).toBe(status === 'seated' || status === 'finished')
  }
})

test('G10: a table is kept until the seat is left or the visit ends', () => {
  for (const from of PARTY_STATUSES)
    for (const to of PARTY_STATUSES) {
      const gone = ['finished', 'cancelled', 'no_show'].includes(to) || (from === 'seated' && to !== 'seated')
      expect(keepsTable(from, to), `${from} to ${to}`).toBe(!gone)
    }
})

test('G3: the phases are what the statuses come to, and entering one is its first status', () => {
  const phases = Object.fromEntries(PARTY_STATUSES.map((status) => [status, phaseOf(status)]))
  expect(phases).toEqual({
    waitlist: 'waiting',
    confirmed: 'waiting',
    running_late: 'waiting',
    arrived: 'waiting',
    partially_arrived: 'waiting',
    seated: 'seated',
    finished: 'completed',
    cancelled: 'completed',
    no_show: 'completed',
  })
  expect(PHASES.map((phase) => entryOf[phase])).toEqual(['waitlist', 'seated', 'finished'])
})

const [NOW, SENT, HAD] = ['12', '11', '10'].map((hour) => `2026-11-23T${hour}:00:00.000000Z` as Instant) as [
  Instant,
  Instant,
  Instant,
]
const none = { checkInTime: null, seatedTime: null, finishedTime: null, endedAt: null }

test('G9: a status that is new sets its time, a time that was sent counts, and an end is recorded once', () => {
  expect(timesOf(NOW, null, 'waitlist')).toEqual(none)
  expect(timesOf(NOW, null, 'seated')).toEqual({ ...none, seatedTime: NOW })
  expect(timesOf(NOW, null, 'finished')).toEqual({ ...none, finishedTime: NOW, endedAt: NOW })
  expect(timesOf(NOW, null, 'cancelled')).toEqual({ ...none, endedAt: NOW })
  const sent = { checkInTime: SENT, seatedTime: SENT, finishedTime: SENT }
  expect(timesOf(NOW, null, 'finished', sent)).toEqual({ ...sent, endedAt: NOW })
  // Of a party that was there before: its times stay, unless others are sent.
  const had = { checkInTime: HAD, seatedTime: HAD, finishedTime: HAD, endedAt: HAD }
  expect(timesOf(NOW, { ...had, status: 'finished' }, 'finished')).toEqual(had)
  expect(timesOf(NOW, { ...had, status: 'finished' }, 'finished', sent)).toEqual({ ...sent, endedAt: HAD })
  expect(timesOf(NOW, { ...had, status: 'waitlist' }, 'seated')).toEqual({ ...had, seatedTime: NOW, endedAt: null })
  expect(timesOf(NOW, { ...had, status: 'seated' }, 'seated')).toEqual({ ...had, endedAt: null })
  expect(timesOf(NOW, { ...had, status: 'seated' }, 'finished')).toEqual({ ...had, finishedTime: NOW })
  expect(timesOf(NOW, { ...none, status: 'arrived' }, 'arrived')).toEqual(none)
})

const [WITH_GUEST, WITH_RESERVATION] = [table('t', { guestId: 'g' }), table('u', { reservationId: 'r' })]

test('G7: a party that loses its table to another has its event', () => {
  expect(displaced(WITH_GUEST)).toEqual([
    {
      kind: 'guest',
      id: 'g',
      set: { status: 'waitlist', tableId: null, serverId: null, seatedTime: null, endedAt: null },
      event: 'displaced',
    },
  ])
  expect(displaced(WITH_RESERVATION)).toEqual([
    { kind: 'reservation', id: 'r', set: { tableId: null }, event: 'table-lost' },
  ])
  expect(displaced(table('v'))).toEqual([])
})

test('G11, G12: a party that leaves its table has finished or not, by how it leaves and whether it sat', () => {
  const leaves = (status: 'seated' | 'arrived', how: 'cleared' | 'freed' | 'unlinked') => {
    const floor = floorOf({ guests: [guest('g', { status })], reservations: [reservation('r', { status })] })
    return [WITH_GUEST, WITH_RESERVATION].map((of) => {
      const [effect, ...others] = left(floor, of, how, NOW)
      expect(others).toEqual([])
      return `${effect!.event} ${(effect!.set as { status?: string }).status ?? 'as it was'}`
    })
  }
  expect(leaves('seated', 'cleared')).toEqual(['cleared finished', 'status-changed finished'])
  expect(leaves('arrived', 'cleared')).toEqual(['cleared finished', 'table-lost as it was'])
  expect(leaves('seated', 'freed')).toEqual(['status-changed finished', 'status-changed finished'])
  expect(leaves('arrived', 'freed')).toEqual(['table-changed as it was', 'table-lost as it was'])
  expect(leaves('seated', 'unlinked')).toEqual(['table-changed as it was', 'table-lost as it was'])
  // A table that nobody has, or whose party is not on the floor.
  for (const of of [table('v'), WITH_GUEST]) expect(left(floorOf({}), of, 'cleared', NOW)).toEqual([])
})
