import { expect, test } from 'vitest'
import type { Instant } from '../platform/clock.ts'
import { countedHour, decideStep, retryMillis, RETRY_MILLIS } from './rules.ts'

const at = (text: string) => `${text}:00.000000Z` as Instant
const rules = { timeZone: 'Europe/Berlin', quietHours: { from: '22:00', to: '08:00' } as const, hourlyLimit: 3 }
const idle = { failures: 0, hour: null, sentInHour: 0 }
const next = { isUrgent: false, expiresAt: at('2030-01-01T00:00') }

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
