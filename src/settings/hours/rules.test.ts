import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isInstant, microsOf, plusMillis, type Instant } from '../../platform/clock.ts'
import {
  boundsOf,
  clockAt,
  dayOf,
  endOfHours,
  instantAt,
  isTimeZone,
  minutesOf,
  periodAt,
  periodsOf,
  plusDays,
  weekdayOf,
  WEEKDAYS,
  type Hours,
  type Span,
} from './rules.ts'

const at = (text: string) => `${text}:00.000000Z` as Instant
const hoursOf = ({ from, to }: Span) => (microsOf(to) - microsOf(from)) / 3_600_000_000
const every = [...WEEKDAYS]
const period = (name: string, from: string, to: string) => ({ name, from, to, coversPerQuarter: null })
const settings = (some: Partial<Hours>): Hours => ({
  timeZone: 'Europe/Berlin',
  dayStart: '00:00',
  servicePeriods: [],
  specialDays: [],
  ...some,
})
const berlin = settings({ dayStart: '04:00', servicePeriods: [{ ...period('Night', '18:00', '03:30'), days: every }] })

test('Z2: a day has 23 hours when clocks are moved forward and 25 when they are moved back', () => {
  const lengths = (days: readonly string[], of: Hours) => days.map((day) => hoursOf(boundsOf(day, of)))
  expect(lengths(['2026-03-28', '2026-03-29', '2026-03-30'], settings({}))).toEqual([24, 23, 24])
  expect(lengths(['2026-10-24', '2026-10-25', '2026-10-26'], settings({}))).toEqual([24, 25, 24])
  // The night in which clocks are moved belongs to the service day before.
  expect(lengths(['2026-03-28', '2026-03-29'], berlin)).toEqual([23, 24])
  expect(lengths(['2026-10-24', '2026-10-25'], berlin)).toEqual([25, 24])
  // Half an hour on Lord Howe, and a day that Samoa left out.
  expect(lengths(['2026-04-05', '2026-10-04'], settings({ timeZone: 'Australia/Lord_Howe' }))).toEqual([24.5, 23.5])
  expect(lengths(['2011-12-29', '2011-12-30'], settings({ timeZone: 'Pacific/Apia' }))).toEqual([24, 0])
  expect(boundsOf('2026-03-29', settings({}))).toEqual({ from: at('2026-03-28T23:00'), to: at('2026-03-29T22:00') })
  expect(boundsOf('2026-10-25', settings({}))).toEqual({ from: at('2026-10-24T22:00'), to: at('2026-10-25T23:00') })
})

test('Z2: an instant before the beginning of a day belongs to the night of the day before', () => {
  expect(dayOf(at('2026-11-23T22:59'), settings({}))).toBe('2026-11-23')
  expect(dayOf(at('2026-11-23T23:00'), settings({}))).toBe('2026-11-24')
  expect(dayOf(at('2026-11-24T02:59'), berlin)).toBe('2026-11-23')
  expect(dayOf(at('2026-11-24T03:00'), berlin)).toBe('2026-11-24')
  // Havana repeats the hour from midnight: both are of the new day. Midnight came first at 04:00 UTC.
  const havana = settings({ timeZone: 'America/Havana' })
  expect(boundsOf('2026-11-01', havana)).toEqual({ from: at('2026-11-01T04:00'), to: at('2026-11-02T05:00') })
  expect([at('2026-11-01T03:59'), at('2026-11-01T04:00'), at('2026-11-01T05:30')].map((i) => dayOf(i, havana))).toEqual(
    ['2026-10-31', '2026-11-01', '2026-11-01'],
  )
  // The whole range of days, and a zone that an old device does not know.
  for (const day of ['0001-01-01', '0099-06-01', '9999-12-31'])
    for (const { from, to } of [
      boundsOf(day, settings({})),
      boundsOf(day, settings({ timeZone: 'Pacific/Kiritimati' })),
    ])
      expect([isInstant(from), isInstant(to), from < to], day).toEqual([true, true, true])
  expect(boundsOf('2026-01-01', settings({ timeZone: 'Mars/Olympus' })).from).toBe(at('2026-01-01T00:00'))
})

const ZONES = [
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns',
  'America/Havana',
  'Australia/Lord_Howe',
  'Asia/Tehran',
  'Pacific/Apia',
  'Asia/Kathmandu',
  'Africa/Casablanca',
  'Antarctica/Troll',
  'America/Santiago',
  'UTC',
]

