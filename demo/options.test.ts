import { expect, test } from 'vitest'
import { readOptions } from './options.ts'

const read = (line: string) => readOptions(line === '' ? [] : line.split(' '), 42)

test('without any option there are sensible ones', () => {
  expect(read('')).toEqual({
    url: 'http://localhost:8000',
    restaurants: 1,
    devices: 5,
    speed: 60,
    floor: 'middle',
    load: 1,
    seed: 42,
    from: 1020,
    to: 1350,
    day: 'Fri',
    maxSeconds: 720,
    plantFault: false,
  })
})

test('every option is understood, with a space or an equals sign', () => {
  const line =
    '--url=https://floor.example/ --restaurants 3 --devices=10 --speed 600 --floor large --load 0.7 --seed 7 --from 11:30 --to 15:00 --day sat --max-seconds 90 --plant-fault'
  expect(read(line)).toEqual({
    url: 'https://floor.example',
    restaurants: 3,
    devices: 10,
    speed: 600,
    floor: 'large',
    load: 0.7,
    seed: 7,
    from: 690,
    to: 900,
    day: 'Sat',
    maxSeconds: 90,
    plantFault: true,
  })
})

test('all problems are told at once', () => {
  const line =
    'evening --url nowhere --restaurants 0 --devices 1.5 --speed fast --floor huge --load -1 --seed= --from 25:00 --to 9 --day Someday --wrong 1 --plant-fault=yes --max-seconds'
  const { problems } = read(line) as { problems: string[] }
  for (const about of [
    'not an option: evening',
    '--url',
    '--restaurants',
    '--devices',
    '--speed',
    '--floor',
    '--load',
    '--seed',
    '--from',
    '--to',
    '--day',
    'there is no option --wrong',
    '--plant-fault takes no value',
    '--max-seconds needs a value',
  ])
    expect(problems.some((problem) => problem.includes(about))).toBe(true)
})

test('an evening that ends before it begins, or in which nobody comes, is a problem', () => {
  expect(read('--from 19:00 --to 18:00')).toEqual({ problems: ['--to must be later than --from'] })
  expect(read('--from 15:00 --to 16:00')).toEqual({ problems: [expect.stringContaining('nobody comes')] })
})

test('help comes before any problem', () => {
  expect(read('--help')).toBe('help')
  expect(read('--devices none --help')).toBe('help')
})
