import { expect, test } from 'vitest'
import { boxOf, lineOf, painted, plain, visible, type Scene } from './frame.ts'
import { Tally } from './tally.ts'

const house = (name: string, tables: number) => ({
  name,
  waiting: 12,
  seated: 31,
  cells: Array.from({ length: tables }, (_, i) => (['taken', 'free', 'reserved', 'out'] as const)[i % 4]!),
  online: 5,
})
const scene = (restaurants: number, tables: number): Scene => ({
  title: 'QTable demo',
  from: 1020,
  to: 1350,
  now: 1185,
  houses: Array.from({ length: restaurants }, (_, i) => house(`A rather long name ${i}`, tables)),
  devices: restaurants * 5,
  news: '19:45 Cedar: the Novák family '.repeat(5),
  tally: new Tally(),
})

test('every line of the box has the width of the box, with colours and without', () => {
  for (const width of [60, 80, 118])
    for (const paint of [plain, painted])
      for (const tables of [0, 12, 40, 100])
        for (const line of boxOf(scene(3, tables), width, 40, paint)) expect(visible(line)).toBe(width)
})

test('the box is not higher than the terminal', () => {
  expect(boxOf(scene(50, 40), 100, 24, plain).length).toBeLessThanOrEqual(24)
  expect(boxOf(scene(50, 40), 100, 24, plain).join('\n')).toContain('and 39 more')
})

test('one line says it too, without colours', () => {
  expect(lineOf(scene(2, 40))).toMatch(/^19:45 {2}waiting 24 {2}seated 62 {2}free 20 \| online 10\/10 \| /)
})

test('quantiles are those of the values', () => {
  const tally = new Tally()
  for (let i = 1; i <= 100; i++) tally.lag.add(i)
  expect(tally.lag.total.quantile(0.5)).toBe(50)
  expect(tally.lag.total.quantile(0.99)).toBe(99)
  expect(tally.lag.total.max).toBe(100)
  expect(tally.lag.last.count).toBe(0)
  tally.turn()
  expect(tally.lag.last.quantile(1)).toBe(100)
  tally.turn()
  expect(tally.lag.last.count).toBe(0)
})
