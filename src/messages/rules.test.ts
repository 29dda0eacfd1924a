import fc from 'fast-check'
import { expect, test } from 'vitest'
import { microsOf, plusMillis, type Instant } from '../platform/clock.ts'
import { countedHour, decideStep, localMinutes, quietEnd, retryMillis, RETRY_MILLIS } from './rules.ts'

const at = (text: string) => `${text}:00.000000Z` as Instant
const rules = { timeZone: 'Europe/Berlin', quietFrom: '22:00', quietUntil: '08:00', hourlyLimit: 3 }
const idle = { failures: 0, hour: null, sentInHour: 0 }
const next = { isUrgent: false, expiresAt: at('2030-01-01T00:00') }

test('X9: quiet hours are those of the restaurant’s clock, over midnight and over both changes of the clocks', () => {
  const ends = (now: string, more: object = {}) => quietEnd({ ...rules, ...more }, at(now))
  expect(ends('2026-11-24T20:59')).toBeNull()
  expect(ends('2026-11-24T21:00')).toBe(at('2026-11-25T07:00'))
  expect(ends('2026-11-25T06:59')).toBe(at('2026-11-25T07:00'))
  expect(ends('2026-11-25T07:00')).toBeNull()
  // The night of 29 March 2026 has an hour less, that of 25 October an hour more.
  expect(ends('2026-03-28T21:30')).toBe(at('2026-03-29T06:00'))
  expect(ends('2026-10-24T20:30')).toBe(at('2026-10-25T07:00'))
  expect(ends('2026-11-24T13:30', { quietFrom: '14:00', quietUntil: '15:30' })).toBe(at('2026-11-24T14:30'))
  expect(ends('2026-11-24T13:30', { quietFrom: '14:00', quietUntil: '14:00' })).toBeNull()
})

test('X9: the end of quiet hours is when the clock shows it, at most a day ahead, in any zone', () => {
  const zones = ['Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'Pacific/Apia', 'UTC']
  const minute = fc.integer({ min: 0, max: 1_439 })
  const time = (minutes: number) =>
    `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
  const seed = Date.now() % 1_000_000
  console.log(`seed ${seed}`)
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      minute,
      minute,
      fc.integer({ min: 0, max: 525_600 }),
      (zone, from, until, n) => {
        const now = plusMillis(at('2026-01-01T00:00'), n * 60_000)
        const end = quietEnd({ ...rules, timeZone: zone, quietFrom: time(from), quietUntil: time(until) }, now)
        if (end === null) return true
        const ahead = (microsOf(end) - microsOf(now)) / 60e6
        // A clock that skips the minute shows a later one.
        const off = (localMinutes(zone, end) - until + 1_440) % 1_440
        return ahead >= 0 && ahead <= 1_500 && (off === 0 || off <= 60 || off >= 1_380)
      },
    ),
    { seed, numRuns: 2_000 },
  )
})

test('X9: in quiet hours only what is urgent is sent; the restaurant’s own system is told at any time', () => {
  const night = at('2026-11-24T23:00')
  expect(decideStep(idle, next, rules, night, true)).toEqual({ do: 'put-off', until: at('2026-11-25T07:00') })
  expect(decideStep(idle, { ...next, isUrgent: true }, rules, night, true)).toEqual({ do: 'send' })
  expect(decideStep(idle, next, rules, night, false)).toEqual({ do: 'send' })
  expect(decideStep(idle, { ...next, expiresAt: night }, rules, night, false)).toEqual({ do: 'expire' })
})

test('X9: after the limit the lane waits until an hour after the first message that counted', () => {
  const now = at('2026-11-24T18:30')
  const hour = at('2026-11-24T18:00')
  expect(decideStep({ ...idle, hour, sentInHour: 2 }, next, rules, now, true)).toEqual({ do: 'send' })
  expect(decideStep({ ...idle, hour, sentInHour: 3 }, next, rules, now, true)).toEqual({
    do: 'wait',
    until: at('2026-11-24T19:00'),
  })
  expect(decideStep({ ...idle, hour, sentInHour: 3 }, next, rules, now, false)).toEqual({ do: 'send' })
  expect(countedHour({ ...idle, hour, sentInHour: 3 }, at('2026-11-24T19:00'))).toEqual({
    hour: at('2026-11-24T19:00'),
    sent: 0,
  })
})

test('X3: pauses double, have their limit, and vary by a quarter', () => {
  expect([1, 2, 3, 4].map((failures) => retryMillis(failures, () => 0))).toEqual([2_000, 4_000, 8_000, 16_000])
  expect(retryMillis(1, () => 1)).toBe(1_500)
  expect(retryMillis(1_000_000, () => 0)).toBe(RETRY_MILLIS.longest)
})
