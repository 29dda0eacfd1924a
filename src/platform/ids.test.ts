import { expect, test } from 'vitest'
import { instantOfMicros, isInstant, microsOf, plusMillis, systemClock } from './clock.ts'
import { isId, newId } from './ids.ts'
import { parseTimestamp } from './database/column-types.ts'

test('P8: ids are lower-case UUIDs of version 7, all different and in the order they were made', () => {
  const ids = Array.from({ length: 20_000 }, () => newId())
  expect(ids.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id))).toBe(true)
  expect(ids.every(isId)).toBe(true)
  expect(new Set(ids).size).toBe(ids.length)
  expect([...ids].sort()).toEqual(ids)
})

test('P8: ids stay in order when the clock runs back or the counter of a millisecond is used up', () => {
  const now = Date.now() + 3_600_000
  const ids = [newId(now), ...Array.from({ length: 5_000 }, () => newId(now)), newId(now - 60_000)]
  expect([...ids].sort()).toEqual(ids)
})

test('P8: the clock never repeats and never runs back, to the microsecond', () => {
  const clock = systemClock()
  const times = Array.from({ length: 20_000 }, () => clock.now())
  expect(times.every(isInstant)).toBe(true)
  expect(times.every((time, i) => i === 0 || time > times[i - 1]!)).toBe(true)
})

test('P8: instants convert to microseconds and back', () => {
  for (const micros of [0, 1, 999_999, 1_000_000, 1_795_000_000_123_456, -1, -62_135_596_800_000_000])
    expect(microsOf(instantOfMicros(micros))).toBe(micros)
  expect(plusMillis(instantOfMicros(1_000_001), -1000)).toBe('1970-01-01T00:00:00.000001Z')
})

test("P8: PostgreSQL's text of a time in UTC is read to the microsecond, and nothing else is", () => {
  expect(parseTimestamp('2026-11-23 18:00:00+00')).toBe('2026-11-23T18:00:00.000000Z')
  expect(parseTimestamp('2026-11-23 18:00:00.12+00')).toBe('2026-11-23T18:00:00.120000Z')
  expect(parseTimestamp('0001-01-01 00:00:00+00')).toBe('0001-01-01T00:00:00.000000Z')
  for (const other of ['infinity', '2026-11-23 18:00:00+05:30', '0044-03-15 00:00:00+00 BC'])
    expect(() => parseTimestamp(other)).toThrow('unexpected')
})
