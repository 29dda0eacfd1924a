import { expect, test } from 'vitest'
import type { Instant } from '../platform/clock.ts'
import { naive, naiveOrNull, offset, socketTime, zulu } from './times.ts'

const withMicros = '2026-11-23T18:00:00.100000Z' as Instant
const whole = '2026-11-23T18:00:00.000000Z' as Instant

test('the fraction has six digits, or is left out when it is zero', () => {
  expect([naive(withMicros), naive(whole)]).toEqual(['2026-11-23T18:00:00.100000', '2026-11-23T18:00:00'])
  expect([zulu(withMicros), zulu(whole)]).toEqual(['2026-11-23T18:00:00.100000Z', '2026-11-23T18:00:00Z'])
  expect([offset(withMicros), offset(whole)]).toEqual(['2026-11-23T18:00:00.100000+00:00', '2026-11-23T18:00:00+00:00'])
})

test('sockets always get six digits', () => {
  expect([socketTime(withMicros), socketTime(whole)]).toEqual([withMicros, whole])
})

test('a time that has not come stays null', () => {
  expect([naiveOrNull(null), naiveOrNull(whole)]).toEqual([null, '2026-11-23T18:00:00'])
})