test('Z2: every instant is in exactly one day, and a time is the first that clocks show', () => {
  const seed = Date.now() % 1_000_000
  const minutes = fc.integer({ min: 0, max: 1_439 })
  // 1990 to 2040, in milliseconds.
  const instants = fc.integer({ min: 631_152_000_000, max: 2_208_988_800_000 })
  fc.assert(
    fc.property(fc.constantFrom(...ZONES), instants, minutes, minutes, (timeZone, millis, start, minute) => {
      const instant = plusMillis(at('1970-01-01T00:00'), millis)
      const dayStart = `${String(Math.floor(start / 60)).padStart(2, '0')}:${String(start % 60).padStart(2, '0')}`
      const days = { timeZone, dayStart }
      const day = dayOf(instant, days)
      const { from, to } = boundsOf(day, days)
      expect(from <= instant && instant < to).toBe(true)
      expect(boundsOf(plusDays(day, 1), days).from).toBe(to)
      const first = instantAt(timeZone, day, minute)
      const [shown, before] = [clockAt(timeZone, first), clockAt(timeZone, plusMillis(first, -1))]
      const text = (clock: typeof shown) => `${clock.day} ${String(clock.minutes).padStart(4, '0')}`
      expect(text(shown) >= `${day} ${String(minute).padStart(4, '0')}`).toBe(true)
      expect(text(before) < `${day} ${String(minute).padStart(4, '0')}`).toBe(true)
    }),
    {
      seed,
      numRuns: 3_000,
      reporter: (run) => run.failed && expect.fail(`seed ${seed}: ${fc.defaultReportMessage(run)}`),
    },
  )
})

test('Z3: periods follow the clocks, also past midnight and through a moved hour', () => {
  const names = (instants: readonly string[], of: Hours) => instants.map((text) => periodAt(at(text), of)?.name ?? null)
  expect(names(['2026-11-23T16:59', '2026-11-23T17:00', '2026-11-24T02:29', '2026-11-24T02:30'], berlin)).toEqual([
    null,
    'Night',
    'Night',
    null,
  ])
  // Clocks move from 02:00 to 03:00, and from 03:00 to 02:00: the same evening is an hour shorter and longer.
  expect(periodsOf('2026-03-28', berlin).map(hoursOf)).toEqual([8.5])
  expect(periodsOf('2026-10-24', berlin).map(hoursOf)).toEqual([10.5])
  // A period in the hour that is left out does not take place; one that begins in it begins when clocks are moved.
  const missing = settings({ servicePeriods: [{ ...period('Missing', '02:10', '02:50'), days: every }] })
  expect(periodsOf('2026-03-29', missing)).toEqual([])
  expect(periodsOf('2026-03-30', missing).map(hoursOf)).toEqual([40 / 60])
  const late = settings({ servicePeriods: [{ ...period('Late', '02:30', '05:00'), days: every }] })
  expect(periodsOf('2026-03-29', late)[0]!).toMatchObject({ from: at('2026-03-29T01:00'), to: at('2026-03-29T03:00') })
  // Of an hour that comes twice the first counts.
  expect(periodsOf('2026-10-25', missing)[0]!.from).toBe(at('2026-10-25T00:10'))
  expect(weekdayOf('2026-11-23')).toBe('mon')
})

test('Z3: days of the week, and dates with hours of their own or none', () => {
  const of = settings({
    servicePeriods: [
      { ...period('Dinner', '18:00', '23:00'), days: ['fri', 'sat'] },
      { ...period('Lunch', '12:00', '14:30'), days: ['fri'] },
    ],
    specialDays: [
      { date: '2026-12-25', name: 'Christmas', periods: [] },
      { date: '2026-12-31', name: 'New Year', periods: [period('Gala', '19:00', '02:00')] },
    ],
  })
  const names = (day: string) => periodsOf(day, of).map(({ name }) => name)
  expect(['2026-12-18', '2026-12-19', '2026-12-20', '2026-12-25', '2026-12-31'].map(names)).toEqual([
    ['Lunch', 'Dinner'],
    ['Dinner'],
    [],
    [],
    ['Gala'],
  ])
  expect(periodAt(at('2027-01-01T00:30'), of)).toMatchObject({ name: 'Gala', day: '2026-12-31' })
})

test('Z4: quiet hours end at their time, also after midnight', () => {
  const end = (text: string) => endOfHours(at(text), { from: '22:00', to: '09:00' }, berlin)
  expect([end('2026-11-23T20:59'), end('2026-11-24T08:00')]).toEqual([null, null])
  expect([end('2026-11-23T21:00'), end('2026-11-24T07:59')]).toEqual([at('2026-11-24T08:00'), at('2026-11-24T08:00')])
  expect(endOfHours(at('2026-11-23T21:00'), null, berlin)).toBeNull()
})

test('Z5: a zone has rules and a history', () => {
  expect(['UTC', 'Europe/Berlin', 'Mars/Olympus', '+02:00', ''].map(isTimeZone)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ])
  expect(minutesOf('18:30')).toBe(1_110)
})
