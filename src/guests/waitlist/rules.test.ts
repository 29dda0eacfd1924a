import fc from 'fast-check'
import { expect, test } from 'vitest'
import { floorOf, guest, NOW, OLD, play, table } from '../../../test/floors.ts'
import { isReleased, PARTY_STATUSES, phaseOf, type Effect } from '../../parties/rules.ts'
import { plusMillis, type Instant } from '../../platform/clock.ts'
import { decideSeatGuest, decideSetGuestStatus } from '../rules.ts'
import {
  aheadOf,
  decideCancelGuest,
  decideGiveMoreTime,
  decideGuestOnMyWay,
  decideNotifyGuest,
  decideQuoteGuest,
  decideRelease,
  GUEST_GRACE_MINUTES,
  MOST_GRACE_MINUTES,
  passedOver,
} from './rules.ts'

/** What a waiting party is told and what it says. The client shows the same decisions: `play` runs them through it. */

const at = (minutes: number): Instant => plusMillis(NOW, minutes * 60_000)
const alone = (more: Parameters<typeof guest>[1] = {}) => floorOf({ guests: [guest('a', more)] })
const one = { kind: 'guest', id: 'a', event: 'edited' }
const CALLED = { notifiedAt: NOW, graceUntil: at(10) }

test('G17: a quote is a range with a reason; a later one takes its place, and what was promised first stays', () => {
  const set = { quotedFrom: 25, quotedTo: 35, quoteReason: 'a four-top frees about 19:40', quotedAt: NOW }
  const input = { guestId: 'a', from: 25, to: 35, reason: 'a four-top frees about 19:40' }
  expect(decideQuoteGuest(alone(), input, NOW)).toEqual([{ ...one, set: { ...set, firstQuotedTo: 35 } }])
  const again = decideQuoteGuest(alone({ ...set, firstQuotedTo: 35 }), { guestId: 'a', from: 50, to: 60 }, NOW)
  expect(again).toMatchObject([{ set: { quotedFrom: 50, quotedTo: 60, quoteReason: null, firstQuotedTo: 35 } }])
  expect(decideQuoteGuest(alone(), { ...input, from: 36 }, NOW)).toMatchObject({ code: 'wrong-detail' })
  expect(decideQuoteGuest(alone(), { ...input, version: 2 }, NOW)).toMatchObject({ code: 'version-conflict' })
  expect(decideQuoteGuest(alone(), { ...input, guestId: 'b' }, NOW)).toMatchObject({ code: 'guest-not-found' })
})

test('G17, G18, G19: only a waiting party is quoted, called, on its way or cancelled', () => {
  for (const status of PARTY_STATUSES) {
    const floor = alone({ status, ...CALLED })
    const refusals = [
      decideQuoteGuest(floor, { guestId: 'a', from: 1, to: 2 }, NOW),
      decideNotifyGuest(floor, { guestId: 'a', graceMinutes: 10 }, NOW),
      decideGuestOnMyWay(floor, { guestId: 'a' }, NOW),
      decideGiveMoreTime(floor, { guestId: 'a', minutes: 5 }, NOW, { byGuest: false }),
      decideCancelGuest(floor, { guestId: 'a' }, NOW),
    ].map((decision) => ('code' in decision ? decision.code : 'done'))
    const wanted = phaseOf(status) === 'waiting' ? 'done' : 'guest-not-waiting'
    // Who has cancelled already may say so again.
    expect(refusals, status).toEqual([...Array(4).fill(wanted), status === 'cancelled' ? 'done' : wanted])
  }
})

test('G18: a call starts the grace; another call starts it anew', () => {
  const call = (more: object) => decideNotifyGuest(alone(more), { guestId: 'a', graceMinutes: 10 }, NOW)
  expect(call({})).toEqual([{ ...one, set: { ...CALLED, onMyWayAt: null } }])
  expect(call({ notifiedAt: OLD, graceUntil: OLD, onMyWayAt: OLD })).toEqual(call({}))
  expect(play({ guests: [guest('a')] }, 'notify-guest', { guestId: 'a' })).toMatchObject({ 'guest a': CALLED })
})

test('G18: a party is released at the end of its grace, not before, unless it came or was given more time', () => {
  const called = guest('a', CALLED)
  expect(isReleased(called, plusMillis(at(10), -1))).toBe(false)
  expect(isReleased(called, at(10))).toBe(true)
  expect(isReleased(guest('a'), at(10))).toBe(false)
  const floor = floorOf({
    tables: [table('t', { status: 'occupied', guestId: 'a' })],
    guests: [{ ...called, tableId: 't' }],
  })
  expect(decideRelease(floor, 'a', at(9))).toEqual([])
  expect(decideRelease(floor, 'b', at(10))).toEqual([])
  expect(decideRelease(floor, 'a', at(10))).toMatchObject([
    { set: { status: 'no_show', endReason: 'grace_ended', graceUntil: null, tableId: null, endedAt: at(10) } },
    { kind: 'table', id: 't', set: { status: 'available', guestId: null } },
  ])
  for (const status of PARTY_STATUSES.filter((each) => each !== 'waitlist')) {
    const [effect] = decideSetGuestStatus(alone(CALLED), { guestId: 'a', status, force: true }, NOW) as Effect[]
    const isAwaited = status === 'confirmed' || status === 'running_late'
    expect(isReleased({ ...called, ...(effect!.set as object) }, at(10)), status).toBe(isAwaited)
  }
})

