import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { every } from './shared-timer.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('what is due from time to time is done on one timer, each at its own rate, until it is stopped', () => {
  const ran: string[] = []
  const stops = [
    every(500, () => ran.push('half')),
    every(1_000, () => ran.push('one')),
    every(1_500, () => ran.push('more')),
  ]
  expect(vi.getTimerCount()).toBe(1)
  vi.advanceTimersByTime(6_000)
  const times = (what: string) => ran.filter((each) => each === what).length
  expect(['half', 'one', 'more'].map(times)).toEqual([12, 6, 4])
  stops[1]!()
  stops[1]!()
  vi.advanceTimersByTime(3_000)
  expect(['half', 'one', 'more'].map(times)).toEqual([18, 6, 6])
  for (const stop of stops) stop()
  expect(vi.getTimerCount()).toBe(0)
})

test('what is not due at whole pulses has a timer of its own', () => {
  let ran = 0
  const stop = every(20, () => ran++)
  vi.advanceTimersByTime(100)
  expect(ran).toBe(5)
  stop()
  expect(vi.getTimerCount()).toBe(0)
})
