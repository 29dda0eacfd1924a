import { describe, expect, test } from 'vitest'
import { arrivals, busyness, guestsExpected, partiesPerMinute, quartersOf } from './arrivals.ts'
import { planEvening } from './evening.ts'
import { DAYS, diningMinutes, DINING_VARIATION, meanDining, PARTY_SIZES } from './figures.ts'
import { FLOORS, floorOf } from './floors.ts'
import { Random } from './random.ts'

const MANY = 40_000
const mean = (of: readonly number[]) => of.reduce((sum, each) => sum + each, 0) / of.length
const variation = (of: readonly number[]) => {
  const m = mean(of)
  return Math.sqrt(mean(of.map((each) => (each - m) ** 2))) / m
}
const draws = <T>(draw: (random: Random) => T): T[] => {
  const random = new Random(7)
  return Array.from({ length: MANY }, () => draw(random))
}

describe('draws', () => {
  test('repeat for the same seed, and differ between seeds and streams', () => {
    const ten = (random: Random) => Array.from({ length: 10 }, () => random.next())
    expect(ten(new Random(7, 1))).toEqual(ten(new Random(7, 1)))
    expect(ten(new Random(7, 1))).not.toEqual(ten(new Random(7, 2)))
    expect(ten(new Random(7, 1))).not.toEqual(ten(new Random(8, 1)))
  })

  test('are uniform between 0 and 1', () => {
    const all = draws((random) => random.next())
    expect(mean(all)).toBeCloseTo(0.5, 1)
    expect(Math.min(...all)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...all)).toBeLessThan(1)
  })

  test('of a lognormal have the mean and the variation asked for', () => {
    for (const cv of [0.25, 0.35, 0.5, 1]) {
      const all = draws((random) => random.lognormal(50, cv))
      expect(Math.abs(mean(all) - 50)).toBeLessThan(1)
      expect(Math.abs(variation(all) - cv)).toBeLessThan(0.04)
    }
  })

  test('of Poisson have mean and variance alike, small and large', () => {
    for (const rate of [0.3, 4, 130]) {
      const all = draws((random) => random.poisson(rate))
      expect(Math.abs(mean(all) / rate - 1)).toBeLessThan(0.03)
      expect(Math.abs((variation(all) * mean(all)) ** 2 / rate - 1)).toBeLessThan(0.05)
    }
    expect(new Random(1).poisson(0)).toBe(0)
  })
})

describe('the figures', () => {
  test('party sizes: mean near 2.78, more than 60 % of one or two', () => {
    const sizes = draws((random) => random.weighted(PARTY_SIZES))
    expect(Math.abs(mean(sizes) - 2.78)).toBeLessThan(0.03)
    expect(sizes.filter((size) => size <= 2).length / MANY).toBeGreaterThan(0.58)
    expect(PARTY_SIZES.reduce((sum, [, percent]) => sum + percent, 0)).toBeCloseTo(100)
  })

  test('dining minutes are known for every size and day', () => {
    for (const day of DAYS) for (const size of [1, 2, 8, 9, 20]) expect(diningMinutes(size, day)).toBeGreaterThan(30)
    expect(diningMinutes(2, 'Fri')).toBe(47.4)
    expect(diningMinutes(14, 'Sat')).toBe(71.8)
  })

  test('the busiest hour of dinner is 19:00 to 20:00, 2.2 times the mean', () => {
    expect(busyness(19 * 60)).toBe(2.2)
    expect(busyness(20 * 60 - 1)).toBe(2.2)
    expect(guestsExpected(17 * 60, 22 * 60) / 300).toBeCloseTo(1)
    expect(busyness(22 * 60)).toBe(0)
    expect(busyness(16 * 60 + 59)).toBe(0)
  })

  test('floors have the tables they should, with numbers and places of their own', () => {
    expect(FLOORS.map((size) => floorOf(size).length)).toEqual([12, 40, 100])
    for (const size of FLOORS) {
      const floor = floorOf(size)
      expect(new Set(floor.map((table) => table.table_number)).size).toBe(floor.length)
      expect(new Set(floor.map(({ position: { x, y } }) => `${x} ${y}`)).size).toBe(floor.length)
      for (const { position } of floor) expect(Math.max(position.x, position.y)).toBeLessThan(1)
    }
    const seats = floorOf('middle').reduce((sum, table) => sum + table.capacity, 0)
    expect(seats).toBe(16 * 2 + 18 * 4 + 4 * 6 + 2 * 8)
  })
})

describe('arrivals', () => {
  test('come at the rate of each quarter of an hour', () => {
    const random = new Random(7)
    const quarters = quartersOf(17 * 60, 22 * 60)
    const counts = quarters.map(() => 0)
    const evenings = 2_000
    for (let i = 0; i < evenings; i++)
      for (const at of arrivals(random, 17 * 60, 22 * 60, 0.4)) counts[Math.floor((at - 17 * 60) / 15)]!++
    for (const [i, { from }] of quarters.entries())
      expect(Math.abs(counts[i]! / evenings / (0.4 * busyness(from) * 15) - 1)).toBeLessThan(0.12)
  })

  test('quarters are cut where the evening begins and ends', () => {
    expect(quartersOf(1025, 1052)).toEqual([
      { from: 1025, to: 1035 },
      { from: 1035, to: 1050 },
      { from: 1050, to: 1052 },
    ])
  })

  test('are as many as the floor can turn over in its busiest hours, times the load', () => {
    expect(partiesPerMinute(40, 1, 'Fri') * 1.825 * (meanDining('Fri') + 4)).toBeCloseTo(40)
    expect(partiesPerMinute(40, 1.3, 'Fri')).toBeCloseTo(1.3 * partiesPerMinute(40, 1, 'Fri'))
  })
})

describe('an evening', () => {
  const evening = { from: 17 * 60, to: 22 * 60 + 30, day: 'Fri', load: 1, tables: 2_000 } as const
  const parties = planEvening(new Random(7), evening)

  test('is the same for the same seed', () => {
    expect(planEvening(new Random(7), evening)).toEqual(parties)
    expect(planEvening(new Random(8), evening)).not.toEqual(parties)
  })

  test('has its parties in the order in which they are written down', () => {
    for (const [i, party] of parties.entries()) {
      expect(party.writtenAt).toBeGreaterThanOrEqual(parties[i - 1]?.writtenAt ?? 0)
      expect(party.at).toBeGreaterThanOrEqual(party.writtenAt)
    }
  })

  test('has reservations, no-shows and patience in the shares of the figures', () => {
    const reserved = parties.filter((party) => party.reservedFor !== null)
    const share = (part: number, all: number) => part / all
    expect(Math.abs(share(reserved.length, parties.length) - 0.4)).toBeLessThan(0.03)
    const noShows = reserved.filter((party) => party.fate === 'no-show').length
    expect(Math.abs(share(noShows, reserved.length) - 0.1)).toBeLessThan(0.02)
    const walkIns = parties.filter((party) => party.reservedFor === null)
    expect(Math.abs(share(walkIns.filter((party) => party.givesUp).length, walkIns.length) - 0.1)).toBeLessThan(0.02)
    expect(parties.some((party) => party.reservedFor === null && party.fate === 'no-show')).toBe(false)
  })

  test('has dining times with the mean of size and day, spread as assumed', () => {
    const twos = parties.filter((party) => party.size === 2).map((party) => party.dining)
    expect(Math.abs(mean(twos) - 47.4)).toBeLessThan(1)
    expect(Math.abs(variation(twos) - DINING_VARIATION)).toBeLessThan(0.03)
  })
})