test('G18: nobody comes or gets more time after the end, whether or not the log says so yet', () => {
  const floor = alone(CALLED)
  expect(decideGuestOnMyWay(floor, { guestId: 'a' }, at(9))).toEqual([{ ...one, set: { onMyWayAt: at(9) } }])
  expect(decideGuestOnMyWay(floor, { guestId: 'a' }, at(10))).toMatchObject({ code: 'guest-not-waiting' })
  const more = (now: Instant) => decideGiveMoreTime(floor, { guestId: 'a', minutes: 5 }, now, { byGuest: false })
  expect(more(at(9))).toEqual([{ ...one, set: { graceUntil: at(15) } }])
  expect(more(at(10))).toMatchObject({ code: 'guest-not-waiting' })
  // A party says only once since when it comes.
  expect(decideGuestOnMyWay(alone({ onMyWayAt: OLD }), { guestId: 'a' }, NOW)).toMatchObject([
    { set: { onMyWayAt: OLD } },
  ])
})

test('G18: a guest takes more time up to a limit, a host up to a higher one; who was not called gets none', () => {
  for (const [byGuest, most] of [
    [true, GUEST_GRACE_MINUTES],
    [false, MOST_GRACE_MINUTES],
  ] as const) {
    const more = (minutes: number) => decideGiveMoreTime(alone(CALLED), { guestId: 'a', minutes }, NOW, { byGuest })
    expect(more(most - 10)).toEqual([{ ...one, set: { graceUntil: at(most) } }])
    expect(more(most - 9)).toMatchObject({ code: 'no-more-time' })
  }
  const uncalled = decideGiveMoreTime(alone(), { guestId: 'a', minutes: 5 }, NOW, { byGuest: true })
  expect(uncalled).toMatchObject({ code: 'guest-not-called' })
})

test('G19: a status comes with its own detail only, and taking a party back keeps the quote only', () => {
  const set = (more: object, input: object) =>
    decideSetGuestStatus(alone(more), { guestId: 'a', ...input } as never, NOW)
  expect(set({}, { status: 'running_late', lateMinutes: 15 })).toMatchObject([{ set: { lateMinutes: 15 } }])
  expect(set({}, { status: 'partially_arrived', arrivedCount: 2 })).toMatchObject([{ set: { arrivedCount: 2 } }])
  expect(set({}, { status: 'cancelled', endReason: 'left' })).toMatchObject([{ set: { endReason: 'left' } }])
  expect(set({ arrivedCount: 2 }, { status: 'arrived' })).toMatchObject([{ set: { arrivedCount: null } }])
  for (const input of [
    { status: 'arrived', lateMinutes: 15 },
    { status: 'arrived', arrivedCount: 2 },
    { status: 'no_show', endReason: 'left' },
  ])
    expect(set({}, input)).toMatchObject({ code: 'wrong-detail' })
  const was = { quotedFrom: 1, quotedTo: 2, quotedAt: OLD, firstQuotedTo: 2, jumpReason: 'birthday' }
  const gone = { ...was, ...CALLED, onMyWayAt: OLD, lateMinutes: 5, arrivedCount: 1, endReason: 'left' as const }
  const { version: _, updatedAt: __, ...back } = guest('a', { ...was, jumpReason: null })
  expect(
    play({ guests: [guest('a', { ...gone, status: 'cancelled', endedAt: OLD })] }, 'set-guest-status', {
      guestId: 'a',
      status: 'waitlist',
    }),
  ).toMatchObject({ 'guest a': back })
})

const waits = (id: string, minutes: number, more: Parameters<typeof guest>[1] = {}) =>
  guest(id, { checkInTime: at(minutes), ...more })

test('G20: ahead are those who wait longer, by size; nobody at a table, released or expected later', () => {
  const me = waits('m', 0)
  const line = [
    me,
    waits('two', -9, { partySize: 2 }),
    waits('four', -8, { partySize: 4, status: 'partially_arrived' }),
    waits('six', -7, { partySize: 6 }),
    waits('seven', -6, { partySize: 7 }),
    waits('later', 1),
    waits('table', -5, { tableId: 't' }),
    waits('seated', -5, { status: 'seated' }),
    waits('gone', -5, { status: 'cancelled' }),
    waits('released', -5, { notifiedAt: OLD, graceUntil: NOW }),
    guest('expected', { status: 'confirmed', reservationTime: at(5) }),
  ]
  expect(aheadOf(line, me, NOW)).toEqual({
    parties: 4,
    covers: 19,
    bySize: { '1-2': 1, '3-4': 1, '5-6': 1, '7+': 1 },
  })
  expect(aheadOf(line, me, at(5)).bySize['1-2'], 'the expected party is due').toBe(2)
  expect(passedOver(line, me, 4, NOW).map(({ id }) => id)).toEqual(['two', 'four'])
  // Of two who came at the same moment one is first.
  const [first, second] = [waits('a', 0), waits('b', 0)]
  expect(aheadOf([first, second], first, NOW).parties).toBe(0)
  expect(aheadOf([first, second], second, NOW).parties).toBe(1)
})

test('G20: the line is an order: each place from 0 is taken once', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(40), { maxLength: 12 }), fc.nat(3), (minutes, same) => {
      const line = minutes.map((each, n) => waits(`g${n}`, Math.floor(each / (same + 1))))
      const places = line.map((each) => aheadOf(line, each, NOW).parties)
      expect(places.toSorted((a, b) => a - b)).toEqual(line.map((_, n) => n))
    }),
  )
})

test('G21: the reason for seating a party before others is stored, and nothing where there is none', () => {
  const floor = floorOf({ tables: [table('t')], guests: [guest('a')] })
  const seat = (more: object) => decideSeatGuest(floor, { guestId: 'a', tableId: 't', ...more }, NOW)
  expect(seat({ jumpReason: 'birthday' })).toMatchObject([{ set: { jumpReason: 'birthday', status: 'seated' } }, {}])
  expect((seat({}) as Effect[])[0]!.set).not.toHaveProperty('jumpReason')
})
