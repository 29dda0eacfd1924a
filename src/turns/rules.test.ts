import fc from 'fast-check'
import { expect, test } from 'vitest'
import { microsOf, plusMillis, type Instant } from '../platform/clock.ts'
import {
  CELLS,
  cellOf,
  expectedEnd,
  expectedTurn,
  meanMinutes,
  meanMinutesAfter,
  PUBLISHED,
  turnOfCell,
  turnTimeOf,
  type Turn,
} from './rules.ts'

const SEATED = '2026-11-27T18:00:00.000000Z' as Instant
const MINUTE = 60_000
const at = (minutes: number) => plusMillis(SEATED, Math.round(minutes * MINUTE))
const minutesUntil = (end: Instant) => (microsOf(end) - microsOf(SEATED)) / 1000 / MINUTE

test('Q1: without a history the published minutes count, by size and weekday', () => {
  const of = (size: number, weekday: number) =>
    meanMinutes(expectedTurn(undefined, { size, weekday, period: 'evening' }))
  expect(of(2, 0)).toBeCloseTo(45.5, 6)
  expect(of(4, 3)).toBeCloseTo(56.7, 6)
  expect(of(9, 5)).toBeCloseTo(83.2, 6)
  expect(of(30, 5)).toBeCloseTo(83.2, 6)
  expect(expectedTurn(undefined, { size: 2, weekday: 0, period: 'late' }).n).toBe(0)
})

test('Q1: each size, weekday and part of the day has its cell', () => {
  const cells = Array.from({ length: CELLS }, (_, cell) => cell)
  expect(cells.map((cell) => cellOf(turnOfCell(cell)))).toEqual(cells)
  const turns = { ...PUBLISHED, logMeans: cells, visits: cells }
  expect(expectedTurn(turns, turnOfCell(100))).toMatchObject({ logMean: 100, n: 100 })
})

test('Q1: a party belongs to the service day in the zone of the restaurant, whatever the clocks do', () => {
  const of = (time: string, timeZone: string, dayStart = '04:00') => turnTimeOf(time as Instant, { timeZone, dayStart })
  // Friday, 27 November 2026, at noon in New York; then one in the morning of Saturday, which is still Friday's service.
  expect(of('2026-11-27T17:00:00.000000Z', 'America/New_York')).toEqual({ weekday: 5, period: 'midday' })
  expect(of('2026-11-28T06:00:00.000000Z', 'America/New_York')).toEqual({ weekday: 5, period: 'late' })
  expect(of('2026-11-28T09:00:00.000000Z', 'America/New_York')).toEqual({ weekday: 6, period: 'morning' })
  // 19:30 on both Sundays of a change of the clocks in Berlin.
  expect(of('2026-03-29T17:30:00.000000Z', 'Europe/Berlin')).toEqual({ weekday: 0, period: 'evening' })
  expect(of('2026-10-25T18:30:00.000000Z', 'Europe/Berlin')).toEqual({ weekday: 0, period: 'evening' })
  // Where service days begin at midnight, one in the morning is Saturday.
  expect(of('2026-11-28T06:00:00.000000Z', 'America/New_York', '00:00')).toEqual({ weekday: 6, period: 'late' })
})

const turnArbitrary: fc.Arbitrary<Turn> = fc.record({
  logMean: fc.double({ min: 2, max: 6, noNaN: true }),
  logVariance: fc.double({ min: 0.01, max: 0.5, noNaN: true }),
  n: fc.constant(0),
})

test('Q3: the expected end is never past, and moves on as the party stays', () => {
  const minutes = fc.double({ min: -60, max: 3_000, noNaN: true })
  fc.assert(
    fc.property(turnArbitrary, minutes, minutes, (turn, a, b) => {
      const [earlier, later] = [Math.min(a, b), Math.max(a, b)]
      const ends = [expectedEnd(SEATED, turn, at(earlier)), expectedEnd(SEATED, turn, at(later))] as const
      expect(ends[0] >= at(earlier)).toBe(true)
      expect(ends[1] >= at(later)).toBe(true)
      // To a second: the tail is exact to 1e-7.
      expect(minutesUntil(ends[1])).toBeGreaterThan(minutesUntil(ends[0]) - 1 / 60)
    }),
    { numRuns: 1_000 },
  )
})

test('Q3: the expected end is the mean of the stays that are longer than the party has sat', () => {
  const turn = { logMean: Math.log(50), logVariance: 0.1, n: 0 }
  // 52.56 minutes.
  expect(expectedEnd(SEATED, turn, SEATED)).toBe('2026-11-27T18:52:34.000000Z')
  expect(expectedEnd(SEATED, turn, at(-30))).toBe('2026-11-27T18:52:34.000000Z')
  for (const elapsed of [10, 30, 50, 80, 120]) {
    // The same mean as a sum over the density.
    let [mass, mean] = [0, 0]
    for (let minutes = elapsed + 0.005; minutes < 1_000; minutes += 0.01) {
      const density = Math.exp(-((Math.log(minutes) - turn.logMean) ** 2) / (2 * turn.logVariance)) / minutes
      mass += density
      mean += density * minutes
    }
    expect(meanMinutesAfter(turn, elapsed)).toBeCloseTo(mean / mass, 2)
  }
})

test('Q3: a table that nobody cleared is expected to be free soon, and not at no time', () => {
  const turn = { logMean: Math.log(50), logVariance: 0.1, n: 0 }
  for (const hours of [6, 24, 24 * 365]) {
    const left = meanMinutesAfter(turn, hours * 60) - hours * 60
    expect(left).toBeGreaterThanOrEqual(0)
    expect(left).toBeLessThan(hours * 60 * 0.2)
  }
})
